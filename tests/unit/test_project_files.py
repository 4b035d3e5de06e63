"""The patterns of `license-files`: what they match, on every Python."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest
from conftest import require_links, require_python
from support.environment import ROOT

from selector_backend.authoring.project_files import find_license_files

FILES = (
    *("LICENSE", "LICENSE.txt", "lower/license", "a-b", "[x]", ".hidden/LICENSE"),
    *("LICENSES/MIT.txt", "LICENSES/a/b/BSD.txt", "src/a/LICENSE"),
)

MATCHES = {
    "LICENSE": ["LICENSE"],
    "./LICENSE": ["LICENSE"],
    "LICEN[CS]E*": ["LICENSE", "LICENSE.txt"],
    "L?C?N*E": ["LICENSE"],
    "[K-M]ICENSE": ["LICENSE"],
    "a[-x]b": ["a-b"],
    "a[x-]b": ["a-b"],
    "a?b": ["a-b"],
    "*/LICENSE": [".hidden/LICENSE", "loop/LICENSE"],
    "*/MIT*": ["LICENSES/MIT.txt", "link/MIT.txt"],
    "LICENSES/*": ["LICENSES/MIT.txt"],
    "LICENSES/**": ["LICENSES/MIT.txt", "LICENSES/a/b/BSD.txt"],
    "**/LICENSE": [".hidden/LICENSE", "LICENSE", "src/a/LICENSE"],
    "src/**/a/**/LICENSE": ["src/a/LICENSE"],
    "**": sorted(FILES),
    "link/*": ["link/MIT.txt"],
    "loop/loop/LICENSE": ["loop/loop/LICENSE"],
    "*x*": ["LICENSE.txt", "[x]"],
    "LICENSE/*": [],
    "other": [],
    "lower/LICENSE": [],
    "LOWER/*": [],
    ".": [],
    "**/.": sorted(FILES),
    "LICENSES/./MIT.txt": ["LICENSES/MIT.txt"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("licences")
    for file in FILES:
        (made / file).parent.mkdir(parents=True, exist_ok=True)
        (made / file).touch()
    with contextlib.suppress(OSError):  # where links can't be made, what takes them is skipped
        (made / "link").symlink_to("LICENSES", target_is_directory=True)
        (made / "loop").symlink_to(".", target_is_directory=True)
    return made


@pytest.mark.parametrize("pattern", MATCHES)
def test_a_pattern_matches_the_files_that_the_specification_says(
    folder: Path, pattern: str
) -> None:
    if pattern.startswith(("link", "loop", "*/")):
        require_links(folder)
    assert sorted(map(str, find_license_files(folder, pattern))) == sorted(MATCHES[pattern])


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13"])
def test_a_pattern_matches_the_same_files_on_every_python(folder: Path, version: str) -> None:
    python = require_python(version)
    require_links(folder)
    code = (
        "import pathlib, sys\n"
        "from selector_backend.authoring.project_files import find_license_files\n"
        "for pattern in sys.argv[1:]:\n"
        "    print(sorted(map(str, find_license_files(pathlib.Path.cwd(), pattern))))\n"
    )
    output = subprocess.run(
        [python, "-c", code, *MATCHES],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    assert output.splitlines() == [str(sorted(files)) for files in MATCHES.values()]


@pytest.mark.parametrize(
    "pattern",
    [
        *("LICENSE{a,b}", "LICENSE MIT", "LICENSES\\MIT", "LICENSE[!a]", "LICENSE[a", "LICENSE]"),
        *("LICENSE[]", "**LICENSE", "LICENSES//MIT", "/LICENSE", ""),
    ],
)
def test_what_is_no_pattern_of_the_specification_is_refused(folder: Path, pattern: str) -> None:
    with pytest.raises(ValueError, match="which is not a pattern of PEP 639"):
        find_license_files(folder, pattern)
