"""Plans that a script passes to be checked instead of those that the model declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeGuard

from forgather_lint.core.source import file_start
from forgather_lint.documents.model_input import GivenPlans
from forgather_lint.facts import Plan, PlanEntry, PlanOrigin, Plans

GIVEN = file_start("<plan>")
"""The place of findings on a given plan."""


def with_given(plans: Plans, given: GivenPlans | None) -> Plans:
    """`plans`, with those in `given` as replacements.

    A given plan is taken to be merged already.
    """
    if given is None:
        return plans
    if given.tensor is not None:
        of_head = _plan(map(_tensor, given.of_head.items()))
        plans = replace(plans, tp=_plan(map(_tensor, given.tensor.items())), class_tp=of_head)
    if given.pipeline is not None:
        plans = replace(plans, pp=_plan(map(_pipeline, given.pipeline.items())), class_pp=Plan())
    return plans


def _plan(entries: map[PlanEntry]) -> Plan:
    return Plan(tuple(entries), declared=GIVEN)


def _tensor(item: tuple[str, object]) -> PlanEntry:
    key, style = item
    return replace(_entry(key, style), style=style if isinstance(style, str) else None)


def _pipeline(item: tuple[str, object]) -> PlanEntry:
    key, value = item
    pair = value if _is_sequence(value) and len(value) == 2 else (None, None)
    inputs, outputs = (_names(part) for part in pair)
    whole = inputs is not None and outputs is not None
    return replace(
        _entry(key, value), inputs=inputs if whole else None, outputs=outputs if whole else None
    )


def _names(part: object) -> tuple[str, ...] | None:
    if _is_sequence(part) and all(isinstance(name, str) for name in part):
        return tuple(map(str, part))
    return None


def _is_sequence(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, list | tuple)


def _entry(key: str, value: object) -> PlanEntry:
    return PlanEntry(key, GIVEN, GIVEN, repr(value), PlanOrigin.CONFIG_CLASS, "")
