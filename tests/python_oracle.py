"""Runs plain Python in the interpreter and in CPython, and compares how each piece ends.

What the interpreter leaves undecided agrees with anything. What it decides has to be what Python
gives: a value of the same type, or the same exception with the same text.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import warnings
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Sequence, ValuesView

import libcst as cst

from forgather_lint.core.record import record
from forgather_lint.documents.sources import Sources
from forgather_lint.libraries.standard import StandardLibrary
from forgather_lint.model.loader import LOCAL, SourceLoader
from forgather_lint.model.release_sources import ReleaseSources
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Frame, Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import AttributeDict, ClassValue, Namespace, Scope
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    Choice,
    DictValue,
    IterableValue,
    Known,
    ListValue,
    NamedTupleValue,
    SetValue,
    TupleValue,
    Unknown,
    Value,
    keyed,
)

RESULT = "result"
MODULE = "case"


@record
class End:
    """How a piece of code ends: with a value, as text, or an exception; None: undecided."""

    told: str | None

    def agrees_with(self, truth: End) -> bool:
        """Whether this claims nothing that `truth` contradicts."""
        return self.told is None or self.told == truth.told


UNDECIDED = End(None)


def _code(text: str) -> str:
    """`text` as a program that leaves its value in `result`; an expression is assigned to it."""
    return text if "\n" in text or f"{RESULT} =" in text else f"{RESULT} = ({text})"


def in_python(text: str) -> End:
    """How CPython ends `text`."""
    names: dict[str, object] = {"__name__": "__main__"}
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(_code(text), MODULE, "exec", dont_inherit=True), names)
            told = _written(names[RESULT])
    except Exception as error:  # noqa: BLE001 - whatever the code raises is its end
        text = str(error)
        for since, newer, older in _SAID_BEFORE:
            if sys.version_info >= since:
                text = newer.sub(older, text)
        return End(f"{type(error).__name__}: {_without_item(text)}")
    return End(told)


class _Noting(Machine):
    """Records whether an expression was undecided on the way, as then Python may raise."""

    unsure = False

    def evaluate(self, node: cst.CSTNode, frame: Frame) -> Value:
        value = super().evaluate(node, frame)
        self.unsure = self.unsure or isinstance(value, Unknown | Choice)
        return value


_SAID_BEFORE = tuple(
    (since, re.compile(newer), older)
    for since, newer, older in (
        ((3, 11), r"<(?:list|set|dict)comp>\.", ""),  # 3.12 gave up frames of comprehensions
        ((3, 12), r"\(\) iterable argument is empty", "() arg is an empty sequence"),
        ((3, 12), " and no __dict__ for setting new attributes", ""),
        ((3, 13), "must assign iterable to extended slice", "can only assign an iterable"),
        ((3, 14), r"cannot use '.*' as a (?:dict key|set element) \((.*)\)", r"\1"),
        ((3, 14), r"(too many values to unpack \(expected \d+), got \d+", r"\1"),
        (
            (3, 14),
            "^object is not iterable$",
            "cannot convert dictionary update sequence element #0 to a sequence",
        ),
    )
)
"""Since when Python says what, and what Python 3.11 says, which is what the interpreter says."""

_NOT_THERE = re.compile(r"(?:\w+\.\w+\(x\): x|.+ is) not in (list|deque)")


def _without_item(text: str) -> str:
    """`text` without the item that is not in a list: 3.14 no longer says which one it is."""
    return _NOT_THERE.sub(r"x not in \1", text) if sys.version_info >= (3, 14) else text


def in_interpreter(text: str, *, throughout: bool = False) -> End:
    """How the interpreter ends `text`; with `throughout`, undecided if anything on the way was."""
    machine, end = _run(text)
    unsure = machine.unproved() is not None or (throughout and machine.unsure)
    return UNDECIDED if unsure else end


def assumed_in_interpreter(text: str) -> End:
    """How the interpreter ends `text`, whatever it had to assume on the way."""
    return _run(text)[1]


def _loader_of(text: str) -> SourceLoader:
    return SourceLoader(Sources({}, {MODULE: _code(text)}), ReleaseSources(""))


def value_of(text: str) -> tuple[Machine, Scope, Value]:
    """What the interpreter has for `result` at the end of `text`, with its machine and globals."""
    loader = _loader_of(text)
    machine = Machine(StandardLibrary(), loader)
    module = loader.load(machine, f"{LOCAL}.{MODULE}")
    assert isinstance(module, Namespace)
    return machine, Scope({}, None, module), module.globals[RESULT]


def _run(text: str) -> tuple[_Noting, End]:
    loader = _loader_of(text)
    machine = _Noting(StandardLibrary(), loader)
    return machine, _ended(machine, loader)


def _ended(machine: Machine, loader: SourceLoader) -> End:
    try:
        module = loader.load(machine, f"{LOCAL}.{MODULE}")
        if not isinstance(module, Namespace):
            return UNDECIDED
        return End(_shown(machine, module.globals[RESULT]))
    except Raised as error:
        told = f"{error.kind}: {_without_item(error.text)}"
        return End(told) if machine.doubted(error).doubt is None else UNDECIDED
    except BudgetExceeded:
        return UNDECIDED


_NO_LISTS: tuple[type, ...] = (range, KeysView, ValuesView, ItemsView, Iterator)


def _written(value: object) -> str:
    """`repr`, with the items of sets and other iterables in a fixed order."""
    if isinstance(value, Iterable) and isinstance(value, _NO_LISTS):
        return f"{type(value).__name__}{[_written(item) for item in value]}"
    if isinstance(value, list | tuple | set | frozenset | dict):
        kind = type(value).__name__
        items = value.items() if isinstance(value, dict) else value
        texts = [_written(item) for item in items]
        return f"{kind}{sorted(texts) if isinstance(value, set | frozenset) else texts}"
    if isinstance(value, float) and value != value:
        return "float nan"
    return f"{type(value).__name__} {value!r}"


def _shown(machine: Machine, value: Value) -> str | None:
    """The same for a value of the interpreter (iterators are used up); None unless all is known."""
    if isinstance(value, Known):
        return _written(value.value)
    if isinstance(value, TupleValue):
        cls = value.cls if isinstance(value, NamedTupleValue) else None
        kind = cls.name if isinstance(cls, ClassValue) else "tuple"
        return _container(machine, kind, value.items)
    if isinstance(value, IterableValue):
        items, rest = machine.items_of(value)
        return _container(machine, value.kind, items) if rest is None else None
    if isinstance(value, ListValue) and value.rest is None:
        return _container(machine, type_name(value), value.items)
    if isinstance(value, SetValue) and value.rest is None:
        return _container(machine, type_name(value), list(value.items.values()), ordered=True)
    if isinstance(value, AttributeDict) and value.instance.open is None:
        value = DictValue(keyed(value.instance.attributes))
    if isinstance(value, DictValue) and value.rest is None:
        pairs = zip(value.key_values(), value.items.values(), strict=True)
        kind = type_name(value).rpartition(".")[2]
        return _container(machine, kind, [TupleValue(pair) for pair in pairs])
    return None


def _container(
    machine: Machine, kind: str, items: Sequence[Value], *, ordered: bool = False
) -> str | None:
    texts = [_shown(machine, item) for item in items]
    known = [text for text in texts if text is not None]
    if len(known) < len(texts):
        return None
    return f"{kind}{sorted(known) if ordered else known}"
