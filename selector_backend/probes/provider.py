"""`property`: what wheel-variant providers report as supported (PEP 850, and PEP 817).

The plugins are what people call the providers' code. Each is asked in a child process of its own;
all of them together have one time limit.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import time

from ..model.kinds import PROPERTIES
from ..model.machine import Fact
from ..model.markers import CannotTellError, evaluate
from .child import NoAnswerError, ask
from .family import Family, read_timeout
from .marker import environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from ..model.table import Provider, Scope


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the one fact of this family: the properties of all the providers that answer.

    Why some do not is its reason.
    """
    deadline = time.monotonic() + read_timeout(environ)
    supported: set[str] = set()
    answered, failures = [], []
    for provider in scope.providers:
        if not enabled(provider):
            failures.append(f"{provider.namespace}: its provider is not for this machine")
            continue
        try:
            found = ask(
                f"{__name__}:properties",
                environ,
                deadline - time.monotonic(),
                provider.namespace,
                provider.plugin_api,
            )
            supported.update(map(PROPERTIES.normalize, found))
        except (NoAnswerError, ValueError) as error:
            failures.append(f"{provider.namespace}: its provider {error}")
        else:
            answered.append(f"{provider.namespace}: {provider.plugin_api}")
    reason = "; ".join(failures)
    if supported:
        return [Fact("property", "; ".join(answered), frozenset(supported), reason)]
    if answered:
        reason = f"none is supported ({'; '.join(answered + failures)})"
    return [Fact("property", "wheel-variant providers", reason=reason)]


def needs(scope: Scope) -> list[str]:
    """Return the requirements that asking the providers takes here."""
    return [one for provider in scope.providers if enabled(provider) for one in provider.requires]


def enabled(provider: Provider) -> bool:
    """Return whether a provider is one for the interpreter that runs this, as its marker says."""
    try:
        return provider.enable_if is None or evaluate(provider.enable_if, environment())
    except CannotTellError:  # what cannot be told is not so
        return False


def properties(namespace: str, plugin_api: str) -> list[str]:
    """Ask a provider's plugin. Runs in a child process.

    In PEP 817 a plugin names its namespace; in PEP 850 only those who name the plugin do.
    """
    module, _, path = plugin_api.partition(":")
    plugin: Any = importlib.import_module(module)
    for name in filter(None, path.split(".")):
        plugin = getattr(plugin, name)
    if isinstance(plugin, type):  # both ask the class; plugins older than they need an instance
        with contextlib.suppress(TypeError):
            plugin = plugin()
    own = getattr(plugin, "namespace", namespace)
    if own != namespace:
        raise NoAnswerError(f"is one of the namespace {own!r}")
    configs = _call(plugin.get_supported_configs)
    return [f"{namespace} :: {one.name} :: {value}" for one in configs for value in one.values]


def _call(function: Any) -> Any:
    """Call ``get_supported_configs``, which before PEP 817 took the properties of interest."""
    try:
        inspect.signature(function).bind()
    except TypeError:
        return function(None)
    return function()


FAMILY = Family(read, needs=needs)
