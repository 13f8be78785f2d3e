"""The verdict on every fixture model and mutant is what real releases of vLLM come to.

What they came to is stored, with versions, in `fixtures/verdicts/vllm_*.json`: of two releases all
cases, of those between the models as they are. The slow test asks one again: it needs a Python
with vLLM named by FORGATHER_LINT_VLLM_PYTHON, and half an hour.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from oracles.asking import releases
from oracles.stored import VERDICTS, read, stored_path
from tests.fixture_models import model_directories
from tools.truth import static
from tools.truth.__main__ import main
from tools.truth.cases import ONLY_ON_CPUS, Case, cases, shipped

RELEASES = sorted(VERDICTS.glob("vllm_*.json"))
WHOLE = ("vllm_0.13", "vllm_0.32")
BETWEEN = ("vllm_0.20", "vllm_0.25", "vllm_0.30")
INHERITS = "hf_inherits_llama"
PYTHON = os.environ.get("FORGATHER_LINT_VLLM_PYTHON", "")


def _cases(path: Path, models: Sequence[str] = ()) -> Iterator[Case]:
    vllm = read(path)["versions"]["vllm"]
    return cases(vllm, models) if path.stem in WHOLE else shipped(models)


@pytest.mark.parametrize("model", [path.name for path in model_directories()])
@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_verdicts_are_those_of_the_engine(path: Path, model: str) -> None:
    if model == INHERITS:
        pytest.importorskip("transformers", reason="its base classes are read from there")
    stored = read(path)
    held = [case for case in _cases(path, [model]) if case.mutant.identity not in ONLY_ON_CPUS]
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
    assert set(outcomes) == {case.identity for case in _cases(path)}
    counts = Counter(outcome["verdict"] for outcome in outcomes.values())
    if path.stem in WHOLE:
        assert set(counts) == {"serves", "fails", "wrong"}
        assert min(counts.values()) >= 20


def test_all_releases_are_there() -> None:
    assert {path.stem for path in RELEASES} == {*WHOLE, *BETWEEN}


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON, reason="FORGATHER_LINT_VLLM_PYTHON names no Python with vLLM")
def test_the_engine_still_says_so() -> None:
    vllm = stored_path(releases(PYTHON)["vllm"])
    assert main(["--python", PYTHON, *(["--shipped"] if vllm.stem in BETWEEN else [])]) == 0
