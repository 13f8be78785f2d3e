"""Loop indices whose rounds may be alike.

A model of 80 layers builds 80 equal blocks that differ in the number they store. The index of a
counting loop records every question about its value, with the answer; when all answers would be the
same for another index, what one round has built can be copied for the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forgather_lint.python.values.value import Constant, Known, LoopIndex, Value, pin


def observe(index: Known, same_answer: Callable[[Any], bool]) -> None:
    """Record a question about `index`.

    `same_answer(i)` tells whether index `i` has the same answer.
    """
    if index.loop is not None and not index.loop.pinned:
        index.loop.observations.append(same_answer)


def decide(question: Callable[..., bool], *operands: Known) -> bool:
    """The answer to `question` about constants; recorded with those that are loop indices."""
    values: list[Any] = [operand.value for operand in operands]
    answer = question(*values)
    for position, operand in enumerate(operands):
        if operand.loop is not None:
            observe(operand, _answers_alike(question, values, position, answer))
    return answer


def _answers_alike(
    question: Callable[..., bool], values: list[Any], position: int, answer: bool
) -> Callable[[Any], bool]:
    before, behind = values[:position], values[position + 1 :]
    return lambda index: question(*before, index, *behind) == answer


def pinned(value: Value) -> Value:
    """`value` for code that may ask anything about it: no other index counts as alike any more."""
    if not isinstance(value, Known) or value.loop is None:
        return value
    pin(value)
    return Known(value.value)


def alike(loop: LoopIndex, index: Constant) -> bool:
    """Whether every question recorded by `loop` has the same answer for `index`."""
    return all(same_answer(index) for same_answer in loop.observations)
