"""Frozen dataclasses that are cheap to define, and a hash that is cheap to import.

`dataclasses` imports `inspect` and compiles code for each class. In a hook, which defines two dozen
of them and takes a tenth of a second, that would be half of the time. This module has the part that
this package uses; type checkers see the real one.

`hashlib` loads OpenSSL, which takes 4 ms.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace

    __all__ = ["dataclass", "field", "fields_of", "replace", "sha256"]


if not TYPE_CHECKING:
    _MISSING = object()

    class field:  # noqa: N801 - the name in `dataclasses`
        """A field's default, and whether it is compared."""

        def __init__(self, default=_MISSING, *, default_factory=None, compare=True):
            self.default, self.factory, self.compare = default, default_factory, compare

    def dataclass(*, frozen):
        """Return a decorator that makes a class a frozen dataclass."""
        assert frozen

        def make(cls):
            cls.__fields__ = {}
            for name in cls.__annotations__:
                default = cls.__dict__.get(name, _MISSING)
                cls.__fields__[name] = default if isinstance(default, field) else field(default)
            for name, method in _METHODS.items():
                setattr(cls, name, method)
            return cls

        return make

    def replace(value, /, **changes):
        """Return ``value`` with ``changes``."""
        return type(value)(**{**value.__dict__, **changes})

    def _init(self, *args, **kwargs):
        fields = self.__fields__
        values = dict(zip(fields, args))
        wrong = values.keys() & kwargs.keys() or kwargs.keys() - fields.keys()
        if len(args) > len(fields) or wrong:
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(fields)}")
        values.update(kwargs)
        for name, own in fields.items():
            if name not in values:
                values[name] = own.default if own.factory is None else own.factory()
            if values[name] is _MISSING:
                raise TypeError(f"{type(self).__name__} needs a value of {name!r}")
        self.__dict__.update((name, values[name]) for name in fields)

    def _refuse(self, name, *_):
        raise AttributeError(f"cannot change {name!r}, {type(self).__name__} is frozen")

    def _key(self):
        return tuple(self.__dict__[name] for name, own in self.__fields__.items() if own.compare)

    def _equals(self, other):
        return _key(self) == _key(other) if type(other) is type(self) else NotImplemented

    def _show(self):
        pairs = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({pairs})"

    _METHODS = {
        "__init__": _init,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__eq__": _equals,
        "__hash__": lambda self: hash(_key(self)),
        "__repr__": _show,
    }


def fields_of(kind: type) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass, none for another class."""
    return tuple(getattr(kind, "__fields__", ()))


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 hash of data, by Python's own code if it has that, as `random` does."""
    own = "_sha2" if sys.version_info >= (3, 12) else "_sha256"
    try:
        module = __import__(own)
    except ImportError:
        import hashlib as module
    digest: bytes = module.sha256(data).digest()
    return digest
