"""Records: data classes that cost little to define, for a program that runs for half a second.

For each class `dataclasses` compiles a page of source: `__init__`, and up to six methods that only
walk over the fields, of which most are never called. With four hundred records, of which a run
makes a quarter, that was an eighth of a `check`. Here `dataclasses` makes the fields; `__init__` is
compiled when the first record of its class is made, and the other methods are closures that all
records share. A frozen record is frozen for the type checker, which `mypy --strict` makes sure of;
nothing is paid for it at run time.

`field`, `fields`, `replace`, `asdict` and patterns work as for any data class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
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
        made: Any = dataclass(eq=False, repr=False, init=False, slots=slots)(cls)
        if "__init__" not in cls.__dict__:
            made.__init__ = _first_initializer(made)
        if "__repr__" not in cls.__dict__:
            made.__repr__ = _representation([each.name for each in fields(made) if each.repr])
        if eq and "__eq__" not in cls.__dict__:
            _compare_by_value(made, [each.name for each in fields(made) if each.compare], frozen)
        return made

    return decorate if cls is None else cast("Class", decorate(cls))


def _first_initializer(cls: Any) -> Callable[..., None]:
    """An `__init__` that, when first called, replaces itself by the compiled one and calls that."""

    def __init__(self: object, /, *values: object, **named: object) -> None:
        cls.__init__ = _initializer(cls)
        cls.__init__(self, *values, **named)

    return __init__


def _initializer(cls: Any) -> Any:
    """The `__init__` that `dataclasses` would have made of the fields."""
    known: dict[str, object] = {"MISSING": MISSING}
    by_position, by_name, lines = ["self"], list[str](), list[str]()
    for each in fields(cls):
        name, default = each.name, f"__{each.name}"
        stands, is_made = each.default is not MISSING, each.default_factory is not MISSING
        known[default] = each.default if stands else each.default_factory
        if not each.init:
            if stands or is_made:
                lines.append(f" self.{name} = {default}{'()' if is_made else ''}")
            continue
        ending = f"={default}" if stands else "=MISSING" if is_made else ""
        (by_name if each.kw_only else by_position).append(name + ending)
        given = f"{default}() if {name} is MISSING else {name}" if is_made else name
        lines.append(f" self.{name} = {given}")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    parameters = ", ".join(by_position + (["*", *by_name] if by_name else []))
    body = "\n".join(lines or [" pass"])
    exec(f"def __init__({parameters}):\n{body}", known)
    return known["__init__"]


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
    """A function from an object to the values of these attributes, by which records are equal."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)
