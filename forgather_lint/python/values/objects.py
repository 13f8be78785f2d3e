"""Functions, classes, objects and modules: the values that Python code defines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.python.values.value import (
    DictValue,
    External,
    Unknown,
    Value,
    next_serial,
)

if TYPE_CHECKING:
    import libcst as cst


ANY_NAME = "*"
"""The global under which stands where further names come from: `import *` of what is not read."""


@record(eq=False)
class Namespace(Value):
    """A module whose source was read: its globals."""

    name: str
    globals: Mapping[str, Value]


@record(frozen=False, eq=False)
class Scope:
    """The names visible to a function: its own, then those of the functions around it."""

    names: Mapping[str, Value]
    outer: Scope | None
    namespace: Namespace
    declared_global: set[str] = field(default_factory=set)
    declared_nonlocal: set[str] = field(default_factory=set)
    of_class: bool = False
    """This is the body of a class: its names are not visible in the functions it defines."""


@record(frozen=False, eq=False)
class FunctionValue(Value):
    """A function or lambda with the scope it was made in. `owner` is the class whose body it is in.

    `inside` names the function that made it. `wrapped_by` is a decorator about which nothing is
    known: the function is taken as it is written. `wrapped` is what it wraps, by `functools.wraps`.
    `taken` are keywords that a decorator takes for itself.
    """

    name: str
    node: cst.FunctionDef | cst.Lambda
    scope: Scope
    defaults: dict[str, Value]
    where: Place
    owner: ClassValue | None = None
    decorators: tuple[Value, ...] = ()
    attributes: Mapping[str, Value] = field(default_factory=dict)
    wrapped_by: Unknown | None = None
    inside: str = ""
    wrapped: Value | None = None
    taken: frozenset[str] = frozenset()


@record(eq=False)
class BoundMethod(Value):
    """A callable with its first argument."""

    receiver: Value
    function: Value


@record(eq=False)
class StaticMethod(Value):
    """A class member behind `@staticmethod`."""

    function: Value


@record(eq=False)
class ClassMethod(Value):
    """A class member behind `@classmethod`."""

    function: Value


@record(eq=False)
class Property(Value):
    """A class member behind `@property`; `cached` for `functools.cached_property`."""

    getter: Value
    setter: Value | None = None
    cached: bool = False


@record(eq=False)
class PartialCall(Value):
    """`functools.partial(function, ...)`."""

    function: Value
    positional: tuple[Value, ...]
    keywords: Mapping[str, Value]


@record(eq=False)
class LibraryMethod(Value):
    """A method of a library value, such as `Tensor.view`, bound to its receiver."""

    receiver: Value
    name: str


@record(frozen=False, eq=False)
class ClassValue(Value):
    """A class whose source was read; `bases` may hold library classes and unknowns."""

    name: str
    qualified: str
    bases: tuple[Value, ...]
    namespace: Mapping[str, Value]
    node: cst.ClassDef | None
    where: Place
    scope: Scope
    places: dict[str, Place] = field(default_factory=dict)
    decorators: tuple[Value, ...] = ()
    order: tuple[ClassValue | External | Unknown, ...] | None = None
    library_bases: frozenset[str] | None = None
    """The names of the library classes in `order`, once they were asked for."""

    def __repr__(self) -> str:
        return f"<class {self.qualified}>"


@record(eq=False)
class Instance(Value):
    """An object of a class whose source was read, or of a library class (`External`).

    `hidden` names the attributes that were set around `__setattr__` (`self.__dict__[...]`),
    `buffers` those set by `register_buffer` (value: whether it is persistent). `open` says why
    there may be further attributes. `notes` are what a library remembers about the object beside
    its attributes. `where` is the expression that built it. `copy_of` is what it was copied from
    when a loop built many alike, as long as nothing is written to it.
    """

    cls: ClassValue | External
    attributes: Mapping[str, Value]
    where: Place
    hidden: frozenset[str] = frozenset()
    buffers: Mapping[str, Value] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    open: Unknown | None = None
    notes: Mapping[str, Value] = field(default_factory=dict)
    copy_of: Instance | None = None
    serial: int = field(default_factory=next_serial)

    def empty_copy(self, attributes: Mapping[str, Value], copy_of: Instance | None) -> Instance:
        """A copy of everything but its attributes, which the caller puts into `attributes`."""
        return Instance(
            self.cls,
            attributes,
            self.where,
            self.hidden,
            dict(self.buffers),
            dict(self.places),
            self.open,
            dict(self.notes),
            copy_of,
        )

    @property
    def first_alike(self) -> Instance:
        """The instance that this is a copy of, or itself: it represents all that are alike."""
        return self.copy_of or self

    def __repr__(self) -> str:
        name = self.cls.name if isinstance(self.cls, External) else self.cls.qualified
        return f"<{name} object>"


@record(eq=False)
class Super(Value):
    """`super()`: attributes are looked up in the order of `receiver`, behind the class `after`."""

    receiver: Instance | ClassValue
    after: ClassValue


@record(eq=False)
class AttributeDict(Value):
    """`instance.__dict__`."""

    instance: Instance


@record(eq=False)
class RegisteredDict(DictValue):
    """A dict that `owner` keeps some of its attributes in: what is set in it is set there.

    `_parameters`, `_buffers` and `_modules` of an `nn.Module` are.
    """

    owner: Instance = field(kw_only=True)
