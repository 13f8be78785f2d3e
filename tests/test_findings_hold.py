"""Findings hold for the chosen targets, and `check` and `matrix` never contradict each other."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from forgather_lint import pipeline
from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.settings import Settings
from forgather_lint.documents.discover import candidates
from forgather_lint.documents.model_input import open_model
from forgather_lint.documents.python import SourceError
from forgather_lint.engines.api import Target
from forgather_lint.engines.chosen_targets import chosen_targets
from forgather_lint.engines.matrix import cell, examine
from forgather_lint.linting import sizes
from forgather_lint.linting.holding import holds_for
from forgather_lint.linting.report import ModelReport
from forgather_lint.session import checking
from tests.cases import Case, read_cases
from tests.fixture_models import MODELS, model_directories

SUITES = sorted((MODELS.parent / "rules").glob("*/*.md"))
CASES = [case for suite in SUITES if suite.parent.name != "forgather" for case in read_cases(suite)]
SIZES = ((1, 1), (2, 1), (1, 2))
SOME_RELEASES = ("vllm==0.13", "vllm==0.17", "vllm==0.32")
EVERY_FORTIETH = 40
PARTS = 13
PART = os.environ.get("FORGATHER_LINT_PART", str(date.today().toordinal()))
"""Which of thirteen parts of all cases at all targets is held: another every day, or `all`."""


def contradictions(folder: Path, settings: Settings, target: Target) -> Iterator[str]:
    """What `check` says of the model in `folder` and the verdict denies, and the reverse."""
    found = list(candidates(folder, lambda _: False))
    if len(found) != 1:
        return
    try:
        model = open_model(found[0])
    except SourceError:
        return
    length, judged_as = settings.max_model_len, settings.model_impl
    prepared = examine(model, target, settings.dtype or "bfloat16", length, judged_as)
    verdicts = {
        asked: cell(prepared, *asked, settings.told_device).outcome.verdict.value for asked in SIZES
    }
    at = f"{folder.name} on {target}"
    if {*verdicts.values()} == {"serves"}:
        together = _checked(folder, settings, target, (1, 2), (1, 2))
        served = {(*asked, "serves") for asked in SIZES} <= {*together.verdicts[0].sizes}
        if served and not any(_errors(together)):
            return  # what no size finds among others, it does not find alone
    for (ranks, stages), verdict in verdicts.items():
        report = _checked(folder, settings, target, (ranks,), (stages,))
        errors = list(_errors(report))
        here = f"{at} at {ranks} x {stages}"
        for error in errors:
            if not holds_for(error, target):
                yield f"{here}: {error.code} holds for {error.targets or error.releases}"
        if verdict == "serves" and errors:
            yield f"{here}: serves beside {errors[0].code} {errors[0].message}"
        if verdict in ("fails", "wrong") and not errors:
            yield f"{here}: {verdict} without an error"
        if verdict == "unknown" and not report.diagnostics:
            yield f"{here}: undecided without a finding"
        (told,) = report.verdicts
        if told.sizes != ((ranks, stages, verdict),):
            yield f"{here}: {verdict}, told as {told.sizes}"


def _checked(
    folder: Path,
    settings: Settings,
    target: Target,
    ranks: tuple[int, ...],
    stages: tuple[int, ...],
) -> ModelReport:
    """What `check` says of the model at these sizes; reports of commands beside it apart."""
    asked = replace(
        settings,
        target=(str(target.release), f"transformers=={target.transformers.version}"),
        tensor_parallel_size=ranks,
        pipeline_parallel_size=stages,
    )
    return next(each for each in checking.check((folder,), asked) if each.verdicts)


def _errors(report: ModelReport) -> Iterator[Diagnostic]:
    return (each for each in report.diagnostics if each.severity is Severity.ERROR)


def of_case(case: Case, folder: Path, targets: Sequence[Target]) -> list[str]:
    case.write(folder)
    return [
        f"{case}: {line}"
        for target in targets
        for line in contradictions(folder, case.settings, target)
    ]


def drawn(case: Case, targets: Sequence[Target]) -> Sequence[Target]:
    """The targets that `case` is held for in this part; all parts together hold it for each."""
    if PART == "all":
        return targets
    shuffled = random.Random(str(case)).sample(targets, len(targets))
    return shuffled[int(PART) % PARTS :: PARTS]


@pytest.mark.parametrize("case", CASES[::EVERY_FORTIETH], ids=str)
def test_check_and_matrix_agree(case: Case, tmp_path: Path) -> None:
    assert of_case(case, tmp_path, chosen_targets(SOME_RELEASES).targets) == []


@pytest.mark.parametrize("folder", model_directories(), ids=lambda folder: folder.name)
def test_they_agree_on_the_fixture_models(folder: Path) -> None:
    targets = chosen_targets(("vllm==0.13",)).targets
    assert [line for t in targets for line in contradictions(folder, Settings(), t)] == []


@pytest.fixture
def analysed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal questions about the model of a test are analysed once, whoever asks.

    That each would get the same answer alone is held by `test_company.py` and by the quick tests
    here; what the slow ones compare is what `check` and `matrix` make of the answers.
    """
    here = sys.modules[__name__]
    _once(monkeypatch, (sizes, here), "examine", lambda model, *asked: (model.path, *asked))
    _once(monkeypatch, (sizes, here), "cell", lambda prepared, *asked: (id(prepared), *asked))
    _once(
        monkeypatch,
        (pipeline,),
        "builder_of",
        lambda model, environment: (model.path, environment.transformers),
    )
    _once(monkeypatch, (pipeline,), "facts_of", lambda builder, model: id(builder))


def _once(
    monkeypatch: pytest.MonkeyPatch,
    used_in: Sequence[ModuleType],
    name: str,
    question: Callable[..., object],
) -> None:
    """Let all of `used_in` keep what their function `name` answers, by what `question` makes."""
    work = getattr(used_in[0], name)
    known: dict[object, tuple[object, tuple[object, ...]]] = {}

    def once(*asked: object) -> object:
        key = question(*asked)
        if key not in known:
            # What was asked is kept too: an id is then of nothing else.
            known[key] = (work(*asked), asked)
        return known[key][0]

    for module in used_in:
        monkeypatch.setattr(module, name, once)


@pytest.mark.slow
@pytest.mark.usefixtures("analysed_once")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_they_agree_on_all_profiles(case: Case, tmp_path: Path) -> None:
    assert of_case(case, tmp_path, drawn(case, chosen_targets(("all",)).targets)) == []


@pytest.mark.slow
@pytest.mark.usefixtures("analysed_once")
@pytest.mark.parametrize("folder", model_directories(), ids=lambda folder: folder.name)
def test_they_agree_on_all_profiles_of_the_fixture_models(folder: Path) -> None:
    targets = chosen_targets(("all",)).targets
    assert [line for t in targets for line in contradictions(folder, Settings(), t)] == []
