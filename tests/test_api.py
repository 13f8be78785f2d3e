"""The functions of the guide: on paths without torch, on live modules, and in its own script."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from forgather_lint import (
    print_model_structure,
    validate_pp_plan,
    validate_tp_plan,
    validate_vllm_plans,
)
from forgather_lint.shell.cli import cli
from tests.fixture_models import MODELS, copy_model, model_directories

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


def both(folder: Path, **asked: Any) -> tuple[bool, int]:
    """What the function says, and the exit code of `check` on the same target and sizes."""
    sizes = {"tensor_parallel_size": 2, "pipeline_parallel_size": 1} | asked
    options = [f"--target={sizes.pop('target')}"] if "target" in sizes else []
    options += [f"--{key.replace('_', '-')}={value}" for key, value in sizes.items()]
    exit_code = CliRunner().invoke(cli, ["check", str(folder), *options]).exit_code
    return validate_vllm_plans(folder, **asked), exit_code


@pytest.mark.parametrize("folder", model_directories(), ids=lambda folder: folder.name)
def test_it_says_what_check_says(folder: Path) -> None:
    fits, exit_code = both(folder)
    assert fits is (exit_code == 0)


def test_the_target_and_the_sizes_count() -> None:
    assert both(GOOD, target="vllm==0.13") == (True, 0)
    assert both(GOOD, target="vllm==0.13", pipeline_parallel_size=2) == (False, 1)
    assert both(GOOD, target="vllm==0.32", pipeline_parallel_size=2) == (True, 0)
    assert both(MODELS / "hf_tied", target="vllm==0.32", tensor_parallel_size=8) == (False, 1)


def test_swapped_styles_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    swapped = {"layers.*.self_attn.q_proj": "rowwise", "layers.*.self_attn.o_proj": "colwise"}
    assert validate_tp_plan(GOOD, swapped) == (True, []), "the text of each entry is in order"
    assert validate_vllm_plans(GOOD, swapped, target="vllm==0.32") is False
    assert "a matrix for 256 features is given 128" in capsys.readouterr().out


def test_a_pipeline_plan_that_is_passed_is_the_one_that_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    layers = {"layers": (["hidden_states"], ["hidden_states"])}
    asked: dict[str, Any] = {"target": "vllm==0.32", "tensor_parallel_size": 1}
    assert not validate_vllm_plans(GOOD, pp_plan=layers, pipeline_parallel_size=2, **asked)
    assert "applied once per stage instead of once" in capsys.readouterr().out


def test_strict_prints_what_check_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert not validate_vllm_plans(BROKEN, strict=True, target="vllm==0.32")
    printed = capsys.readouterr().out
    checked = CliRunner().invoke(cli, ["check", str(BROKEN), "--target=vllm==0.32", "-tp", "2"])
    assert checked.stdout in printed


def test_a_model_whose_constructor_raises_does_not_fit(tmp_path: Path) -> None:
    assert both(copy_model("hf_llama", tmp_path, hidden_size="wide")) == (False, 1)


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


@needs_torch
def test_a_live_module_of_ones_own_is_judged_from_its_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = """
import sys
import torch
from transformers import AutoConfig, AutoModelForCausalLM
from forgather_lint import validate_vllm_plans

config = AutoConfig.from_pretrained(sys.argv[1], trust_remote_code=True)
with torch.device("meta"):
    model = AutoModelForCausalLM.from_config(config, trust_remote_code=True)
print("own:", validate_vllm_plans(model, target="vllm==0.32"))
swapped = {"layers.*.self_attn.q_proj": "rowwise"}
print("swapped:", validate_vllm_plans(model, swapped, target="vllm==0.32"))
print("plain:", validate_vllm_plans(torch.nn.Linear(2, 2)))
"""
    ran = run([sys.executable, "-c", script, GOOD], tmp_path)
    assert "own: True" in ran.stdout
    assert "swapped: False" in ran.stdout
    assert "not judged: Linear has no config" in ran.stdout
    assert "plain: False" in ran.stdout
