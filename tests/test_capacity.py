"""The cache and the parameters of a rank, held to what a real vLLM says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forgather_lint.core.settings import ModelImpl
from forgather_lint.documents.discover import Candidate
from forgather_lint.documents.model_input import open_model
from forgather_lint.engines.matrix import examine
from forgather_lint.engines.vllm.capacity import cache_of
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.kv_cache import GIB, Request
from forgather_lint.engines.vllm.target import VllmTarget
from oracles.capacity import SPACE
from tests.capacity_cases import CapacityCase, capacity_cases
from tools.capacity_truth import stored_path

STORED = json.loads(stored_path("0.32.0").read_text("utf-8"))
SAID: dict[str, dict[str, Any]] = STORED["capacities"]
TARGET = VllmTarget.of(STORED["versions"]["vllm"], STORED["versions"]["transformers"])
CASES = {case.identity: case for case in capacity_cases()}
_TOO_LONG = "To serve at least one request"


def test_every_case_was_asked() -> None:
    assert CASES.keys() == SAID.keys()


@pytest.mark.parametrize("identity", [name for name in CASES if "tokens" in SAID.get(name, {})])
def test_what_an_engine_holds(identity: str, tmp_path: Path) -> None:
    case, said = CASES[identity], SAID[identity]
    judge = _judge(case, tmp_path)
    cache = cache_of(judge, case.ranks, case.stages, _cache_dtype(case), said["block_size"])
    fit = cache.fit(
        [SPACE * GIB] * case.stages, Request(case.max_model_len, said["tokens_in_flight"])
    )
    assert not fit.error
    assert (fit.blocks, fit.tokens) == (said["blocks"], said["tokens"])
    assert round(fit.requests, 2) == said["concurrency"]


@pytest.mark.parametrize("identity", [name for name in CASES if "parameters" in SAID.get(name, {})])
def test_what_a_rank_holds(identity: str, tmp_path: Path) -> None:
    case, said = CASES[identity], SAID[identity]
    held = _judge(case, tmp_path).bytes_by_stage(case.ranks, case.stages)
    by_rank = said["parameters"]
    firsts = range(0, len(by_rank), case.ranks)
    assert held == [max(by_rank[first : first + case.ranks]) for first in firsts]


@pytest.mark.parametrize(
    "identity",
    [name for name in CASES if _TOO_LONG in SAID.get(name, {}).get("error", "")],
)
def test_what_does_not_fit(identity: str, tmp_path: Path) -> None:
    case, said = CASES[identity], SAID[identity]
    judge = _judge(case, tmp_path)
    cache = cache_of(judge, case.ranks, case.stages, _cache_dtype(case), 128)
    tokens = case.settings.get("max_num_batched_tokens", case.max_model_len)
    assert isinstance(tokens, int)
    fit = cache.fit([SPACE * GIB] * case.stages, Request(case.max_model_len, tokens * case.stages))
    assert fit.error == said["error"]


def _judge(case: CapacityCase, below: Path) -> VllmJudge:
    model = open_model(Candidate(case.folder(below)))
    dtype = case.settings.get("dtype", "float32")
    assert isinstance(dtype, str)
    prepared = examine(model, TARGET, dtype, impl=ModelImpl.TRANSFORMERS)
    assert isinstance(prepared.judge, VllmJudge)
    return prepared.judge


def _cache_dtype(case: CapacityCase) -> str:
    return str(case.settings.get("kv_cache_dtype", "auto"))
