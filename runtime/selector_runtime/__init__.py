"""Import the best variant of a project that works here, and warn if a better one does not.

The interface is `load`, which a core package calls, and `selected` and `attempts`, which return
what it did. The other modules are imported only when the first variant does not work.
"""

from __future__ import annotations

import importlib
import os
import sys
from _thread import get_ident  # `threading` is slow to import
from importlib.machinery import ModuleSpec

from ._record import default_variable, find_text, normalize, parse

TYPE_CHECKING = False  # `typing` is slow to import; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType, ModuleType
    from typing import Callable

__all__ = ["Attempt", "NoVariantError", "VariantWarning", "attempts", "load", "selected"]
__version__ = "0.2.0"

#: The values of `Attempt.outcome`.
IN_USE, NOT_INSTALLED = "in use", "not installed"
FAILED, DOES_NOT_FIT, CANNOT_TELL = "failed", "does not fit", "cannot be told"

# The facts whose conditions are checked (`_fits`), as keys of the record.
_CHECKED = (
    *('"cpu":', '"marker":', '"installed":', '"glibc":', '"musl":', '"macos":'),
    *('"library":', '"abi-features":'),
)
# In a record, of a fact whose library was not found (`_advice`).
_NOT_FOUND = '"not-found":'


class VariantWarning(RuntimeWarning):
    """An installed variant does not work here, or two that exclude each other are installed."""


class Attempt:
    """The result of trying one variant.

    ``outcome`` is ``"in use"``, ``"failed"``, ``"not installed"``, ``"does not fit"`` (by the table
    that the project was installed with) or ``"cannot be told"`` (whether it fits). ``reason`` is a
    sentence, empty for the variant in use.
    """

    __slots__ = ("module", "outcome", "project", "reason", "variant")

    def __init__(
        self, project: str, variant: str, module: str, outcome: str, reason: str = ""
    ) -> None:
        self.project = project
        self.variant = variant
        self.module = module
        self.outcome = outcome
        self.reason = reason

    @property
    def command(self) -> str:
        """The commands that fix it, one a line; empty for the variant in use."""
        from ._messages import command

        return command(self)

    def __repr__(self) -> str:
        return f"<Attempt {self.variant}: {self.outcome}{self.reason and ', '}{self.reason}>"


class NoVariantError(ImportError):
    """No variant works here, or a forced one does not. ``attempts`` has what was tried."""

    def __init__(self, message: str, attempts: tuple[Attempt, ...] = ()) -> None:
        super().__init__(message)
        self.attempts = attempts


class _Project:
    """The state of a project in this process.

    ``loading`` is the module that was tried last, ``thread`` the thread that tries.
    """

    def __init__(self) -> None:
        self.loading: str | None = None
        self.thread: int | None = None
        self.variant: str | None = None
        self.module: ModuleType | None = None
        self.attempts: tuple[Attempt, ...] = ()


class _Turns:
    """Lets one thread at a time load a project.

    It loads inside the import of an empty module, whose finder and loader this is, so that other
    threads wait for that module's import lock. With a lock of our own, a circular import in two
    threads would deadlock; of import locks, Python breaks the deadlock.
    """

    def __init__(self) -> None:
        self.work: dict[tuple[str, int], Callable[[], object]] = {}

    def take(self, state: _Project, work: Callable[[], object]) -> None:
        """Call ``work``, unless another thread has just done so, or waits for this one."""
        turn = f"{__name__}._{id(state)}", get_ident()
        if self not in sys.meta_path:
            sys.meta_path.append(self)
        outer = self.work.setdefault(turn, work)
        try:
            __import__(turn[0])  # unlike `import_module`, it leaves no frames in a traceback
        finally:
            if outer is work:
                del self.work[turn]

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        mine = (name, get_ident()) in self.work
        return ModuleSpec(name, self) if mine else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        pass

    def exec_module(self, module: ModuleType) -> None:
        self.work[module.__name__, get_ident()]()


def _forget_other_threads() -> None:
    """In a forked child, forget what other threads were loading, since it does not have them."""
    for key, state in _projects.items():
        if state.thread not in (None, get_ident()):
            _projects[key] = _Project()


_projects: dict[str, _Project] = {}
_turns = _Turns()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_other_threads)

# In a child process of `_isolated`: the project whose variant is tried, and what tries it.
_rehearsal: tuple[str, Callable[[], None]] | None = None


