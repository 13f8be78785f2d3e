"""Verdicts over targets and sizes: for `matrix`, and for what `check` says about sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forgather_lint.core import doing
from forgather_lint.core.recursion import deep_recursion
from forgather_lint.core.settings import Device, ModelImpl
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.api import AnyPreparedModel, Cell, Target
from forgather_lint.execution.outcome import Outcome, Verdict, worst
from forgather_lint.facts import EndKind, NotBuilt
from forgather_lint.facts.causes.placement import DoesNotFit

TENSOR_SIZES = (1, 2, 4, 8)
PIPELINE_SIZES = (1, 2, 4)


def matrix(
    model: ModelInput,
    targets: Sequence[Target],
    tensor_sizes: Sequence[int],
    pipeline_sizes: Sequence[int],
    dtype: str,
    impl: ModelImpl = ModelImpl.AUTO,
    device: Device | None = None,
) -> Iterator[Cell]:
    """One cell for each target and pair of sizes, targets first."""
    length = device.max_model_len if device else None
    for target in targets:
        prepared = examine(model, target, dtype, length, impl)
        for ranks in tensor_sizes:
            for stages in pipeline_sizes:
                yield cell(prepared, ranks, stages, device)


def examine(
    model: ModelInput,
    target: Target,
    dtype: str,
    max_model_len: int | None = None,
    impl: ModelImpl = ModelImpl.AUTO,
) -> AnyPreparedModel:
    """`model` as `target` builds it, with the problems that it has at any size."""
    elsewhere = target.served_elsewhere(model, impl)
    return elsewhere or target.checked(model, dtype, impl, max_model_len)


def is_read(model: ModelInput, targets: Sequence[Target], impl: ModelImpl) -> bool:
    """Whether one of `targets` loads the code of `model`."""
    return any(target.served_elsewhere(model, impl) is None for target in targets)


def cell(prepared: AnyPreparedModel, ranks: int, stages: int, device: Device | None = None) -> Cell:
    """The verdict of one target at one pair of sizes.

    With the use of memory if `device` is given.
    """
    release = prepared.target.release
    doing.now(f"judging {release.title} {release.version} on {ranks} ranks and {stages} stages")
    refused = prepared.own or blocking(prepared)
    wrong = refused is not None and refused.verdict is Verdict.WRONG
    if refused is not None and not (wrong and prepared.judge):
        return Cell(release, ranks, stages, refused)
    if prepared.judge is None:
        assert prepared.ended is not None
        return Cell(release, ranks, stages, of_end(prepared.ended))
    with deep_recursion():
        outcome = prepared.judge.outcome(ranks, stages)
        size = prepared.judge.bytes_per_rank(ranks, stages)
        held = prepared.judge.capacity(ranks, stages, device) if device else None
    if refused is not None:
        # What answers something else at every size may not even run at this one.
        outcome = worst([refused, outcome])
    if prepared.unproved is not None:
        unproved = outcome.verdict is Verdict.SERVES
        return Cell(release, ranks, stages, prepared.unproved if unproved else outcome)
    if held is not None and held.error and outcome.verdict is Verdict.SERVES:
        cause = DoesNotFit(held.max_model_len or 0, held.room or 0)
        outcome = Outcome(Verdict.FAILS, cause, held.error, held.where)
    return Cell(release, ranks, stages, outcome, size, held)


def blocking(prepared: AnyPreparedModel) -> Outcome | None:
    """The verdict at every size, when a problem decides it already; else None."""
    for verdict in (Verdict.FAILS, Verdict.WRONG):
        for problem in prepared.problems:
            if problem.verdict == verdict.value:
                return Outcome(
                    verdict,
                    reason=problem.error or problem.cause.told,
                    where=problem.where,
                    module=problem.module,
                    cause=problem.cause,
                )
    return prepared.given_up


def of_end(end: NotBuilt) -> Outcome:
    """The verdict on a model that the target cannot build."""
    verdict = Verdict.UNKNOWN if end.kind is EndKind.UNDECIDED else Verdict.FAILS
    return Outcome(verdict, end.cause, end.message, end.where)
