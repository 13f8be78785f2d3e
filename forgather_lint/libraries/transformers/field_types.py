"""Whether a value has the type that the annotation of a strict field allows.

Source: huggingface_hub/dataclasses.py, `type_validator` and what it calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.python.builtins.type_tests import is_instance
from forgather_lint.python.interpreter.classes import is_subclass, order_of
from forgather_lint.python.interpreter.names import look_up
from forgather_lint.python.values.objects import ClassValue, Instance, Scope
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    Builtin,
    Choice,
    DictValue,
    External,
    Known,
    ListValue,
    SetValue,
    TupleValue,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

Misfit = str | Unknown
"""The error for a value, "" where there is none, `Unknown` where that is not known."""

_PLAIN = ("int", "float", "str", "bool", "list", "dict", "tuple", "set")
_TYPED_DICTS = ("transformers.RopeParameters",)
"""Types that no value is an instance of: to ask raises the error that a misfit does."""


def misfit_of(
    machine: Machine, scope: Scope, name: str, value: Value, annotation: cst.BaseExpression
) -> Misfit:
    """What `type_validator(name, value, annotation)` raises; names are those of `scope`."""
    return _Validator(machine, scope).misfit(name, value, annotation)


class _Validator:
    """Compares values with the annotations in one scope."""

    def __init__(self, machine: Machine, scope: Scope) -> None:
        self.machine = machine
        self.scope = scope

    def misfit(self, name: str, value: Value, annotation: cst.BaseExpression) -> Misfit:
        if isinstance(value, Unknown):
            return value
        if isinstance(value, Choice):
            found = [self.misfit(name, each, annotation) for each in value.options]
            fits = all(each == "" for each in found)
            return "" if fits else Unknown("field-by-condition", None, name)
        alternatives = _alternatives(annotation)
        if alternatives:
            return self._of_union(name, value, alternatives)
        match annotation:
            case cst.SimpleString() | cst.ConcatenatedString():
                return ""  # a forward reference is not looked at
            case cst.Name(value="Any"):
                return ""
            case cst.Name(value="None"):
                none = isinstance(value, Known) and value.value is None
                return "" if none else f"Field '{name}' expected None, got {type_name(value)}"
            case cst.Name(value=kind) if kind in _PLAIN:
                return self._of_plain(name, value, kind)
            case cst.Name() | cst.Attribute():
                return self._of_class(name, value, annotation)
            case cst.Subscript(value=cst.Name(value=outer)):
                check = _GENERIC.get(outer)
                if check is not None:
                    return check(self, name, value, _within(annotation))
        return Unknown("unknown-field-type", None, name)

    def _of_plain(self, name: str, value: Value, kind: str) -> Misfit:
        """The error of `isinstance(value, kind)`; a bool is no int."""
        fits = is_instance(self.machine, value, Builtin(kind))
        if fits is None:
            return Unknown("unknown-field-type", None, name)
        if fits and not (kind == "int" and type_name(value) == "bool"):
            return ""
        held = f" (value: {value.value!r})" if isinstance(value, Known) else ""
        return f"Field '{name}' expected {kind}, got {type_name(value)}{held}"

    def _of_union(
        self, name: str, value: Value, alternatives: Sequence[cst.BaseExpression]
    ) -> Misfit:
        found = [self.misfit(name, value, each) for each in alternatives]
        if "" in found:
            return ""
        undecided = next((each for each in found if isinstance(each, Unknown)), None)
        if undecided is not None:
            return undecided
        shown = f" with value {value.value!r}" if isinstance(value, Known) else ""
        return f"Field '{name}'{shown} doesn't match any type"

    def _of_class(self, name: str, value: Value, annotation: cst.BaseExpression) -> Misfit:
        expected = (
            look_up(self.scope, annotation.value) if isinstance(annotation, cst.Name) else None
        )
        undecided = Unknown("unknown-field-type", None, name)
        if isinstance(expected, Builtin) or not isinstance(expected, ClassValue | External):
            return undecided
        shown = expected.name.rpartition(".")[2]
        told = f"Field '{name}' expected {shown}, got {type_name(value)}"
        if isinstance(expected, External):
            if expected.name in _TYPED_DICTS:
                return told
            if self.machine.library.lineage(expected.name) is None:
                return undecided
        elif self._has_plain_base(expected):
            return undecided
        if not isinstance(value, Instance):
            return told
        fits = is_subclass(self.machine, value.cls, expected)
        return undecided if fits is None else "" if fits else told

    def _has_plain_base(self, cls: ClassValue) -> bool:
        return any(
            isinstance(each, Builtin | Unknown)
            for entry in order_of(self.machine, cls)
            for each in (entry, *(entry.bases if isinstance(entry, ClassValue) else ()))
        )

    def _of_items(
        self, name: str, kind: str, items: Iterable[tuple[Value, cst.BaseExpression]]
    ) -> Misfit:
        undecided: Misfit = ""
        for place, (item, annotation) in enumerate(items):
            found = self.misfit(f"{name}[{place}]", item, annotation)
            if isinstance(found, Unknown):
                undecided = found
            elif found:
                return f"Invalid item at index {place} in {kind} '{name}'"
        return undecided

    def of_list(self, name: str, value: Value, within: Sequence[cst.BaseExpression]) -> Misfit:
        if not isinstance(value, ListValue):
            return f"Field '{name}' expected a list, got {type_name(value)}"
        return value.rest or self._of_items(
            name, "list", ((each, within[0]) for each in value.items)
        )

    def of_sequence(self, name: str, value: Value, within: Sequence[cst.BaseExpression]) -> Misfit:
        if not isinstance(value, ListValue | TupleValue):
            return f"Field '{name}' expected a Sequence, got {type_name(value)}"
        items = ((each, within[0]) for each in value.items)
        return (value.rest if isinstance(value, ListValue) else None) or self._of_items(
            name, "sequence", items
        )

    def of_tuple(self, name: str, value: Value, within: Sequence[cst.BaseExpression]) -> Misfit:
        if not isinstance(value, TupleValue):
            return f"Field '{name}' expected a tuple, got {type_name(value)}"
        if len(within) == 2 and isinstance(within[1], cst.Ellipsis):
            return self._of_items(name, "tuple", ((each, within[0]) for each in value.items))
        if len(within) != len(value.items):
            wanted = f"expected a tuple of length {len(within)}"
            return f"Field '{name}' {wanted}, got {len(value.items)}"
        return self._of_items(name, "tuple", zip(value.items, within, strict=True))

    def of_dict(self, name: str, value: Value, within: Sequence[cst.BaseExpression]) -> Misfit:
        if not isinstance(value, DictValue):
            return f"Field '{name}' expected a dict, got {type_name(value)}"
        undecided: Misfit = value.rest or ""
        for key, held in zip(value.key_values(), value.items.values(), strict=True):
            for each, annotation in zip((key, held), within, strict=False):
                found = self.misfit(name, each, annotation)
                if isinstance(found, Unknown):
                    undecided = found
                elif found:
                    return f"Invalid key or value in dict '{name}'"
        return undecided

    def of_set(self, name: str, value: Value, within: Sequence[cst.BaseExpression]) -> Misfit:
        if not isinstance(value, SetValue):
            return f"Field '{name}' expected a set, got {type_name(value)}"
        return Unknown("unknown-field-type", None, name)

    def of_literal(self, name: str, value: Value, within: Sequence[cst.BaseExpression]) -> Misfit:
        allowed = [_constant(each) for each in within]
        if not isinstance(value, Known):
            return f"Field '{name}' expected one of {allowed}, got {type_name(value)}"
        same = any(each == value.value and type(each) is type(value.value) for each in allowed)
        text = f"({', '.join(map(repr, allowed))})"
        return "" if same else f"Field '{name}' expected one of {text}, got {value.value!s}"


_Check = Callable[[_Validator, str, Value, Sequence[cst.BaseExpression]], Misfit]
_GENERIC: Mapping[str, _Check] = {
    "list": _Validator.of_list,
    "List": _Validator.of_list,
    "dict": _Validator.of_dict,
    "Dict": _Validator.of_dict,
    "tuple": _Validator.of_tuple,
    "Tuple": _Validator.of_tuple,
    "set": _Validator.of_set,
    "Set": _Validator.of_set,
    "Sequence": _Validator.of_sequence,
    "Literal": _Validator.of_literal,
}


def _constant(literal: cst.BaseExpression) -> object:
    """The constant in a `Literal`."""
    if isinstance(literal, cst.SimpleString | cst.Integer | cst.Float):
        return literal.evaluated_value
    names = {"True": True, "False": False, "None": None}
    return names.get(literal.value) if isinstance(literal, cst.Name) else literal


def annotations_of(cls: ClassValue) -> Mapping[str, cst.BaseExpression]:
    """The annotated attributes in the body of a class."""
    return dict(_annotated(cls.node)) if cls.node is not None else {}


def _annotated(node: cst.ClassDef) -> Iterator[tuple[str, cst.BaseExpression]]:
    for line in node.body.body:
        for small in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.AnnAssign) and isinstance(small.target, cst.Name):
                yield small.target.value, small.annotation.annotation


def _alternatives(annotation: cst.BaseExpression) -> list[cst.BaseExpression]:
    """The annotations that `int | None`, `Optional[int]` or `Union[...]` combines."""
    if isinstance(annotation, cst.BinaryOperation) and isinstance(annotation.operator, cst.BitOr):
        sides = (annotation.left, annotation.right)
        return [each for side in sides for each in _alternatives(side) or (side,)]
    named = annotation.value if isinstance(annotation, cst.Subscript) else None
    if isinstance(annotation, cst.Subscript) and isinstance(named, cst.Name):
        if named.value == "Optional":
            return [*_within(annotation), cst.Name("None")]
        if named.value == "Union":
            return _within(annotation)
    return []


def _within(annotation: cst.Subscript) -> list[cst.BaseExpression]:
    slices = (each.slice for each in annotation.slice)
    return [each.value for each in slices if isinstance(each, cst.Index)]
