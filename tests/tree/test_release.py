"""A release of a tree, all of whose distributions are built, is whole."""

from __future__ import annotations

from pathlib import Path

from support.command import data, lines
from support.project import write_wheel
from support.tree import TreeBackend, write_tree


def test_what_a_tree_builds_is_a_whole_release(tmp_path: Path) -> None:
    tree, dist = write_tree(tmp_path / "tree"), tmp_path / "dist"
    backend = TreeBackend(tree)
    write_wheel(dist, "spam-common")
    wheels = {
        variant: backend.build("wheel", dist, **{"build-variant": variant})
        for variant in ("cu12", "cpu")
    }
    source = backend.build("sdist", dist, **{"build-variant": "cpu"})
    sdist = backend.build("sdist", dist)
    assert data("check", tree, "--dist", dist)["upload"] == [
        ["spam_common-1.0-py3-none-any.whl"],
        sorted([source.name, *(one.name for one in wheels.values())]),
        [sdist.name],
    ]
    # Both own the same files, and exclude each other: that is no problem.
    plain = backend.build("wheel", dist)
    wheels["cpu"].rename(dist / "spam_cpu-1.0-py3-none-win_amd64.whl")
    written = lines("check", tree, "--dist", dist, status=1)
    assert written[0].startswith(
        f"error: {plain.name}: is a wheel of spam itself, which must never"
    )
    lack = "error: spam-cpu: no wheel for Linux on x86_64 with glibc 2.17; cpu can be chosen there"
    assert any(one.startswith(lack) for one in written)
    assert all(one.startswith("error: spam-cpu: no wheel for ") for one in written[1:])
