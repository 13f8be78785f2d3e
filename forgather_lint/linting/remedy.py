"""The one plan entry that would have to have the other style for a size to be served."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from forgather_lint.engines.api import AnyPreparedModel, Cell
from forgather_lint.engines.matrix import blocking, cell
from forgather_lint.execution.outcome import Verdict
from forgather_lint.facts.sizes import OtherStyle

MOST_ENTRIES = 16
"""A longer plan is not searched: each entry takes a run of its own."""
_OTHER = {"colwise": "rowwise", "rowwise": "colwise"}


def other_style(prepared: AnyPreparedModel, broken: Cell) -> OtherStyle | None:
    """The entry and style that make the size of `broken` serve; None unless exactly one does."""
    ranks, stages = broken.tensor_parallel_size, broken.pipeline_parallel_size
    if ranks == 1 or prepared.judge is None or blocking(prepared) is not None:
        return None
    if cell(prepared, 1, stages).outcome.verdict is not Verdict.SERVES:
        return None
    found = [
        trial
        for trial, changed in _trials(prepared)
        if cell(changed, ranks, stages).outcome.verdict is Verdict.SERVES
    ]
    return found[0] if len(found) == 1 else None


def _trials(prepared: AnyPreparedModel) -> Iterator[tuple[OtherStyle, AnyPreparedModel]]:
    """For each entry of the plan, the model with that entry in the other style."""
    judge = prepared.judge
    assert judge is not None
    subject = judge.subject
    plan = tuple(subject.tensor_plan)
    for place, entry in enumerate(plan) if len(plan) <= MOST_ENTRIES else ():
        style = _OTHER.get(entry.style or "")
        if style is None:
            continue
        changed = (*plan[:place], replace(entry, style=style), *plan[place + 1 :])
        planned = judge.with_plans(changed, subject.pipeline_plan)
        yield OtherStyle(entry, style), replace(prepared, judge=planned)
