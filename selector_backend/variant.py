"""A build backend for a project's own source tree: the hooks of PEP 517 and PEP 660.

The inner backend, ``tool.selector.backend``, builds the code. With a build variant, from
``-C build-variant=cu12`` or ``SPAM_BUILD_VARIANT=cu12``, the result is renamed to that variant's
distribution, such as ``spam-cu12``. Without one, the wheel is plain ``spam``, for development, and
the sdist is the selector package's. No file of the tree is changed.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .errors import SelectorError, user_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .authoring.project import Project
    from .authoring.tree import Tree
    from .model.table import Variant
    from .trees.inner import Inner
    from .trees.renaming import Renaming

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

_SETTING = "build-variant"


@user_errors
def get_requires_for_build_sdist(config_settings: Mapping[str, Any] | None = None) -> list[str]:
    """Return what building an sdist requires; the selector package's needs a wheel's metadata."""
    build = _Build(config_settings)
    kinds = ("sdist",) if build.variant else ("wheel", "sdist")
    return [*dict.fromkeys(name for kind in kinds for name in build.inner.requires(kind))]


@user_errors
def build_sdist(sdist_directory: str, config_settings: Mapping[str, Any] | None = None) -> str:
    """Build the selector package's sdist or, with a build variant, the code's under that name."""
    from .authoring import build_sdist as build_selector
    from .trees.selector_source import prepare_metadata, write_selector_source
    from .trees.source_sdist import rename_sdist

    build = _Build(config_settings)
    target = Path(sdist_directory)
    with tempfile.TemporaryDirectory() as folder:
        if build.variant is not None:
            renaming = build.renaming(for_sdist=True)
            name = build.inner.build("sdist", Path(folder))
            return rename_sdist(Path(folder, name), target, renaming, build.tree)
        dist_info = prepare_metadata(build.inner, build.tree, Path(folder))
        source = Path(folder, "selector")
        write_selector_source(Path.cwd(), build.tree, dist_info, source)
        return build_selector(source, target, __version__)


@user_errors
def get_requires_for_build_wheel(config_settings: Mapping[str, Any] | None = None) -> list[str]:
    """Return what building the code requires."""
    return _Build(config_settings, kind="wheel").inner.requires("wheel")


@user_errors
def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: Mapping[str, Any] | None = None
) -> str:
    """Write the wheel's ``.dist-info`` folder and return its name."""
    build = _Build(config_settings, kind="wheel")
    if build.installs:
        return build.inner.prepare("wheel", Path(metadata_directory))
    renaming = build.renaming()
    with tempfile.TemporaryDirectory() as folder:
        name = build.inner.prepare("wheel", Path(folder))
        target = Path(metadata_directory, f"{renaming.stem}-{name.partition('-')[2]}")
        shutil.copytree(Path(folder, name), target)
    metadata = target / "METADATA"
    metadata.write_bytes(renaming.metadata(metadata.read_bytes(), name))
    return target.name


@user_errors
def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel and return its file name."""
    from .trees.renaming import rename_wheel

    build = _Build(config_settings, kind="wheel")
    if build.installs:
        return build.inner.build("wheel", Path(wheel_directory), metadata_directory)
    renaming = build.renaming()
    if not build.variant:
        print(
            f"note: this wheel is plain {renaming.project}, which no index takes; "
            f"a variant's is built with -C {_SETTING}=NAME",
            file=sys.stderr,
            flush=True,
        )
    with tempfile.TemporaryDirectory() as folder:
        # The inner backend does not get the prepared metadata, which have the new name.
        name = build.inner.build("wheel", Path(folder))
        return rename_wheel(Path(folder, name), Path(wheel_directory), renaming)


@user_errors
def get_requires_for_build_editable(config_settings: Mapping[str, Any] | None = None) -> list[str]:
    """Return what an editable install requires."""
    return _Build(config_settings, kind="editable").inner.requires("editable")


@user_errors
def prepare_metadata_for_build_editable(
    metadata_directory: str, config_settings: Mapping[str, Any] | None = None
) -> str:
    """Write the ``.dist-info`` folder of an editable wheel and return its name."""
    build = _Build(config_settings, kind="editable")
    return build.inner.prepare("editable", Path(metadata_directory))


@user_errors
def build_editable(
    wheel_directory: str,
    config_settings: Mapping[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the editable wheel and return its file name."""
    build = _Build(config_settings, kind="editable")
    return build.inner.build("editable", Path(wheel_directory), metadata_directory)


class _Build:
    """What a hook is to build.

    ``variant`` is the build variant or ``None``. ``installs`` is whether the wheel is for an
    install: an editable one always is.
    """

    project: Project
    tree: Tree
    variant: Variant | None
    inner: Inner

    def __init__(self, settings: Mapping[str, Any] | None, *, kind: str = "sdist") -> None:
        from .authoring import check_tree
        from .installing.installation import read_installation
        from .installing.request import SETTINGS, own_settings
        from .model.purpose import Purpose

        check_tree()
        from .authoring.project import read_project
        from .authoring.tree import BACKEND, find_variant
        from .trees.inner import Inner

        self.project = read_project(Path.cwd())
        if self.project.tree is None:
            raise SelectorError(f"[build-system] build-backend is not {BACKEND!r}")
        self.tree = self.project.tree
        self.installs = kind == "editable" or (
            kind == "wheel" and read_installation().purpose is not Purpose.KEEP
        )
        selector = self.project.selector
        # The settings that the inner backend does not get.
        known = (_SETTING, *SETTINGS)
        variable = f"{re.sub('[^A-Z0-9]', '_', selector.project.upper())}_BUILD_VARIANT"
        own = own_settings(selector.project, settings, known)
        source, asked = own.get(_SETTING, (variable, os.environ.get(variable, "")))
        if not isinstance(asked, str):
            raise SelectorError(f"{source} is set more than once; expected one variant")
        self.variant = find_variant(selector, asked, source) if asked.strip() else None
        if self.variant and self.installs:
            raise SelectorError(
                f"{source} is {asked!r}, but an install from the source tree gives plain "
                f"{selector.project}. Leave {source} unset for that; to have the variant, build it "
                f"and install the wheel: python -m build --wheel -C {_SETTING}={self.variant.name}"
            )
        self.inner = Inner(
            Path.cwd(),
            self.tree,
            {
                key: value
                for key, value in (settings or {}).items()
                if key.rpartition(":")[2] not in known
            },
            variable,
            self.variant.name if self.variant else "",
        )

    def renaming(self, *, for_sdist: bool = False) -> Renaming:
        """Return how the inner backend's result is renamed."""
        from .trees.renaming import Renaming, is_built_against, renaming_of

        selector, tree, variant = self.project.selector, self.tree, self.variant
        if variant is None:
            return Renaming(selector.project, selector.project)
        if for_sdist and is_built_against(tree, variant):
            raise SelectorError(
                f"the dependencies of {variant.name} have {{built:...}}, which is known only after "
                "the code is built, so it can have no sdist: build this variant's wheels only"
            )
        return renaming_of(selector, tree, variant, self._built)

    def _built(self, name: str) -> str:
        """Return the version of a distribution in the build environment."""
        from importlib.metadata import PackageNotFoundError, version

        from .authoring.tree import checked_version

        try:
            return checked_version(version(name), f"{name} in the build environment")
        except PackageNotFoundError:
            requires = ", ".join(self.tree.requires)
            raise SelectorError(
                f"tool.selector has the placeholder {{built:{name}}}, and {name} is not in the "
                f"build environment; [build-system] requires {requires}"
            ) from None
