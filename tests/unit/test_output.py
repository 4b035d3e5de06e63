"""Files that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from selector_backend.authoring.output import all_or_nothing
from selector_backend.errors import SelectorError


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


def test_a_folder_in_the_place_of_a_file_is_seen_before_any_file_is_replaced(
    tmp_path: Path,
) -> None:
    (tmp_path / "two").mkdir()
    with pytest.raises(SelectorError) as caught:
        write(tmp_path, "one", "two")
    assert str(caught.value) == (
        f"{tmp_path / 'two'} is a folder, and a file of that name is to be written. To fix it: "
        "move it away"
    )
    assert [*tmp_path.iterdir()] == [tmp_path / "two"]


def test_a_file_in_the_place_of_the_folder_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(SelectorError) as caught:
        write(tmp_path / "a", "one")
    assert str(caught.value) == f"{tmp_path / 'a'} is a file; expected a folder to write into"
