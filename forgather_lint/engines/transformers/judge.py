"""The verdict on a plan as transformers itself applies it, without a serving engine."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from forgather_lint.core.record import record
from forgather_lint.engines.transformers.plan import (
    LIBRARY,
    StyleEntry,
    assigned_by_library,
    with_embedding,
)
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.layers import BY_COLUMN
from forgather_lint.execution.outcome import Outcome, undecided, with_branches
from forgather_lint.execution.sharded import Assignments, RankRun, run
from forgather_lint.facts.causes.placement import PackedPartsMixed
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance


@record(frozen=False, eq=False, slots=False)
class LibraryJudge:
    """Judges the assignments that transformers makes for one base model, `root`."""

    machine: Machine
    tree: Tree
    root: Instance

    @cached_property
    def alone(self) -> RankRun:
        """The outcome on a single rank, with those of branches that raise there."""
        return run(self.machine, self.tree, self.root, {}, LIBRARY, 1, None)

    def outcome(self, assigned: Assignments, ranks: int) -> Outcome:
        """The outcome on `ranks` ranks."""
        ran = run(self.machine, self.tree, self.root, assigned, LIBRARY, ranks, None)
        # Plans are compared on the same code: what a forward rests on is so for each of them.
        outcome = with_branches(ran.outcome, ran.branches, self.alone.branches)
        if isinstance(outcome.cause, PackedPartsMixed) and any(
            map(_cuts_a_parameter, assigned.values())
        ):
            return undecided("weights-may-be-interleaved-at-load", outcome.where)
        return outcome

    def written(self, plan: Mapping[str, str]) -> Assignments:
        """The assignments by the styles of `plan`. Raises `BudgetExceeded` for an unknown style."""
        return assigned_by_library(self.tree, _entries(plan))

    def loaded(self, plan: Mapping[str, str]) -> Assignments:
        """The assignments by `plan`, with those that `from_pretrained` adds."""
        return assigned_by_library(
            self.tree, with_embedding(self.machine, self.root, _entries(plan))
        )


def _cuts_a_parameter(assignment: Assignment) -> bool:
    """Whether a style splits a parameter outside of layers, such as a stack of experts.

    The loader may have rearranged such a parameter for that (transformers/conversion_mapping.py,
    `Interleave`), which the source of the model does not show.
    """
    return any(
        role in BY_COLUMN and name.rpartition(".")[2] not in ("weight", "bias")
        for name, role in assignment.parameters
    )


def _entries(plan: Mapping[str, str]) -> dict[str, StyleEntry]:
    return {key: StyleEntry(style) for key, style in plan.items()}
