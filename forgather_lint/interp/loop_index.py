"""Loop indices whose rounds may be alike.

A model of 80 layers builds 80 equal blocks that differ in the number they store. The index of a
counting loop notes every question that is asked of its value, with the answer; when all answers
would be the same for another index, what one round built can be copied for the other.
"""

from __future__ import annotations

from collections.abc import Callable

from forgather_lint.values.value import Known, LoopIndex


def observe(index: Known, same_answer: Callable[[int], bool]) -> None:
    """Note that the value of `index` was asked for; `same_answer(i)` compares with index `i`."""
    if index.loop is not None:
        index.loop.observations.append(same_answer)


def alike(loop: LoopIndex, index: int) -> bool:
    """Whether every question asked in the round of `loop` has the same answer for `index`."""
    return all(same_answer(index) for same_answer in loop.observations)


def plain(value: Known) -> Known:
    """The constant without its loop."""
    return value if value.loop is None else Known(value.value)
