"""The verdict on every mutant is what two real ranks come to (as vLLM 0.13 computes)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import pytest

from forgather_lint.execution.outcome import Outcome
from forgather_lint.facts.causes.tokens import PositionsCounted, TokensMeet
from tests.fixture_models import MODELS
from tests.mutants import CLEAN, Mutant, code_mutants, plan_mutants, written
from tests.verdicts import V013, Static

STORED = Path(__file__).parents[1] / "fixtures" / "verdicts" / "two_ranks.json"


class Truth(TypedDict):
    """Outcomes of `tests/two_ranks.py` by identity of the mutant, and who said so."""

    versions: dict[str, str]
    outcomes: dict[str, str]


def truth() -> Truth:
    stored: Truth = json.loads(STORED.read_text("utf-8"))
    return stored


def mutants_of(model: str) -> tuple[Static, list[Mutant]]:
    static = Static(MODELS / model, V013)
    return static, list(plan_mutants(model, static.plan))


def static_outcomes(model: str, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The verdicts, except what is wrong only in an engine, which decodes token by token."""
    for identity, outcome in _static_outcomes(model, tmp_path):
        if not isinstance(outcome.cause, TokensMeet | PositionsCounted):
            yield identity, outcome.verdict.value


def _static_outcomes(model: str, tmp_path: Path) -> Iterator[tuple[str, Outcome]]:
    static, mutants = mutants_of(model)
    for mutant in mutants:
        yield mutant.identity, static.outcome(mutant.plan)
    for number, mutant in enumerate(each for each in code_mutants() if each.model == model):
        folder = written(mutant, tmp_path / str(number))
        yield mutant.identity, Static(folder, V013).outcome()


@pytest.mark.parametrize("model", CLEAN)
def test_verdicts_are_those_of_two_ranks(model: str, tmp_path: Path) -> None:
    expected = truth()["outcomes"]
    found = dict(static_outcomes(model, tmp_path))
    wrong = {
        identity: (verdict, expected[identity])
        for identity, verdict in found.items()
        if verdict not in ("unknown", expected[identity])
    }
    undecided = [identity for identity, verdict in found.items() if verdict == "unknown"]
    assert wrong == {}
    assert len(undecided) < 0.05 * len(found), undecided


def test_the_suite_is_large_and_holds_every_verdict() -> None:
    outcomes = Counter(truth()["outcomes"].values())
    assert sum(outcomes.values()) >= 200
    assert min(outcomes[verdict] for verdict in ("serves", "fails", "wrong")) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("model", CLEAN)
def test_two_ranks_say_what_is_stored(model: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    expected = truth()["outcomes"]
    live = dict(live_outcomes(model, tmp_path))
    assert live == {identity: expected[identity] for identity in live}


def live_outcomes(model: str, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """What `tests/two_ranks.py` says of every mutant of `model`."""
    from tests import two_ranks

    _, mutants = mutants_of(model)
    subject = two_ranks.load(MODELS / model)
    for mutant in mutants:
        yield mutant.identity, subject.outcome(mutant.plan).verdict
    for number, mutant in enumerate(each for each in code_mutants() if each.model == model):
        folder = written(mutant, tmp_path / str(number))
        yield mutant.identity, two_ranks.load(folder).outcome().verdict
