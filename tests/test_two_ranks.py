"""The two-rank reference answers as vLLM 0.13 was measured to, on a Llama-like model."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixture_models import MODELS, model_directories

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests import two_ranks

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
FEEDFORWARD = ("gate_proj", "up_proj", "down_proj")


@pytest.fixture(scope="module")
def llama() -> two_ranks.Subject:
    return two_ranks.load(MODELS / "hf_llama")


def without(plan: two_ranks.Plan, *modules: str) -> dict[str, str]:
    return {pattern: style for pattern, style in plan.items() if not pattern.endswith(modules)}


def with_style(plan: two_ranks.Plan, module: str, style: str) -> dict[str, str]:
    return {pattern: style if pattern.endswith(module) else old for pattern, old in plan.items()}


@pytest.mark.parametrize(
    ("dropped", "verdict"),
    [
        ((), "serves"),
        (FEEDFORWARD, "serves"),
        (("k_proj", "v_proj"), "wrong"),
        (("k_proj",), "wrong"),
        (ATTENTION, "wrong"),
        (("q_proj",), "fails"),
        (("o_proj",), "fails"),
        (("gate_proj",), "fails"),
        (ATTENTION + FEEDFORWARD, "fails"),
    ],
)
def test_dropped_entries(
    llama: two_ranks.Subject, dropped: tuple[str, ...], verdict: two_ranks.Verdict
) -> None:
    assert llama.outcome(without(llama.plan, *dropped)).verdict == verdict


@pytest.mark.parametrize(
    ("module", "style", "error"),
    [
        ("down_proj", "colwise", "mat1 and mat2 shapes cannot be multiplied (7x128 and 256x64)"),
        ("q_proj", "rowwise", "mat1 and mat2 shapes cannot be multiplied (7x128 and 64x256)"),
        ("gate_proj", "packed_colwise", "The size of tensor a (256) must match"),
    ],
)
def test_styles_that_fail(llama: two_ranks.Subject, module: str, style: str, error: str) -> None:
    outcome = llama.outcome(with_style(llama.plan, module, style))
    assert outcome.verdict == "fails"
    assert outcome.error is not None
    assert error in outcome.error


def test_misspelt_attention_is_wrong(llama: two_ranks.Subject) -> None:
    misspelt = {name.replace("self_attn", "attention"): style for name, style in llama.plan.items()}
    assert llama.outcome(misspelt).verdict == "wrong"


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("directory", model_directories(), ids=lambda path: path.name)
def test_shipped_plans(directory: Path, size: int) -> None:
    """Every fixture's own plan serves, except the one that is broken on purpose."""
    verdict = two_ranks.load(directory).outcome(size=size).verdict
    assert verdict == ("fails" if directory.name == "broken_llama" else "serves")
