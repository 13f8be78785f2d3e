"""A survey of many sizes computes what sizes share once, and says what each size says alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forgather_lint.documents.discover import Candidate
from forgather_lint.documents.model_input import open_model
from forgather_lint.engines.api import Cell
from forgather_lint.engines.chosen_targets import chosen_targets
from forgather_lint.engines.matrix import matrix
from forgather_lint.engines.sglang import judge as sglang_judge
from forgather_lint.engines.vllm import judge as vllm_judge
from forgather_lint.execution import stages
from tests.fixture_models import copy_model

RANKS, STAGES = (1, 2, 3, 4, 8), (1, 2, 3, 4)
TARGETS = ("vllm==0.32", "sglang==0.5.23")


def surveyed(
    folder: Path, target: str, ranks: tuple[int, ...], of_stages: tuple[int, ...]
) -> list[Cell]:
    targets = chosen_targets((target,)).targets
    return list(matrix(open_model(Candidate(folder)), targets, ranks, of_stages, "bfloat16"))


def counting(counter: Counter[str], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*given: Any, **named: Any) -> Any:
        counter[name] += 1
        return function(*given, **named)

    return counted


@pytest.mark.parametrize("target", TARGETS)
def test_each_size_of_an_axis_is_run_once(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: Counter[str] = Counter()
    for judge in (vllm_judge, sglang_judge):
        monkeypatch.setattr(judge, "run", counting(runs, "ranks", judge.run))
    monkeypatch.setattr(stages, "_run", counting(runs, "stages", stages._run))
    folder = copy_model("hf_llama", tmp_path, num_hidden_layers=12, num_key_value_heads=8)
    cells = surveyed(folder, target, RANKS, STAGES)
    assert len(cells) == len(RANKS) * len(STAGES)
    assert 0 < runs["ranks"] <= len(RANKS)
    whole = 1 if target.startswith("vllm") else len(STAGES)
    assert 0 < runs["stages"] <= sum(STAGES[1:]) + whole


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("model", ["hf_llama", "hf_moe", "broken_llama", "forgather_postnorm"])
def test_a_survey_says_what_each_size_says_alone(model: str, target: str, tmp_path: Path) -> None:
    folder = copy_model(model, tmp_path)
    alone = [
        cell
        for ranks in RANKS
        for of_stages in STAGES
        for cell in surveyed(folder, target, (ranks,), (of_stages,))
    ]
    assert [told(each) for each in surveyed(folder, target, RANKS, STAGES)] == list(
        map(told, alone)
    )


def told(cell: Cell) -> tuple[object, ...]:
    """What a reader is told of a cell; places are compared by where they are."""
    outcome = cell.outcome
    where = str(outcome.where.span) if outcome.where else ""
    sizes = cell.tensor_parallel_size, cell.pipeline_parallel_size
    return (*sizes, outcome.verdict, outcome.reason, where, outcome.module, cell.bytes_per_rank)
