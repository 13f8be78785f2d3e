"""What stands between the fixture models and releases of vLLM, as real engines said it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.matrix import cell, examine
from forgather_lint.engines.vllm.checks.naming import by_any_prefix, by_model
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.outcome import Verdict
from forgather_lint.linting.registry import code_of
from forgather_lint.shell.cli import cli
from tests.fixture_models import MODELS, copy_model

V013 = VllmTarget.of("0.13.0", "4.57.6")
V032 = VllmTarget.of("0.32.0", "5.19.0")
NO_DISPATCH = (
    "ValueError: Layer 0 does not dispatch through the Transformers attention interface and vLLM "
    "has no other way to handle it."
)
NO_EXPERTS = (
    "ImportError: Transformers modeling backend requires transformers>=5.0.0.dev0 for MoE models "
    "support, but got 4.57.6"
)
SERVED = [
    "forgather_modulelist",
    "hf_inherits_llama",
    "hf_llama",
    "hf_packed_qkv",
    "hf_parallel_residual",
    "hf_qk_norm",
    "hf_tied",
]
BOUND_EARLY = ["forgather_llama", "forgather_postnorm", "forgather_qwen"]


@pytest.mark.parametrize("target", [V013, V032], ids=str)
@pytest.mark.parametrize("name", SERVED)
def test_what_the_engine_serves_has_no_problem(name: str, target: VllmTarget) -> None:
    prepared = examine(single_model(MODELS / name), target, "bfloat16")
    assert prepared.problems == ()
    assert cell(prepared, 1, 1).outcome.verdict is Verdict.SERVES


@pytest.mark.parametrize(
    ("name", "target", "code", "error"),
    [
        *((name, V032, "FGL512", NO_DISPATCH) for name in BOUND_EARLY),
        ("hf_moe", V013, "FGL506", NO_EXPERTS),
    ],
    ids=str,
)
def test_what_blocks_is_said_as_the_engine_says_it(
    name: str, target: VllmTarget, code: str, error: str
) -> None:
    prepared = examine(single_model(MODELS / name), target, "bfloat16")
    for ranks, stages in ((1, 1), (2, 1), (1, 2)):
        outcome = cell(prepared, ranks, stages).outcome
        assert (outcome.verdict, code_of(outcome), outcome.reason) == (Verdict.FAILS, code, error)


@pytest.mark.parametrize("name", BOUND_EARLY)
def test_older_releases_serve_attention_that_is_looked_up_early(name: str) -> None:
    prepared = examine(single_model(MODELS / name), V013, "bfloat16")
    assert cell(prepared, 1, 1).outcome.verdict is Verdict.SERVES


def test_names_of_weights_before_any_prefix_was_known() -> None:
    assert by_model("model.layers.0.q", bare=True) == "model.layers.0.q"
    assert by_model("lm_head.weight", bare=True) == "lm_head.weight"
    assert by_model("transformer.h.0.q", bare=True) == "model.transformer.h.0.q"
    assert by_model("layers.0.q", bare=False) == "layers.0.q"


def test_names_of_weights_with_a_prefix_that_is_also_a_child() -> None:
    children = ("causal_lm",)
    name = "causal_lm.input_encoder.embedding.weight"
    assert by_any_prefix(name, "causal_lm", children) == "input_encoder.embedding.weight"
    assert by_any_prefix(name, "model", children) == f"model.{name}"
    assert by_any_prefix("transformer.h.0.q", "transformer", ("h", "wte")) == "model.h.0.q"
    assert by_any_prefix("lm_head.weight", "model", ("layers",)) == "lm_head.weight"


def test_several_targets_end_in_one_table() -> None:
    asked = ["--isolated", "--target", "vllm==0.13", "--target", "vllm==0.32"]
    done = CliRunner().invoke(cli, ["check", *asked, str(MODELS / "forgather_llama")])
    row = next(line for line in done.output.splitlines() if line.startswith("FGL512"))
    assert row.split() == ["FGL512", "attention-not-dispatched-in-forward", ".", "x"]
    head = next(line for line in done.output.splitlines() if line.split() == ["0.13.0", "0.32.0"])
    assert head


def test_one_target_needs_no_table() -> None:
    asked = ["--isolated", "--target", "vllm==0.32"]
    done = CliRunner().invoke(cli, ["check", *asked, str(MODELS / "forgather_llama")])
    assert "FGL512 [attention-not-dispatched-in-forward]" in done.output
    assert [line for line in done.output.splitlines() if line.split() == ["0.32.0"]] == []


@pytest.mark.parametrize(
    ("written", "error"),
    [
        (
            "scaling=self.scaling*2",
            "ValueError: Cannot resolve attention scaling expression 'self.scaling * 2' in "
            "HfLlamaAttention.",
        ),
        (
            "scaling=self.scaling, s_aux=self.sinks.float()",
            "ValueError: HfLlamaAttention applies attention sinks, but they were not passed to "
            "Attention, so the output would be wrong. Either the Transformers modeling backend "
            "could not find the parameter holding them, or vLLM does not support sinks for this "
            "kind of attention.",
        ),
    ],
)
def test_expressions_are_shown_as_the_engine_shows_them(
    tmp_path: Path, written: str, error: str
) -> None:
    folder = copy_model("hf_llama", tmp_path)
    file = folder / "modeling_hf_llama.py"
    text = file.read_text("utf-8").replace("scaling=self.scaling", written, 1)
    held = "        self.is_causal = True\n"
    sinks = "        self.sinks = nn.Parameter(torch.ones(config.num_attention_heads))\n"
    file.write_text(text.replace(held, held + sinks, 1), "utf-8")
    outcome = cell(examine(single_model(folder), V032, "bfloat16"), 1, 1).outcome
    assert outcome.reason == error
