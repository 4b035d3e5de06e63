"""`property`: the properties that wheel-variant providers support (PEP 850, and PEP 817).

Each provider's plugin is asked in its own child process; one time limit is for all together.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import time

from ..model.kinds import PROPERTIES
from ..model.machine import Fact
from ..model.markers import CannotTellError, evaluate
from . import Family, read_timeout
from .child import NoAnswerError, ask
from .marker import environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from ..model.table import Provider, Scope


def read(names: Collection[str], environ: Mapping[str, str], scope: Scope) -> list[Fact]:
    """Return the fact `property`: the properties of all the providers that answer.

    Its reason says why the others do not.
    """
    deadline = time.monotonic() + read_timeout(environ)
    supported: set[str] = set()
    answered, failures = [], []
    for provider in scope.providers:
        if not enabled(provider):
            failures.append(f"{provider.namespace}: its provider is not for this machine")
            continue
        try:
            answer = ask(
                f"{__name__}:properties",
                environ,
                deadline - time.monotonic(),
                provider.namespace,
                provider.plugin_api,
            )
            supported.update(map(PROPERTIES.normalize, answer))
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
    """Return the requirements of the providers that are enabled here."""
    providers = filter(enabled, scope.providers)
    return [requirement for provider in providers for requirement in provider.requires]


def enabled(provider: Provider) -> bool:
    """Return whether a provider's marker is true for this interpreter."""
    try:
        return provider.enable_if is None or evaluate(provider.enable_if, environment())
    except CannotTellError:
        return False


def properties(namespace: str, plugin_api: str) -> list[str]:
    """Ask a provider's plugin. Runs in a child process.

    A plugin of PEP 817 has its ``namespace``; in PEP 850, only its users name it.
    """
    module, _, path = plugin_api.partition(":")
    plugin: Any = importlib.import_module(module)
    for name in filter(None, path.split(".")):
        plugin = getattr(plugin, name)
    if isinstance(plugin, type):  # both PEPs call the class; older plugins need an instance
        with contextlib.suppress(TypeError):
            plugin = plugin()
    own = getattr(plugin, "namespace", namespace)
    if own != namespace:
        raise NoAnswerError(f"has the namespace {own!r}")
    configs = _call(plugin.get_supported_configs)
    pairs = ((config.name, value) for config in configs for value in config.values)
    return [f"{namespace} :: {feature} :: {value}" for feature, value in pairs]


def _call(function: Any) -> Any:
    """Call ``get_supported_configs``, which took an argument before PEP 817."""
    try:
        inspect.signature(function).bind()
    except TypeError:
        return function(None)
    return function()


FAMILY = Family(read, needs=needs)
