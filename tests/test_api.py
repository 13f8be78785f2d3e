"""The functions of the guide: on paths without torch, on live modules, and in its own script."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from forgather_lint import (
    print_model_structure,
    validate_pp_plan,
    validate_tp_plan,
    validate_vllm_plans,
)
from tests.fixture_models import MODELS

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None,
    reason="needs torch and transformers",
)
GOOD, BROKEN = MODELS / "hf_llama", MODELS / "broken_llama"


def test_a_good_plan_fits() -> None:
    assert validate_vllm_plans(GOOD) is True


def test_a_broken_plan_names_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert validate_vllm_plans(str(BROKEN)) is False
    assert "did you mean `layers.*.attention.query_linear`?" in capsys.readouterr().out


def test_a_plan_that_is_passed_is_the_one_that_is_checked() -> None:
    fits, messages = validate_tp_plan(GOOD, {"layers.*.mlp.up_proj": "colwsie"})
    assert not fits
    assert messages == ["`layers.*.mlp.up_proj`: unknown style 'colwsie'"]


def test_pipeline_entries_are_pairs_of_lists_of_names() -> None:
    assert validate_pp_plan(GOOD) == (True, [])
    fits, messages = validate_pp_plan(GOOD, {"norm": ["hidden_states"], "nrom": ([], [])})
    assert not fits
    assert messages[0] == "`norm`: not a pair of lists of names: ['hidden_states']"
    assert messages[1].startswith("`nrom` names no module: did you mean `norm`")


def test_structure_folds_layers(capsys: pytest.CaptureFixture[str]) -> None:
    print_model_structure(GOOD, max_depth=3, show_params=True)
    printed = capsys.readouterr().out
    assert "layers.0-3: HfLlamaDecoderLayer" in printed
    assert "weight [256, 128]" in printed
    assert "q_proj" not in printed


def test_no_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no model"):
        validate_vllm_plans(tmp_path)


GUIDE_SCRIPT = Path(__file__).parents[1] / "fixtures" / "api" / "validate_vllm.py"
"""Example 3 of the guide; only its import line names another package."""

SAVE_TINY_LLAMA = """
import sys
from transformers import LlamaConfig, LlamaForCausalLM
config = LlamaConfig(
    hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, vocab_size=64
)
LlamaForCausalLM(config).save_pretrained(sys.argv[1])
"""


@needs_torch
def test_the_guides_script_runs_on_a_checkpoint(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    run([sys.executable, "-c", SAVE_TINY_LLAMA, checkpoint], tmp_path)
    ran = run([sys.executable, GUIDE_SCRIPT, checkpoint], tmp_path)
    assert "model: LlamaModel" in ran.stdout
    assert "Model is ready for vLLM deployment!" in ran.stdout


@needs_torch
def test_a_live_module_is_checked_like_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    with torch.device("meta"):
        config = LlamaConfig(hidden_size=32, num_hidden_layers=2, vocab_size=64)
        model: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    assert validate_vllm_plans(model, strict=True)
    assert "model.layers.*.self_attn.q_proj: model.layers.0.self_attn.q_proj" in (
        capsys.readouterr().out
    )
    assert not validate_vllm_plans(model, tp_plan={"layers.*.self_attn.query": "colwise"})


def run(command: list[object], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that sees this checkout and nothing of the user's."""
    ran = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(MODELS.parents[1]),
            "HF_HUB_OFFLINE": "1",
            "HOME": str(tmp_path),
        },
    )
    assert ran.returncode == 0, ran.stderr
    return ran
