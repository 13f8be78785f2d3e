"""The mixtures of experts that transformers ships are proved to compute in vLLM what they do.

Their routers differ: softmax in front of the choice, renormalized or as the config says, sigmoid
with a learned correction, groups of experts, shared experts with and without a gate.
"""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest

from forgather_lint.core.recursion import deep_recursion
from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.vllm.subject import prepare
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.outcome import Verdict

MODELS = {
    "mixtral": "MixtralForCausalLM",
    "qwen2_moe": "Qwen2MoeForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
    "olmoe": "OlmoeForCausalLM",
    "deepseek_v3": "DeepseekV3ForCausalLM",
    "glm4_moe": "Glm4MoeForCausalLM",
    "granitemoe": "GraniteMoeForCausalLM",
}


def _installed() -> str:
    try:
        return importlib.metadata.version("transformers")
    except importlib.metadata.PackageNotFoundError:
        return ""


@pytest.mark.skipif(not _installed().startswith("5."), reason="needs transformers 5")
@pytest.mark.parametrize("vllm", ["0.25.1", "0.32.0", "0.33.0"])
@pytest.mark.parametrize("model_type", MODELS)
def test_what_transformers_ships_is_proved_equal(
    model_type: str, vllm: str, tmp_path: Path
) -> None:
    config = {"model_type": model_type, "architectures": [MODELS[model_type]]}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    with deep_recursion():
        prepared = prepare(single_model(tmp_path), VllmTarget.of(vllm, _installed()), "bfloat16")
    assert prepared.judge is not None, prepared.ended
    blocks = prepared.judge.subject.experts
    assert blocks
    found = {(block.contract.verdict, block.contract.reason) for block in blocks}
    assert found == {(Verdict.SERVES, "")}
