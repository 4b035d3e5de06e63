"""``selector-backend variant-wheels``: writes the table as variant wheels (PEP 825)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .. import __version__
from ..authoring.compile import compile_project
from ..checking.finished import VARIANTS, is_variant_file
from ..errors import SelectorError
from ..model.facts import FACTS
from ..model.table import Compiled, Selector
from ..variant_wheels import building
from ..variant_wheels.building import VariantWheel
from ..variant_wheels.proof import prove
from ..variant_wheels.properties import PROVIDERS
from .common import OutdirOption, good, print_line
from .fleet import shipped_machines
from .source import SourceArgument, opened, read_folder


def variant_wheels(outdir: OutdirOption, source: SourceArgument = Path()) -> None:
    """Write the table as variant wheels, for installers that read PEP 825; a preview.

    Nothing is written unless they choose as the table does, on all machines that it tells apart.
    """
    with opened(source) as folder:
        compiled = _compiled(folder)
        selector = compiled.selector
        wheels = building.variant_wheels(selector)
        shipped = ((f"On {named.name}", named.machine) for named in shipped_machines(tuple(FACTS)))
        count = prove(selector, wheels, shipped)
        files = building.write_variant_wheels(outdir, folder, compiled, wheels, __version__)
    for file in files:
        print_line(str(outdir / file))
    print_line(good(f"{count} machines get what the table says"))
    for note in _notes(selector, wheels, outdir, files):
        print_line(f"note: {note}")


def _compiled(folder: Path) -> Compiled:
    """Return the compiled table of a project, or of what an sdist was made of."""
    project = read_folder(folder)
    if project.tree is not None:
        raise SelectorError(
            "only the inner backend knows the metadata of a source tree; build the sdist, which "
            "has them, and give that: python -m build --sdist, then selector-backend "
            f"variant-wheels dist/{project.stem}.tar.gz --outdir dist"
        )
    return compile_project(project)


def _notes(
    selector: Selector, wheels: list[VariantWheel], outdir: Path, files: list[str]
) -> Iterator[str]:
    """Yield what to know before the files are uploaded."""
    stem = files[-1].removesuffix(VARIANTS)
    for name in sorted(file.name for file in outdir.glob(f"{stem}-*.whl")):
        if is_variant_file(name) and name not in files:
            yield f"{outdir / name} is no longer of this table; delete it before you upload"
    used = {namespace for wheel in wheels for namespace, _ in wheel.asked.properties}
    for provider in selector.providers:
        if provider.namespace in used and provider != PROVIDERS.get(provider.namespace):
            yield (
                f"uv does not know this provider of {provider.namespace}, only its built-in ones; "
                "it takes no wheel that asks for it"
            )
    yield "the format is a draft of PEP 825 (0.x), and not for production yet"
