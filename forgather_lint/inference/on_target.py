"""The verdict of a release on a plan that is not written in the model, such as an inferred one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from forgather_lint.core.diagnostics import Fix
from forgather_lint.core.record import record
from forgather_lint.core.settings import ModelImpl
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.api import AnyPreparedModel, Cell, Subject, Target
from forgather_lint.engines.matrix import cell, examine
from forgather_lint.execution.model_facts import trace_of
from forgather_lint.execution.outcome import Verdict
from forgather_lint.facts import Model, NotBuilt, Plan, PlanEntry, PlanOrigin
from forgather_lint.inference.infer import InferredPlan, infer
from forgather_lint.inference.spelling import words_of
from forgather_lint.inference.write_plan import PIPELINE, TENSOR, Values, entries_of, write_plan
from forgather_lint.model.analysis import contained

SIZES = ((2, 1), (1, 2))
"""Two ranks, and two stages: what a plan can get wrong shows at the smallest size above one."""

DTYPE = "bfloat16"


def served(model: ModelInput, target: Target, plan: InferredPlan) -> list[Cell]:
    """The verdicts of `target` on `model` with `plan` in place of its own."""
    return cells(with_plan(examine(model, target, DTYPE, impl=ModelImpl.TRANSFORMERS), plan))


def infer_for(subject: Subject, target: Target) -> InferredPlan:
    """The plan of the base model, with the target's style names.

    Raises `Raised` if its forward does.
    """
    trace = trace_of(subject.machine, subject.root, subject.tree)
    return infer(subject.machine, subject.tree, subject.root, trace, words_of(target))


@record
class MissingEntries:
    """The inferred entries, for those attributes with which a target is proved to serve."""

    entries: Mapping[str, Values]

    def written(self, facts: Model, attribute: str) -> Fix | None:
        """The fix that writes the plan `attribute` into the model.

        None where it is not among them.
        """
        return write_plan(facts, attribute, self.entries.get(attribute, {}))


def missing_plans(model: ModelInput, target: Target) -> MissingEntries | None:
    """The plans, for a model without any, that the data flow asks for.

    None where none is proved.
    """
    prepared = target.prepare(model, DTYPE, as_written=True)
    judge, builder = prepared.judge, prepared.builder
    if judge is None or builder is None:
        return None
    subject = judge.subject
    plan = contained(builder, lambda: infer_for(subject, target))
    if isinstance(plan, NotBuilt):
        return None
    entries, found = entries_of(plan), served(model, target, plan)
    proved = [each.outcome.verdict is Verdict.SERVES for each in found]
    names = (name for name, serves in zip((TENSOR, PIPELINE), proved, strict=True) if serves)
    return MissingEntries({name: entries[name] for name in names})


def cells(prepared: AnyPreparedModel) -> list[Cell]:
    """The verdicts at each of `SIZES`."""
    return [cell(prepared, ranks, stages) for ranks, stages in SIZES]


def with_plan(prepared: AnyPreparedModel, plan: InferredPlan) -> AnyPreparedModel:
    """The model with `plan` in place of its own."""
    judge = prepared.judge
    if judge is None:
        return prepared
    where = judge.subject.where
    written = PlanEntry("", where, where, "", PlanOrigin.CONFIG_CLASS, "")
    tensor = (replace(written, key=key, style=style) for key, style in plan.tensor.items())
    pipeline = (
        replace(written, key=key, inputs=given, outputs=made)
        for key, (given, made) in plan.pipeline.items()
    )
    planned = judge.with_plans(tuple(tensor), Plan(tuple(pipeline), declared=where))
    return replace(prepared, judge=planned)
