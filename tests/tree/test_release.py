"""A release of a tree, all of whose distributions are built, is whole."""

from __future__ import annotations

from pathlib import Path

from support.command import data, lines
from support.project import write_wheel
from support.tree import MODULE, TreeBackend, write_tree


def test_what_a_tree_builds_is_a_whole_release(tmp_path: Path) -> None:
    tree, dist = write_tree(tmp_path / "tree"), tmp_path / "dist"
    pyproject, code = tree / "pyproject.toml", tree / "src/spam/__init__.py"
    text = pyproject.read_text(encoding="utf-8")
    # The code's backend finds the version, which nobody else may run.
    text = text.replace('version = "1.0"\n', 'dynamic = ["version"]\n')
    pyproject.write_text(text, encoding="utf-8")
    code.write_text(f'"""Spam."""\n__version__ = "1.2"\n{MODULE}', encoding="utf-8")
    backend = TreeBackend(tree)
    write_wheel(dist, "spam-common", "1.2")
    variants = [
        backend.build(kind, dist, **{"build-variant": variant})
        for kind, variant in (("wheel", "cpu"), ("wheel", "cu12"), ("sdist", "cpu"))
    ]
    sdist = backend.build("sdist", dist)
    # Both variants own the same files. They exclude each other, so that is no problem.
    assert data("check", tree, "--dist", dist)["upload"] == [
        ["spam_common-1.2-py3-none-any.whl"],
        sorted(one.name for one in variants),
        [sdist.name],
    ]

    pyproject.write_text(text.replace(">=12", ">=11"), encoding="utf-8")
    plain = backend.build("wheel", dist)
    variants[0].rename(dist / "spam_cpu-1.2-py3-none-win_amd64.whl")
    first, second, *rest = lines("check", tree, "--dist", dist, status=1)
    assert first == (
        f'error: {sdist.name}: variant cu12: when: the table says [{{"cuda": ">=12"}}], '
        'pyproject.toml says [{"cuda": ">=11"}]; build it again'
    )
    assert second.startswith(f"error: {plain.name}: is a wheel of spam itself, which must never")
    lack = (
        "error: spam-cpu: no wheel for Linux on x86_64 with glibc 2.17; a machine there may get cpu"
    )
    assert any(one.startswith(lack) for one in rest)
    assert all(one.startswith("error: spam-cpu: no wheel for ") for one in rest)
