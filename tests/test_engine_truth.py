"""The verdict on every fixture model and mutant is what real releases of vLLM come to.

What they came to is stored, with versions, in `fixtures/verdicts/vllm_*.json`. The slow test asks
them again: it needs a Python with vLLM named by FORGATHER_LINT_VLLM_PYTHON, and half an hour.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.fixture_models import model_directories
from tools.truth import static
from tools.truth.__main__ import main
from tools.truth.cases import ONLY_ON_CPUS, cases
from tools.truth.stored import VERDICTS, read

RELEASES = sorted(VERDICTS.glob("vllm_*.json"))
PYTHON = os.environ.get("FORGATHER_LINT_VLLM_PYTHON", "")


@pytest.mark.parametrize("model", [path.name for path in model_directories()])
@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_verdicts_are_those_of_the_engine(path: Path, model: str) -> None:
    stored = read(path)
    held = [case for case in cases([model]) if case.mutant.identity not in ONLY_ON_CPUS]
    said = dict(static.verdicts(held, stored["versions"]))
    expected = {identity: stored["outcomes"][identity]["verdict"] for identity in said}
    differing = {
        identity: (ours.verdict.value, expected[identity], ours.reason)
        for identity, ours in said.items()
        if ours.verdict.value not in ("unknown", expected[identity])
    }
    undecided = [identity for identity, ours in said.items() if ours.verdict == "unknown"]
    assert differing == {}
    assert len(undecided) <= 0.05 * len(said), undecided


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_every_case_is_stored_and_no_other(path: Path) -> None:
    outcomes = read(path)["outcomes"]
    assert set(outcomes) == {case.identity for case in cases()}
    counts = Counter(outcome["verdict"] for outcome in outcomes.values())
    assert set(counts) == {"serves", "fails", "wrong"}
    assert min(counts.values()) >= 20


def test_both_releases_are_there() -> None:
    assert [path.stem for path in RELEASES] == ["vllm_0.13", "vllm_0.32"]


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON, reason="FORGATHER_LINT_VLLM_PYTHON names no Python with vLLM")
def test_the_engine_still_says_so() -> None:
    assert main(["--python", PYTHON]) == 0