def load(
    project: str,
    variants: Mapping[str, str],
    *,
    initialize: str | None = None,
    variable: str | None = None,
    preload: Mapping[str, Sequence[str]] | None = None,
    isolate: bool = False,
    timeout: float = 60.0,
) -> ModuleType:
    """Import the first of ``variants`` that is installed and works here, and return its module.

    ``variants`` maps the variants' names to their modules, the best first. ``initialize`` is the
    name of a function in each module, which raises where the variant does not work. ``variable`` is
    the environment variable that forces a variant, by default ``SPAM_VARIANT``, as at installation.
    ``preload`` maps names of variants to shared libraries in other installed distributions, by
    their paths from ``site-packages``, which are loaded in that order before the variant is
    imported. With ``isolate``, each variant is first tried in a child process, for at most
    ``timeout`` seconds.

    An installed variant that does not work is passed over with a `VariantWarning`. Further calls
    for the same project return the same module, whatever their other arguments.

    Raises `NoVariantError` if no variant works, or a forced one does not.
    """
    key = normalize(project)
    state = _projects.setdefault(key, _Project())
    if state.module is not None:
        return state.module
    caller = sys._getframe(1)

    def work() -> None:
        if state.module is not None:
            return
        state.thread = get_ident()
        try:
            if _rehearsal is not None and _rehearsal[0] == key:
                _rehearsal[1]()  # does not return
            loader = _Loader(project, variants, initialize, preload or {}, isolate, timeout, caller)
            loader.load(state, variable or default_variable(project))
        finally:
            state.thread = None

    _turns.take(state, work)
    if state.module is None and state.loading is not None:
        # The variant imports core, which calls this: as in every circular import, return the module
        # as far as it is imported.
        return importlib.import_module(state.loading)
    if state.module is None:
        raise ImportError(f"finding the variants of {project} imports what loads one of them")
    return state.module


def selected(project: str) -> str | None:
    """Return the name of the variant of ``project`` that is in use, or ``None``."""
    state = _projects.get(normalize(project))
    return state.variant if state else None


def attempts(project: str) -> tuple[Attempt, ...]:
    """Return the attempts for ``project``, in order; if a variant is in use, it is the last."""
    state = _projects.get(normalize(project))
    return state.attempts if state else ()


