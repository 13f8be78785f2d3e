"""Facts about sizes: what becomes of a model on several ranks and stages of a target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forgather_lint.core.settings import Settings
from forgather_lint.core.source import Place
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.target import Target
from forgather_lint.engines.vllm.judge import Cell
from forgather_lint.engines.vllm.subject import Prepared
from forgather_lint.engines.vllm.verdicts import TENSOR_SIZES, cell, examine
from forgather_lint.execution.outcome import Outcome, Verdict
from forgather_lint.facts import Judged, SizesThatServe
from forgather_lint.facts.serving import ServingProblem

Fact = Judged | SizesThatServe | ServingProblem
_DEFECTS = frozenset({"FGL210", "FGL211", "FGL590"})
"""Reasons that lie in the size or the release, not in the model."""


def judged(model: ModelInput, targets: Sequence[Target], settings: Settings) -> Iterator[Fact]:
    """What the sizes asked for come to; without any, which of 1, 2, 4, 8 serve.

    Of several targets `matrix` tells the sizes; here they would drown what is wrong.
    """
    for target in targets:
        prepared = examine(
            model,
            target,
            settings.dtype or "bfloat16",
            settings.max_model_len,
            settings.model_impl,
        )
        yield from prepared.problems
        if prepared.judge is None:
            continue
        where = prepared.judge.subject.where
        if settings.tensor_parallel_size or settings.pipeline_parallel_size:
            yield from _asked(prepared, settings, where)
        else:
            survey = _survey(prepared, where)
            alone = len(targets) == 1
            yield from (fact for fact in survey if alone or not isinstance(fact, SizesThatServe))


def _asked(prepared: Prepared, settings: Settings, where: Place) -> Iterator[Judged]:
    cells = [
        cell(prepared, ranks, stages)
        for ranks in settings.tensor_parallel_size or (1,)
        for stages in settings.pipeline_parallel_size or (1,)
    ]
    yield from _grouped(cells, where)


def _survey(prepared: Prepared, where: Place) -> Iterator[Fact]:
    """All sizes on one stage; a defect of the model shows at the first size above 1."""
    cells = [cell(prepared, ranks, 1) for ranks in TENSOR_SIZES]
    serving = tuple(c.tensor_parallel_size for c in cells if c.outcome.verdict is Verdict.SERVES)
    refused = tuple(
        (c.tensor_parallel_size, c.outcome.verdict.value, c.outcome.reason)
        for c in cells
        if c.outcome.verdict is not Verdict.SERVES
    )
    release = str(prepared.target.vllm.version)
    yield SizesThatServe(release, serving, refused, where)
    if not any(size > 1 for size in serving):
        broken = [c for c in cells[1:] if c.outcome.code not in _DEFECTS]
        yield from _grouped(broken[:1], where)


def _grouped(cells: Sequence[Cell], where: Place) -> Iterator[Judged]:
    """One fact for each way of going wrong, with the sizes at which it does."""
    bad = (Verdict.FAILS, Verdict.WRONG)
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for each in cells:
        outcome = each.outcome
        if outcome.verdict in bad:
            at = str(outcome.where.span) if outcome.where else ""
            groups.setdefault((outcome.code, at, outcome.verdict.value), []).append(each)
    for group in groups.values():
        yield _fact(group[0].outcome, group, where)


def _fact(outcome: Outcome, group: Sequence[Cell], where: Place) -> Judged:
    return Judged(
        code=outcome.code,
        verdict=outcome.verdict.value,
        reason=outcome.reason,
        where=outcome.where or where,
        since=outcome.since,
        module=outcome.module,
        target=group[0].target,
        sizes=", ".join(map(_size, group)),
    )


def _size(each: Cell) -> str:
    ranks, stages = each.tensor_parallel_size, each.pipeline_parallel_size
    text = f"{ranks} rank{'s' if ranks > 1 else ''}"
    return f"{text} x {stages} stages" if stages > 1 else text
