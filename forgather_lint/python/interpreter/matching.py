"""`match` statements: whether patterns fit, and the names that they bind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.documents.walk import descendants
from forgather_lint.python.interpreter.branching import join_bodies
from forgather_lint.python.interpreter.conditions import is_same
from forgather_lint.python.interpreter.dispatch import statement
from forgather_lint.python.interpreter.frame import Completion, Frame
from forgather_lint.python.interpreter.operators import binary
from forgather_lint.python.values.value import (
    DictValue,
    IterableValue,
    Known,
    ListValue,
    SetValue,
    TupleValue,
    Unknown,
    Value,
    key_of,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@statement(cst.Match)
def match_statement(machine: Machine, node: cst.Match, frame: Frame) -> Completion:
    subject = machine.evaluate(node.subject, frame)
    return _match_from(machine, node, 0, subject, frame)


def _match_from(
    machine: Machine, node: cst.Match, first: int, subject: Value, frame: Frame
) -> Completion:
    for number in range(first, len(node.cases)):
        case = node.cases[number]
        fits = _fits(machine, case, subject, frame)
        if fits is True:
            return machine.execute(case.body.body, frame)
        if fits is None:
            arms = [
                lambda case=case: machine.execute(case.body.body, frame),
                lambda n=number + 1: _match_from(machine, node, n, subject, frame),
            ]
            return join_bodies(machine, arms, frame, frame.place(case))
    return None


def _fits(machine: Machine, case: cst.MatchCase, subject: Value, frame: Frame) -> bool | None:
    fits = _pattern_fits(machine, case.pattern, subject, frame)
    if case.guard is None or fits is False:
        return fits
    guard = machine.truth(machine.evaluate(case.guard, frame))
    return guard if fits else (False if guard is False else None)


def _pattern_fits(
    machine: Machine, pattern: cst.MatchPattern, subject: Value, frame: Frame
) -> bool | None:
    """Whether `pattern` fits; None when that is undecided. Binds its names."""
    match pattern:
        case cst.MatchAs():
            inner = pattern.pattern
            fits = _pattern_fits(machine, inner, subject, frame) if inner is not None else True
            _bind(machine, pattern.name, subject, frame)
            return fits
        case cst.MatchValue():
            wanted = machine.evaluate(pattern.value, frame)
            return machine.truth(binary(machine, "eq", subject, wanted, frame.place(pattern)))
        case cst.MatchSingleton():
            return is_same(machine, subject, machine.evaluate(pattern.value, frame))
        case cst.MatchOr():
            return _any_fits(machine, [each.pattern for each in pattern.patterns], subject, frame)
        case cst.MatchList() | cst.MatchTuple():
            return _sequence_fits(machine, pattern, subject, frame)
        case cst.MatchMapping():
            return _mapping_fits(machine, pattern, subject, frame)
    _undecided(machine, pattern, frame)
    return None


def _bind(machine: Machine, name: cst.Name | None, value: Value, frame: Frame) -> None:
    if name is not None:
        machine.trail.set_key(frame.scope.names, name.value, value)


def _undecided(machine: Machine, pattern: cst.MatchPattern, frame: Frame) -> None:
    """Bind all names of a pattern that may fit to unknown values."""
    unknown = Unknown("undecided-pattern", frame.place(pattern))
    for node in descendants(pattern):
        if isinstance(node, cst.MatchAs | cst.MatchStar):
            _bind(machine, node.name, unknown, frame)
        elif isinstance(node, cst.MatchMapping):
            _bind(machine, node.rest, unknown, frame)


def _any_fits(
    machine: Machine, patterns: Sequence[cst.MatchPattern], subject: Value, frame: Frame
) -> bool | None:
    fits: bool | None = False
    for pattern in patterns:
        found = _pattern_fits(machine, pattern, subject, frame)
        if found is True:
            return True if fits is False else None
        fits = None if found is None else fits
    return fits


def _all_fit(
    machine: Machine, pairs: Iterable[tuple[cst.MatchPattern, Value]], frame: Frame
) -> bool | None:
    results = [_pattern_fits(machine, pattern, value, frame) for pattern, value in pairs]
    return False if False in results else (None if None in results else True)


def _sequence_fits(
    machine: Machine, pattern: cst.MatchList | cst.MatchTuple, subject: Value, frame: Frame
) -> bool | None:
    if isinstance(subject, Known | DictValue | SetValue):
        return False
    if isinstance(subject, IterableValue) and subject.kind != "range":
        return False
    if not isinstance(subject, ListValue | TupleValue) or getattr(subject, "rest", None):
        _undecided(machine, pattern, frame)
        return None
    parts, items = pattern.patterns, list(subject.items)
    stars = [place for place, part in enumerate(parts) if isinstance(part, cst.MatchStar)]
    wanted = [part.value for part in parts if isinstance(part, cst.MatchSequenceElement)]
    if len(items) < len(wanted) or (not stars and len(items) > len(wanted)):
        return False
    if stars:
        first, last = stars[0], stars[0] + len(items) - len(wanted)
        star = parts[first]
        assert isinstance(star, cst.MatchStar)
        _bind(machine, star.name, ListValue(items[first:last]), frame)
        items[first:last] = []
    return _all_fit(machine, zip(wanted, items, strict=True), frame)


def _mapping_fits(
    machine: Machine, pattern: cst.MatchMapping, subject: Value, frame: Frame
) -> bool | None:
    if isinstance(subject, Known | ListValue | TupleValue | SetValue):
        return False
    if not isinstance(subject, DictValue) or subject.rest is not None or pattern.rest is not None:
        _undecided(machine, pattern, frame)
        return None
    keys = [key_of(machine.evaluate(each.key, frame)) for each in pattern.elements]
    if any(key not in subject.items for key in keys):
        return False
    values = (subject.items[key] for key in keys)
    patterns = (each.pattern for each in pattern.elements)
    return _all_fit(machine, zip(patterns, values, strict=True), frame)
