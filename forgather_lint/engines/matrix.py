"""Verdicts over targets and sizes: for `matrix`, and for what `check` says about sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from forgather_lint.core import doing
from forgather_lint.core.recursion import deep_recursion
from forgather_lint.core.settings import Device, ModelImpl
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.api import AnyPreparedModel, Capacity, Cell, Target
from forgather_lint.execution.outcome import Outcome, Verdict, undecided, worst
from forgather_lint.facts import EndKind, NotBuilt
from forgather_lint.facts.causes.placement import DoesNotFit
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Raised

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
    refused = prepared.own or _first_refusal(prepared, ranks)
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
    if held is not None and held.refused is not None:
        return Cell(release, ranks, stages, held.refused)
    if refused is not None:
        # What answers something else at every size may not even run at this one.
        outcome = worst([refused, outcome])
    if prepared.unproved is not None:
        unproved = outcome.verdict is Verdict.SERVES
        return Cell(release, ranks, stages, prepared.unproved if unproved else outcome)
    if held is not None and held.error and outcome.verdict is Verdict.SERVES:
        cause = DoesNotFit(held.max_model_len or 0, held.room or 0)
        outcome = Outcome(Verdict.FAILS, cause, held.error, held.where)
    elif device is not None and outcome.verdict is Verdict.SERVES:
        outcome = _fitting(outcome, held, device)
    return Cell(release, ranks, stages, outcome, size, held)


def _fitting(outcome: Outcome, held: Capacity | None, device: Device) -> Outcome:
    """`outcome`, unless memory was told and whether the model fits into it is not known."""
    if held is None or not held.unknown or not device.is_told:
        return outcome
    return undecided(f"whether it fits is not known: {held.unknown}", None)


def blocking(prepared: AnyPreparedModel) -> Outcome | None:
    """The verdict at every size, when a problem decides it already; else None."""
    problem = _deciding(prepared)
    return _of_problem(problem) if problem is not None else prepared.given_up


def _first_refusal(prepared: AnyPreparedModel, ranks: int) -> Outcome | None:
    """The same on `ranks` ranks: what the target says of the sizes may come before it."""
    problem = _deciding(prepared)
    if problem is None:
        return prepared.given_up
    fails = problem.verdict == Verdict.FAILS.value
    if fails and problem.after_sizes and prepared.judge is not None:
        with deep_recursion(), suppress(Raised, BudgetExceeded):
            return prepared.judge.refused_by_config(ranks) or _of_problem(problem)
    return _of_problem(problem)


def _deciding(prepared: AnyPreparedModel) -> ServingProblem | None:
    """The problem that decides at every size: the first that stops it, else that is wrong."""
    verdicts = (Verdict.FAILS.value, Verdict.WRONG.value)
    found = (each for verdict in verdicts for each in prepared.problems if each.verdict == verdict)
    return next(found, None)


def _of_problem(problem: ServingProblem) -> Outcome:
    return Outcome(
        Verdict(problem.verdict),
        reason=problem.error or problem.cause.told,
        where=problem.where,
        module=problem.module,
        cause=problem.cause,
    )


def of_end(end: NotBuilt) -> Outcome:
    """The verdict on a model that the target cannot build."""
    verdict = Verdict.FAILS if end.is_proof else Verdict.UNKNOWN
    guessed = end.kind is EndKind.RAISES and not end.is_proof
    reason = f"built with the defaults of its config class it raises {end.message}"
    return Outcome(verdict, end.cause, reason if guessed else end.message, end.where)
