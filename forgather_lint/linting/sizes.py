"""Facts about sizes: the verdicts on a model on several ranks and stages of a target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from forgather_lint.core.settings import Device, Settings
from forgather_lint.core.source import Place
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.api import AnyPreparedModel, Cell, Target
from forgather_lint.engines.matrix import (
    PIPELINE_SIZES,
    TENSOR_SIZES,
    blocking,
    cell,
    examine,
)
from forgather_lint.execution.outcome import Outcome, Verdict
from forgather_lint.facts import Judged, NotBuilt, SizesJudged, SizesUndecided, SizeVerdict
from forgather_lint.facts.cause import OfSize
from forgather_lint.facts.causes.placement import DoesNotFit
from forgather_lint.facts.causes.stages import NoPipelinePlan
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.facts.sizes import UNKNOWN
from forgather_lint.linting.registry import code_of
from forgather_lint.linting.remedy import other_style

Fact = Judged | NotBuilt | ServingProblem | SizesJudged | SizesUndecided

_UNASKED = (OfSize, NoPipelinePlan)
"""What is no defect where no sizes were asked for: nobody said that there should be stages."""


def judged(model: ModelInput, targets: Sequence[Target], settings: Settings) -> Iterator[Fact]:
    """The verdicts at the sizes asked for; by default at 1, 2, 4 and 8 ranks and some stages."""
    for target in targets:
        prepared = examine(
            model,
            target,
            settings.dtype or "auto",
            settings.max_model_len,
            settings.model_impl,
        )
        yield from prepared.problems
        if prepared.ended is not None and not _explained(prepared.ended, prepared.problems):
            yield replace(prepared.ended, target=str(target.release))
        several = len(targets) > 1
        if settings.tensor_parallel_size or settings.pipeline_parallel_size:
            told = _asked(prepared, settings, several=several)
        else:
            told = _survey(prepared, settings.told_device, several=several)
        for fact in told:
            if isinstance(fact, SizesJudged):
                fact = replace(fact, of_defaults=model.config is None)
            yield fact


def _explained(ended: NotBuilt, problems: Sequence[ServingProblem]) -> bool:
    """Whether one of `problems` is why the constructor raises, so that it alone is reported."""
    return any(each.verdict == "fails" and each.where == ended.where for each in problems)


def not_judged(
    targets: Sequence[Target], settings: Settings, reason: str, where: Place
) -> Iterator[SizesJudged]:
    """The verdicts on a model of which too little could be read to judge it."""
    asked = bool(settings.tensor_parallel_size or settings.pipeline_parallel_size)
    pairs = _asked_for(settings) if asked else [(ranks, 1) for ranks in TENSOR_SIZES]
    sizes = tuple(SizeVerdict(ranks, stages, UNKNOWN, reason) for ranks, stages in pairs)
    for target in targets:
        yield SizesJudged(target.release, sizes, asked, where, len(targets) > 1)


def _asked_for(settings: Settings) -> list[tuple[int, int]]:
    return [
        (ranks, stages)
        for ranks in settings.tensor_parallel_size or (1,)
        for stages in settings.pipeline_parallel_size or (1,)
    ]


def _asked(prepared: AnyPreparedModel, settings: Settings, *, several: bool) -> Iterator[Fact]:
    """The facts where the user named sizes: each one that does not serve is reported."""
    device = settings.told_device
    cells = [cell(prepared, ranks, stages, device) for ranks, stages in _asked_for(settings)]
    where = _where(prepared)
    yield _all(cells, where, asked=True, several=several)
    yield from _broken(prepared, cells, where)
    yield from _undecided(cells, where, asked=True)


def _survey(prepared: AnyPreparedModel, device: Device | None, *, several: bool) -> Iterator[Fact]:
    """The facts where the user named no sizes: a defect is reported at its first size above 1.

    What is undecided is reported only where nothing is proved to serve.
    """
    tensor = [cell(prepared, ranks, 1, device) for ranks in TENSOR_SIZES]
    pipeline = [cell(prepared, 1, stages, device) for stages in _stages(prepared, tensor[0])]
    cells, where = [*tensor, *pipeline], _where(prepared)
    yield _all(cells, where, asked=False, several=several)
    first: list[Cell] = []
    for axis in (tensor[1:], pipeline):
        if not any(map(_serves, axis)):
            first += [each for each in axis if not isinstance(each.outcome.cause, _UNASKED)][:1]
    if any(map(_serves, cells)):
        yield from _broken(prepared, first, where)
    else:
        # That no size serves is no matter of sizes that nobody asked for.
        yield from _broken(prepared, first or tensor[:1], where)
        yield from _undecided(cells, where, asked=False)


def _stages(prepared: AnyPreparedModel, alone: Cell) -> tuple[int, ...]:
    """The numbers of stages to judge; none when the model has no pipeline plan or fails alone."""
    judge = prepared.judge
    fits = not isinstance(alone.outcome.cause, DoesNotFit)
    fails = alone.outcome.verdict is Verdict.FAILS and fits
    if judge is None or fails or blocking(prepared) is not None:
        return ()
    return PIPELINE_SIZES[1:] if judge.has_stages else ()


def _serves(each: Cell) -> bool:
    return each.outcome.verdict is Verdict.SERVES


def _where(prepared: AnyPreparedModel) -> Place:
    if prepared.judge is not None:
        return prepared.judge.subject.where
    for decided in (prepared.own, blocking(prepared)):
        if decided is not None and decided.where is not None:
            return decided.where
    assert prepared.ended is not None
    return prepared.ended.where


def _all(cells: Sequence[Cell], where: Place, *, asked: bool, several: bool) -> SizesJudged:
    sizes = (
        SizeVerdict(
            tensor_parallel_size=each.tensor_parallel_size,
            pipeline_parallel_size=each.pipeline_parallel_size,
            verdict=each.outcome.verdict.value,
            reason=each.outcome.reason,
            of_size=isinstance(each.outcome.cause, OfSize),
        )
        for each in cells
    )
    return SizesJudged(cells[0].target, tuple(sizes), asked, where, several)


def _broken(prepared: AnyPreparedModel, cells: Iterable[Cell], where: Place) -> Iterator[Judged]:
    """One fact for each way of going wrong, with the sizes at which it occurs."""
    bad = (Verdict.FAILS, Verdict.WRONG)
    for group in _groups(each for each in cells if each.outcome.verdict in bad):
        fact = _fact(group[0].outcome, group, where)
        yield replace(fact, remedy=other_style(prepared, group[0]))


def _undecided(cells: Iterable[Cell], where: Place, *, asked: bool) -> Iterator[SizesUndecided]:
    """One fact for each reason that keeps sizes undecided."""
    for group in _groups(each for each in cells if each.outcome.verdict is Verdict.UNKNOWN):
        outcome = group[0].outcome
        yield SizesUndecided(
            reason=outcome.reason,
            where=outcome.where or where,
            module=outcome.module,
            target=group[0].target,
            sizes=", ".join(map(_size, group)),
            asked=asked,
        )


def _groups(cells: Iterable[Cell]) -> Iterator[list[Cell]]:
    """The cells with the same verdict for the same reason at the same place."""
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for each in cells:
        outcome = each.outcome
        at = str(outcome.where.span) if outcome.where else ""
        code = code_of(outcome)
        reason = "" if code else outcome.reason
        groups.setdefault((code, at, outcome.verdict.value, reason), []).append(each)
    yield from groups.values()


def _fact(outcome: Outcome, group: Sequence[Cell], where: Place) -> Judged:
    assert outcome.cause is not None
    return Judged(
        cause=outcome.cause,
        verdict=outcome.verdict.value,
        reason=outcome.reason,
        where=outcome.where or where,
        since=outcome.since,
        module=outcome.module,
        target=group[0].target,
        sizes=", ".join(map(_size, group)),
        staged=any(each.pipeline_parallel_size > 1 for each in group),
    )


def _size(each: Cell) -> str:
    ranks, stages = each.tensor_parallel_size, each.pipeline_parallel_size
    text = f"{ranks} rank{'s' if ranks > 1 else ''}"
    return f"{text} x {stages} stages" if stages > 1 else text
