"""Records: data classes that cost little to define, for a program that runs for half a second.

For each class `dataclasses` compiles a page of source: besides `__init__` up to six methods that
only walk over the fields, of which most are never called. With a hundred and fifty records that
was a tenth of a `check`. Here `dataclasses` makes the fields and `__init__`, and the other methods
are closures that all records share. A frozen record is frozen for the type checker, which `mypy
--strict` makes sure of; nothing is paid for it at run time.

`field`, `fields`, `replace`, `asdict` and patterns work as for any data class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar, cast, dataclass_transform, overload

Class = TypeVar("Class", bound=type)


@overload
def record(cls: Class, /) -> Class: ...


@overload
def record(
    *, frozen: bool = True, eq: bool = True, slots: bool = True
) -> Callable[[Class], Class]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(Field, field))
def record(
    cls: Class | None = None, /, *, frozen: bool = True, eq: bool = True, slots: bool = True
) -> Class | Callable[[Class], Class]:
    """A class decorator: `cls` as a record, frozen and compared by value unless told otherwise."""

    def decorate(cls: Any) -> Any:
        # Without a docstring `dataclasses` would write one, from a signature it inspects.
        cls.__doc__ = cls.__doc__ or cls.__name__
        made: Any = dataclass(eq=False, repr=False, slots=slots)(cls)
        if "__repr__" not in cls.__dict__:
            made.__repr__ = _representation([each.name for each in fields(made) if each.repr])
        if eq and "__eq__" not in cls.__dict__:
            _compare_by_value(made, [each.name for each in fields(made) if each.compare], frozen)
        return made

    return decorate if cls is None else cast("Class", decorate(cls))


def _representation(names: list[str]) -> Callable[[object], str]:
    def represent(self: object) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({shown})"

    return represent


def _compare_by_value(cls: Any, names: list[str], hashable: bool) -> None:
    values = _values(names)

    def equal(self: object, other: object) -> object:
        if type(self) is not type(other):
            return NotImplemented
        return values(self) == values(other)

    cls.__eq__ = equal
    cls.__hash__ = (lambda self: hash(values(self))) if hashable else None


def _values(names: list[str]) -> Callable[[object], object]:
    """What two equal records have in common."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)