class _Loader:
    """One call of `load`."""

    def __init__(
        self,
        project: str,
        variants: Mapping[str, str],
        initialize: str | None,
        preload: Mapping[str, Sequence[str]],
        isolate: bool,
        timeout: float,
        caller: FrameType,
    ) -> None:
        unknown = [name for name in preload if name not in variants]
        if not variants or unknown:
            what = f"preload names {unknown[0]!r}" if unknown else "there are no variants to load"
            raise ValueError(f"{what}; expected one or more of variants={dict(variants)!r}")
        self.project = project
        self.variants = variants
        self.initialize = initialize
        self.preload = preload
        self.isolate = isolate
        self.timeout = timeout
        self.caller = caller
        # Importing settles conditions on other facts, so most records need not be parsed.
        self.text = find_text(project)
        self.record = parse(self.text) if any(key in self.text for key in _CHECKED) else None

    def load(self, state: _Project, variable: str) -> None:
        """Set in ``state`` the first variant that works, its module, and the attempts."""
        asked = os.environ.get(variable, "")
        names, forced = self._candidates(asked, variable)
        tried: list[Attempt] = []
        module = None
        for name in names:
            attempt, module = self._try(state, name, forced)
            tried.append(attempt)
            _debug("%s: %r", self.project, attempt)
            if module is not None:
                break
        if module is None:
            from ._messages import nothing_works

            state.attempts = tuple(tried)
            by_name = {*map(normalize, map(str.strip, asked.split(",")))} - {"", "auto", "all"}
            request = f"{variable} asks for {asked}" if by_name else ""
            message = nothing_works(self.project, state.attempts, request)
            raise NoVariantError(message, state.attempts)
        self._warn(tried, variable)
        state.attempts, state.variant, state.module = tuple(tried), tried[-1].variant, module

    def _candidates(self, asked: str, variable: str) -> tuple[list[str], bool]:
        """Return the variants to try, and whether it is a single one that is forced."""
        keys = [normalize(name.strip()) for name in asked.split(",") if name.strip()]
        if {*keys} <= {"auto"} or keys == ["all"]:
            return [*self.variants], False
        known = {normalize(name): name for name in self.variants}
        unknown = [key for key in keys if key not in known]
        if unknown:
            raise NoVariantError(
                f"{variable} asks for {asked!r}, and {unknown[0]!r} is not one of the variants of "
                f"{self.project} ({', '.join(self.variants)}). Set it to one of them, to several "
                "with commas between them, to all or to auto, or unset it."
            )
        return [name for key, name in known.items() if key in keys], len({*keys}) == 1

    def _try(self, state: _Project, name: str, forced: bool) -> tuple[Attempt, ModuleType | None]:
        """Try a variant; return the attempt, and its module if it works."""
        module_name = self.variants[name]
        libraries = self.preload.get(name, ())
        if not _is_installed(module_name):
            reason = "it is not installed"
            return Attempt(self.project, name, module_name, NOT_INSTALLED, reason), None
        when = self.record.when(name) if self.record and not forced else None
        if when:
            from ._fits import fits

            held, reason = fits(when)
            if not held:
                outcome = CANNOT_TELL if held is None else DOES_NOT_FIT
                return Attempt(self.project, name, module_name, outcome, reason), None
        # A frozen program has no interpreter for a child.
        if self.isolate and sys.executable and not getattr(sys, "frozen", False):
            from ._isolated import try_in_child

            caller = str(self.caller.f_globals.get("__name__", ""))
            task = (self.project, module_name, self.initialize, libraries, caller)
            problem = try_in_child(*task, timeout=self.timeout)
            if problem:
                return Attempt(self.project, name, module_name, FAILED, problem), None
        state.loading = module_name
        try:
            module = _use(module_name, self.initialize, libraries)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - anything raised counts as failing
            from ._messages import explain

            _debug("%s: %s does not work", self.project, name, exc_info=error)
            return Attempt(self.project, name, module_name, FAILED, explain(error)), None
        return Attempt(self.project, name, module_name, IN_USE), module

    def _warn(self, tried: list[Attempt], variable: str) -> None:
        """Warn of installed variants before the one in use that do not work, or of exclusive ones.

        Also advise to choose again, where a better variant than the installed one may fit now.

        No warning for a variant that does not fit, if the one in use was chosen at installation: an
        image may have several variants for several kinds of machines.
        """
        *before, used = tried
        on_purpose = self.record is not None and self.record.chose(used.variant)
        quiet = (NOT_INSTALLED, DOES_NOT_FIT) if on_purpose else (NOT_INSTALLED,)
        texts = []
        others = (module for name, module in self.variants.items() if name != used.variant)
        if any(map(_is_installed, others)):
            from ._beside import side_by_side

            texts.append(side_by_side(self.project))
        problems = [attempt for attempt in before if attempt.outcome not in quiet]
        if problems:
            from ._messages import warning

            texts.append(warning(self.project, problems, used.variant, variable))
        missing = [attempt.variant for attempt in before if attempt.outcome == NOT_INSTALLED]
        if missing and _NOT_FOUND in self.text and os.environ.get("SELECTOR_ADVICE") != "0":
            from ._advice import advice

            texts.append(advice(self.project, self.text, missing, used.variant))
        if not any(texts):
            return
        import warnings

        frame = _importing(self.caller)
        warnings.warn_explicit(
            "\n".join(filter(None, texts)),
            VariantWarning,
            frame.f_code.co_filename,
            frame.f_lineno,
            module=frame.f_globals.get("__name__"),
            registry=frame.f_globals.setdefault("__warningregistry__", {}),
        )


def _is_installed(module: str) -> bool:
    """Return whether the top-level module of ``module`` is installed.

    Without `importlib.util`, which is slow to import.
    """
    top = module.partition(".")[0]
    if top in sys.modules:
        return True
    for finder in [*sys.meta_path]:
        find_spec = getattr(finder, "find_spec", None)  # finders for Python before 3.4 have none
        try:
            spec = find_spec and find_spec(top, None)
        except (Exception, SystemExit):  # noqa: BLE001 - importing raises the same, which is reported
            return True
        if spec is not None:
            # A folder that an uninstaller left behind is a namespace, which has no loader.
            return spec.loader is not None or top != module
    return False


def _use(module_name: str, initialize: str | None, libraries: Sequence[str]) -> ModuleType:
    """Import a variant, with the libraries that it needs, and initialise it."""
    if libraries:
        from ._libraries import load_libraries

        load_libraries(libraries)
    module = importlib.import_module(module_name)
    if initialize is not None:
        getattr(module, initialize)()
    return module


def _importing(frame: FrameType) -> FrameType:
    """Return the frame whose line imports, or calls, the package that ``frame`` belongs to."""

    def top(frame: FrameType) -> str:
        return str(frame.f_globals.get("__name__", "")).partition(".")[0]

    own = top(frame)
    while frame.f_back and top(frame) in (own, "importlib"):
        if own == "__main__":
            break
        frame = frame.f_back
    return frame


def _debug(message: str, *values: object, exc_info: BaseException | None = None) -> None:
    # Without logging imported, nobody can have enabled these messages.
    logging = sys.modules.get("logging")
    if logging is not None:
        logging.getLogger(__name__).debug(message, *values, exc_info=exc_info)
