"""Frozen dataclasses that cost little to define.

`dataclasses` compiles code for each class, and imports `inspect` to do so. In a hook, which defines
two dozen of them and lives for a tenth of a second, that is half of the work. Here is as much of it
as this package uses; type checkers see the real one.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace

    __all__ = ["dataclass", "field", "fields_of", "replace"]


if not TYPE_CHECKING:
    _MISSING = object()

    class field:  # noqa: N801 - as it is called there
        """What a field has besides a default."""

        def __init__(self, default=_MISSING, *, default_factory=None, compare=True):
            self.default, self.factory, self.compare = default, default_factory, compare

    def dataclass(*, frozen):
        """Make a class one of values that are built, compared and shown by their fields."""
        assert frozen

        def make(cls):
            given = {name: cls.__dict__.get(name, _MISSING) for name in cls.__annotations__}
            cls.__fields__ = {
                name: one if isinstance(one, field) else field(one) for name, one in given.items()
            }
            for name, method in _METHODS.items():
                setattr(cls, name, method)
            return cls

        return make

    def replace(value, /, **changes):
        """Return ``value`` with ``changes``."""
        return type(value)(**{**value.__dict__, **changes})

    def _init(self, *args, **given):
        fields = self.__fields__
        values = dict(zip(fields, args))
        if len(args) > len(fields) or values.keys() & given.keys() or given.keys() - fields.keys():
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(fields)}")
        values.update(given)
        for name, one in fields.items():
            if name not in values:
                values[name] = one.default if one.factory is None else one.factory()
            if values[name] is _MISSING:
                raise TypeError(f"{type(self).__name__} has to be given {name!r}")
        self.__dict__.update((name, values[name]) for name in fields)

    def _refuse(self, name, *_):
        raise AttributeError(f"cannot change {name!r}, {type(self).__name__} is frozen")

    def _key(self):
        return tuple(self.__dict__[name] for name, one in self.__fields__.items() if one.compare)

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
