"""Files that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from selector_backend.authoring.output import all_or_nothing


def write(folder: Path, *names: str) -> None:
    with all_or_nothing(folder) as place:
        for name in names:
            (place / name).write_text("new", encoding="utf-8")
        if "bad" in names:
            raise ValueError("it went wrong")


def files(folder: Path) -> dict[str, str]:
    return {one.name: one.read_text(encoding="utf-8") for one in folder.iterdir()}


def test_files_are_replaced_and_others_kept(tmp_path: Path) -> None:
    write(tmp_path / "a/b", "one", "two")
    (tmp_path / "a/b/two").write_text("old", encoding="utf-8")
    (tmp_path / "a/b/other").write_text("old", encoding="utf-8")
    write(tmp_path / "a/b", "two", "three")
    assert files(tmp_path / "a/b") == {"one": "new", "two": "new", "three": "new", "other": "old"}


def test_nothing_is_left_of_what_went_wrong(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="it went wrong"):
        write(tmp_path / "a", "one", "bad")
    assert not (tmp_path / "a").exists()
    write(tmp_path / "a", "one")
    with pytest.raises(ValueError, match="it went wrong"):
        write(tmp_path / "a", "one", "bad")
    assert files(tmp_path / "a") == {"one": "new"}
