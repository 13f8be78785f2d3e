"""`for`, `while`, comprehensions and generator expressions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.python.interpreter.assignments import assign
from forgather_lint.python.interpreter.branching import join_bodies, perhaps
from forgather_lint.python.interpreter.budget import MOST_ROUNDS, BudgetExceeded
from forgather_lint.python.interpreter.dispatch import expression, statement
from forgather_lint.python.interpreter.frame import (
    Completion,
    Continued,
    Frame,
    LoopBroken,
    Raised,
    Returned,
)
from forgather_lint.python.interpreter.hashing import NewSet, orders
from forgather_lint.python.interpreter.iteration import (
    Rounds,
    ask_for_order,
    iterator_over,
    rounds,
    some,
    untouched,
)
from forgather_lint.python.interpreter.literals import NewDict
from forgather_lint.python.interpreter.plain_comprehensions import plain
from forgather_lint.python.values.objects import Scope
from forgather_lint.python.values.value import (
    Batch,
    DictValue,
    IterableValue,
    ListValue,
    SetValue,
    Unknown,
    Value,
    may_have_fewer,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@statement(cst.For)
def for_statement(machine: Machine, node: cst.For, frame: Frame) -> Completion:
    iterable, where = machine.evaluate(node.iter, frame), frame.place(node.iter)
    tried = orders(machine, iterable, where)
    if tried is None:
        return _loop(machine, node, iterable, frame)
    arms = [partial(_loop, machine, node, each, frame) for each in tried]
    return join_bodies(machine, arms, frame, where)


def _loop(machine: Machine, node: cst.For, iterable: Value, frame: Frame) -> Completion:
    completion: Completion = None
    turns = rounds(machine, iterable, frame.place(node.iter))
    sized = _sized(iterable)
    ran, size = False, len(sized.items) if sized is not None else 0
    for item in turns:
        ran = True
        assign(machine, node.target, item, frame)
        completion = machine.execute(node.body.body, frame)
        if isinstance(completion, LoopBroken | Returned):
            break
        if sized is not None and len(sized.items) != size:
            kind = "Set" if isinstance(sized, SetValue) else "dictionary"
            text = f"{kind} changed size during iteration"
            error = Raised("RuntimeError", text, frame.place(node.iter))
            if not may_have_fewer(sized):
                raise error
            machine.pass_over(error)
            sized = None
    if isinstance(completion, LoopBroken | Returned):
        return completion if isinstance(completion, Returned) else None
    rest = turns.rest
    if rest is not None:
        if not (ran and rest.item):
            machine.assume(Unknown("number-of-rounds", frame.place(node.iter), rest.reason))
        return _perhaps_more(machine, node, rest, frame)
    return machine.execute(node.orelse.body.body, frame) if node.orelse else None


def _sized(iterable: Value) -> DictValue | SetValue | None:
    """The dict or set that a loop goes over, which must keep its size; None where it is open."""
    viewed = iterable.viewed if isinstance(iterable, IterableValue) else iterable
    if not isinstance(viewed, DictValue | SetValue):
        return None
    return viewed if viewed.rest is None and not may_have_fewer(viewed) else None


def _perhaps_more(machine: Machine, node: cst.For, rest: Unknown, frame: Frame) -> Completion:
    """Run two further rounds, with an unknown item, that may or may not take place.

    The second starts from what the first may have left, as every later one would.
    """

    def round_() -> Completion:
        assign(machine, node.target, rest.item or rest, frame)
        completion = machine.execute(node.body.body, frame)
        return None if isinstance(completion, LoopBroken | Continued) else completion

    def none() -> Completion:
        return None

    for _ in range(2 if rest.item else 1):
        completion = join_bodies(machine, [round_, none], frame, frame.place(node.iter))
        if completion is not None:
            break
    return completion


@statement(cst.While)
def while_statement(machine: Machine, node: cst.While, frame: Frame) -> Completion:
    for _ in range(MOST_ROUNDS):
        truth = machine.truth(machine.evaluate(node.test, frame), frame.place(node.test))
        if truth is False:
            return machine.execute(node.orelse.body.body, frame) if node.orelse else None
        if truth is None:
            return _undecided_round(machine, node, frame)
        completion = machine.execute(node.body.body, frame)
        if isinstance(completion, LoopBroken):
            return None
        if isinstance(completion, Returned):
            return completion
    raise BudgetExceeded("loop-budget")


def _undecided_round(machine: Machine, node: cst.While, frame: Frame) -> Completion:
    def round_() -> Completion:
        completion = machine.execute(node.body.body, frame)
        return None if isinstance(completion, LoopBroken | Continued) else completion

    machine.assume(Unknown("number-of-rounds", frame.place(node.test)))
    return join_bodies(machine, [round_, lambda: None], frame, frame.place(node.test))


@statement(cst.Break)
def break_statement(machine: Machine, node: cst.Break, frame: Frame) -> Completion:
    return LoopBroken()


@statement(cst.Continue)
def continue_statement(machine: Machine, node: cst.Continue, frame: Frame) -> Completion:
    return Continued()


Collect = Callable[[Frame], None]


@expression(cst.GeneratorExp)
def generator_expression(machine: Machine, node: cst.GeneratorExp, frame: Frame) -> Value:
    """An iterator: the first iterable is evaluated now, the rest of the expression item by item."""
    inner, where = _inner(frame), frame.place(node.for_in.iter)
    over = iterator_over(machine, machine.evaluate(node.for_in.iter, frame), where)
    source = partial(_generated, machine, node, inner, over)
    return IterableValue([], source=source, disorder=over.disorder)


def _generated(
    machine: Machine, node: cst.GeneratorExp, frame: Frame, over: IterableValue, made: IterableValue
) -> Batch:
    """What a generator expression makes of the next item."""
    numbers = None if made.asked else _plain_numbers(machine, node, frame, over)
    if numbers is not None:
        return Batch(numbers, ends=True)
    items: list[Value] = []

    def collect(inner: Frame) -> None:
        items.append(machine.evaluate(node.elt, inner))

    item = some(machine, over)
    if item is None:
        if over.rest is not None and not made.asked:
            _perhaps_of(machine, node.for_in, over.rest, frame, collect)
        return Batch(items, over.rest, ends=True)
    try:
        rest = _of_item(machine, node.for_in, item, frame, collect)
        if rest is not None:  # there is no telling which item is the next one
            others = Rounds(machine, over, any_order=True)
            rest = _each_of(machine, node.for_in, frame, collect, others) or rest
    except Raised as error:
        if not items:
            raise
        return Batch(items, error=machine.doubted(error))
    return Batch([] if rest is not None else items, rest)


@expression(cst.ListComp)
def list_comprehension(machine: Machine, node: cst.ListComp, frame: Frame) -> Value:
    clause, inner = node.for_in, _inner(frame)
    iterable = machine.evaluate(clause.iter, frame)
    over = iterator_over(machine, iterable, frame.place(clause.iter))
    numbers = _plain_numbers(machine, node, inner, over)
    if numbers is not None:
        ask_for_order(machine, iterable, frame.place(clause.iter))
        return ListValue(numbers)
    items: list[Value] = []

    def collect(inner: Frame) -> None:
        items.append(machine.evaluate(node.elt, inner))

    return ListValue(items, _each_of(machine, clause, inner, collect, Rounds(machine, over)))


def _plain_numbers(
    machine: Machine, node: cst.ListComp | cst.GeneratorExp, frame: Frame, over: IterableValue
) -> list[Value] | None:
    """All results at once, for an expression that computes numbers from numbers only; else None."""
    given = untouched(over)
    arithmetic = plain(machine, node, frame) if given is not None else None
    numbers = arithmetic.items(machine, given) if arithmetic is not None and given else None
    if numbers is not None:
        machine.trail.advance(over, items=(), given=0, source=None, rest=None)
    return numbers


@expression(cst.SetComp)
def set_comprehension(machine: Machine, node: cst.SetComp, frame: Frame) -> Value:
    new = NewSet(machine, frame.place(node.elt))

    def collect(inner: Frame) -> None:
        new.add(machine.evaluate(node.elt, inner))

    _, rest = _in_any_order(machine, node.for_in, frame, collect)
    return SetValue(new.items, new.rest or rest)


def _in_any_order(
    machine: Machine, clause: cst.CompFor, frame: Frame, collect: Collect
) -> tuple[Rounds, Unknown | None]:
    """Run `collect` for every item, where it does not matter which is the first."""
    iterable = machine.evaluate(clause.iter, frame)
    turns = rounds(machine, iterable, frame.place(clause.iter), any_order=True)
    try:
        return turns, _each_of(machine, clause, _inner(frame), collect, turns)
    except Raised as error:
        error.doubt = error.doubt or turns.disorder
        raise


@expression(cst.DictComp)
def dict_comprehension(machine: Machine, node: cst.DictComp, frame: Frame) -> Value:
    new, count = NewDict(machine, frame.place(node.key)), 0

    def collect(inner: Frame) -> None:
        nonlocal count
        count += 1
        key = machine.evaluate(node.key, inner)
        new.put(key, machine.evaluate(node.value, inner))

    turns, rest = _in_any_order(machine, node.for_in, frame, collect)
    new.rest, new.disorder = new.rest or rest, turns.disorder
    if turns.disorder is not None and len(new.items) < count:  # the last of equal keys stays
        machine.assume(turns.disorder)
    return new.made()


def _inner(frame: Frame) -> Frame:
    """A frame for the names of a comprehension; `super()` and the receiver are those of `frame`.

    Its first iterable is evaluated outside it: in the body of a class, names of the class are seen.
    """
    scope = Scope({}, frame.scope, frame.scope.namespace)
    return Frame(scope, frame.file, frame.function, frame.receiver, frame.trail_depth)


def _each(machine: Machine, clause: cst.CompFor, frame: Frame, collect: Collect) -> Unknown | None:
    """Call `collect` for every item; returns why there may be more."""
    iterable = machine.evaluate(clause.iter, frame)
    turns = rounds(machine, iterable, frame.place(clause.iter))
    return _each_of(machine, clause, frame, collect, turns)


def _each_of(
    machine: Machine, clause: cst.CompFor, frame: Frame, collect: Collect, turns: Rounds
) -> Unknown | None:
    rest: Unknown | None = None
    any_round = False
    for item in turns:
        any_round = True
        rest = _of_item(machine, clause, item, frame, collect) or rest
    if turns.rest is not None and not any_round:
        _perhaps_of(machine, clause, turns.rest, frame, collect)
    return turns.rest or rest


def _perhaps_of(
    machine: Machine, clause: cst.CompFor, rest: Unknown, frame: Frame, collect: Collect
) -> None:
    """Call `collect` for an unknown item that may or may not exist."""
    act = partial(_of_item, machine, clause, rest, frame, collect)
    perhaps(machine, act, frame.place(clause.iter))


def _of_item(
    machine: Machine, clause: cst.CompFor, item: Value, frame: Frame, collect: Collect
) -> Unknown | None:
    assign(machine, clause.target, item, frame)
    return _one(machine, clause, frame, collect)


def _one(machine: Machine, clause: cst.CompFor, frame: Frame, collect: Collect) -> Unknown | None:
    undecided: Unknown | None = None
    for condition in clause.ifs:
        test = machine.evaluate(condition.test, frame)
        truth = machine.truth(test, frame.place(condition.test))
        if truth is False:
            return None
        if truth is None:
            undecided = Unknown("undecided-filter", frame.place(condition))
    inner = clause.inner_for_in
    if undecided is not None:
        act = partial(_each, machine, inner, frame, collect) if inner else partial(collect, frame)
        perhaps(machine, act, frame.place(clause))
        return undecided
    if inner is not None:
        return _each(machine, inner, frame, collect)
    collect(frame)
    return None
