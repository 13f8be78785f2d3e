"""Records: data classes that cost little to define, for a program that runs for half a second.

For each class `dataclasses` compiles a page of source: `__init__`, and up to six methods that only
walk over the fields, of which most are never called. With seven hundred records, of which a run
makes a quarter, that was a fifth of a `check`. Here the fields are read off the annotations;
`__init__` is compiled when the first record of its class is made, and the other methods are
closures that all records share. A frozen record is frozen for the type checker, which `mypy
--strict` makes sure of; nothing is paid for it at run time.

`field`, `fields`, `replace`, `asdict` and patterns work as for any data class: a record has what
`dataclasses` leaves on a class. `tests/test_record.py` compares the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields, make_dataclass
from inspect import get_annotations
from operator import attrgetter
from types import MemberDescriptorType
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
        own = vars(cls)
        made, parts = _with_fields(cls, slots)
        if "__init__" not in own:
            made.__init__ = _first_initializer(made)
        if "__repr__" not in own:
            made.__repr__ = _representation([each.name for each in parts if each.repr])
        if eq and "__eq__" not in own:
            _compare_by_value(made, [each.name for each in parts if each.compare], frozen)
        return made

    return decorate if cls is None else cast("Class", decorate(cls))


_Sample: Any = make_dataclass("_Sample", ("name",), eq=False, repr=False, init=False)
"""What `dataclasses` leaves on a class, to be left on every record too."""

_PARAMETERS: Any = vars(_Sample)["__dataclass_params__"]
_IS_FIELD: Any = vars(_Sample)["__dataclass_fields__"]["name"]._field_type
_OF_DATACLASSES = ("ClassVar", "InitVar", "KW_ONLY")


def _with_fields(cls: Any, slots: bool) -> tuple[Any, list[Any]]:
    """`cls` as `dataclasses` would leave it without its methods, and its fields in order.

    What says more than which fields there are, as `ClassVar` does, is left to `dataclasses`.
    """
    own = get_annotations(cls)
    known: dict[str, Any] = {}
    for base in cls.__mro__[-1:0:-1]:
        known.update(base.__dict__.get("__dataclass_fields__", ()))
    plain = all(each._field_type is _IS_FIELD for each in known.values())
    plain &= not any(word in str(kind) for kind in own.values() for word in _OF_DATACLASSES)
    if not plain or hasattr(cls, "__abstractmethods__"):
        made = dataclass(eq=False, repr=False, init=False, slots=slots)(cls)
        return made, list(fields(made))
    for name, kind in own.items():
        known[name] = _field_of(cls, name, kind)
    parts = list(known.values())
    given = {"__dataclass_fields__": known, "__dataclass_params__": _PARAMETERS}
    if "__match_args__" not in cls.__dict__:
        by_position = (each.name for each in parts if each.init and not each.kw_only)
        given["__match_args__"] = tuple(by_position)
    if slots:
        return _with_slots(cls, given, parts), parts
    for name, value in given.items():
        setattr(cls, name, value)
    return cls, parts


def _field_of(cls: Any, name: str, kind: object) -> Any:
    """The field of one annotation; its default, if it has one, stays as a class attribute."""
    default = getattr(cls, name, MISSING)
    if isinstance(default, Field):
        made: Any = default
        if made.default is MISSING:
            delattr(cls, name)
        else:
            setattr(cls, name, made.default)
    else:
        made = field(default=MISSING if isinstance(default, MemberDescriptorType) else default)
    if made.default.__class__.__hash__ is None:
        raise ValueError(f"mutable default for field {name}: use default_factory")
    made.name, made.type, made._field_type = name, kind, _IS_FIELD
    if made.kw_only is MISSING:
        made.kw_only = False
    return made


def _with_slots(cls: Any, given: dict[str, Any], parts: list[Any]) -> Any:
    """A class like `cls` with a slot for each field: slots cannot be added to a class."""
    inherited = {name for base in cls.__mro__[1:-1] for name in _slots_of(base)}
    names = [each.name for each in parts]
    left_out = {*names, "__dict__", "__weakref__"}
    members = {name: value for name, value in cls.__dict__.items() if name not in left_out}
    members["__slots__"] = tuple(name for name in names if name not in inherited)
    made = type(cls)(cls.__name__, cls.__bases__, {**members, **given})
    made.__qualname__ = cls.__qualname__
    return made


def _slots_of(cls: Any) -> tuple[str, ...]:
    slots = cls.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


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
    if not names:
        return lambda _self: ()
    only = attrgetter(*names)
    return lambda self: (only(self),)
