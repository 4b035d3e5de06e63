"""What a user's type checker sees."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from support.environment import clean_environ, create_environment, run

USER = """\
from typing import Optional, Tuple

from selector_runtime import Attempt, NoVariantError, VariantWarning, attempts, load, selected

module = load("spam", {"cpu": "_spam_cpu"}, initialize="start", preload={"cpu": ["a/b.so"]})
name: Optional[str] = selected("spam")
tried: Tuple[Attempt, ...] = attempts("spam")
reasons: str = tried[0].variant + tried[0].outcome + tried[0].reason + tried[0].command
error: type[ImportError] = NoVariantError
warning: type[Warning] = VariantWarning
reveal_type(module)
"""


def test_the_wheel_is_typed_and_requires_nothing(runtime_wheel: Path) -> None:
    with zipfile.ZipFile(runtime_wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith("METADATA"))
        requires = [
            line
            for line in archive.read(metadata).decode().splitlines()
            if line.startswith("Requires-Dist")
        ]
    assert "selector_runtime/py.typed" in names
    assert len(requires) == 1
    assert requires[0].startswith("Requires-Dist: archspec")
    assert "extra == " in requires[0]


def test_users_are_type_checked_strictly(runtime_wheel: Path, tmp_path: Path) -> None:
    environment = create_environment(tmp_path / "venv", clean_environ(tmp_path / "home"), pip=None)
    with zipfile.ZipFile(runtime_wheel) as archive:
        archive.extractall(environment.site_packages)
    (tmp_path / "user.py").write_text(USER, encoding="utf-8")

    def mypy() -> str:
        command = [sys.executable, "-m", "mypy", "--strict", "--config-file="]
        command += ["--python-executable", str(environment.python), "user.py"]
        return run(command, environment.environ, tmp_path, check=False).stdout

    output = mypy()
    assert 'Revealed type is "types.ModuleType"' in output
    assert "Success" in output
    user = (tmp_path / "user.py").read_text(encoding="utf-8")
    (tmp_path / "user.py").write_text(user.replace('"start"', "1"), encoding="utf-8")
    assert 'incompatible type "int"' in mypy()
