"""``selector-backend rename``: renames finished wheels to the distribution of a variant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from ..authoring.tree import checked_version, find_variant
from ..errors import SelectorError
from ..model.markers import normalize
from ..trees.renaming import rename_wheel, renaming_of
from .common import OutdirOption, UsageError, print_line
from .source import read_folder

WheelsArgument = Annotated[list[Path], typer.Argument(metavar="WHEEL...", help="The wheels.")]
VariantOption = Annotated[
    str,
    typer.Option("--variant", metavar="NAME", help="The variant that the wheels were built for."),
]
ProjectOption = Annotated[
    Path, typer.Option("--project", metavar="DIR", help="The folder of the project's table.")
]
BuiltOption = Annotated[
    Optional[list[str]],
    typer.Option(
        "--built",
        metavar="NAME=VERSION",
        help="What the code was built against, for {built:torch}: torch=2.9.1. May be repeated.",
    ),
]


def rename(
    wheels: WheelsArgument,
    variant: VariantOption,
    outdir: OutdirOption,
    project: ProjectOption = Path(),
    built: BuiltOption = None,
) -> None:
    """Rename finished wheels to a variant's distribution, before auditwheel repairs them."""
    versions = dict(map(_version, built or ()))

    def version_of(name: str) -> str:
        try:
            return versions[normalize(name)]
        except KeyError:
            raise SelectorError(
                f"the dependencies of {variant} have the placeholder {{built:{name}}}; say which "
                f"{name} the wheels were built against: --built {name}=1.0"
            ) from None

    for wheel in wheels:
        if not wheel.is_file():
            raise UsageError(f"{wheel}: there is no such file")
    read = read_folder(project)
    chosen = find_variant(read.selector, variant, "--variant")
    renaming = renaming_of(read.selector, read.tree, chosen, version_of)
    for wheel in wheels:
        print_line(str(outdir / rename_wheel(wheel, outdir, renaming)))


def _version(setting: str) -> tuple[str, str]:
    name, _, version = setting.partition("=")
    if not name or not version:
        raise UsageError(f"--built {setting}: expected a name and a version, such as torch=2.9.1")
    return normalize(name), checked_version(version.lstrip("="), f"--built {setting}")
