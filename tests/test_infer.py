"""A plan inferred from the data flow alone is the one that an author would write."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.select import installed
from forgather_lint.engines.transformers.profile import TransformersProfile
from forgather_lint.engines.vllm.subject import PreparedModel, prepare
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.outcome import Verdict
from forgather_lint.facts import NotBuilt
from forgather_lint.inference.infer import InferredPlan, infer
from forgather_lint.inference.shardings import StyleNames
from forgather_lint.inference.spelling import words_of
from forgather_lint.model.analysis import contained
from forgather_lint.shell.commands.plan import command
from tests.cases import read_cases, without_expectations
from tests.fixture_models import MODELS, copy_model, model_directories

TARGET = VllmTarget.of("0.32.0", "5.19.0")
HERE = installed().transformers or TARGET.transformers.version
BESIDE = replace(TARGET, transformers=TransformersProfile(HERE))
"""Models of transformers are read from the release that is installed."""

FAULTY = "broken_llama"
RULES = MODELS.parent / "rules"
SHIPPED = [path for path in model_directories() if path.name != FAULTY]

needs_transformers = pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None, reason="needs the source of transformers"
)


def prepared(directory: Path, target: VllmTarget = TARGET) -> PreparedModel:
    return prepare(single_model(directory), target, "bfloat16", experts_fused=False)


def inferred(model: PreparedModel, words: StyleNames) -> InferredPlan:
    assert model.judge is not None and model.builder is not None
    subject = model.judge.subject
    plan = contained(
        model.builder, lambda: infer(subject.machine, subject.tree, subject.root, None, words)
    )
    assert not isinstance(plan, NotBuilt), plan
    return plan


def own_model(folder: Path, model_type: str, architecture: str, **config: object) -> PreparedModel:
    """A model of transformers by its config alone."""
    values = {"model_type": model_type, "architectures": [architecture], **config}
    (folder / "config.json").write_text(json.dumps(values), "utf-8")
    return prepared(folder, BESIDE)


@pytest.mark.parametrize("directory", SHIPPED, ids=lambda path: path.name)
def test_the_shipped_plan_is_inferred(directory: Path) -> None:
    model = prepared(directory)
    assert model.judge is not None
    plan = inferred(model, words_of(TARGET))
    assert plan.outcome is not None and plan.outcome.verdict is Verdict.SERVES
    shipped = {entry.full_key: entry.style for entry in model.judge.subject.tensor_plan}
    assert dict(plan.tensor) == shipped


def test_a_faulty_plan_is_not_asked() -> None:
    plan = inferred(prepared(MODELS / FAULTY), words_of(TARGET))
    assert plan.tensor["layers.*.attention.query_linear"] == "colwise"
    assert plan.tensor["layers.*.feedforward.gate_proj"] == "colwise"


@needs_transformers
def test_experts_in_one_tensor_are_packed(tmp_path: Path) -> None:
    """The gate and up projections lie in one parameter; the router stays whole."""
    model = own_model(tmp_path, "qwen3_moe", "Qwen3MoeForCausalLM", num_hidden_layers=2)
    plan = inferred(model, StyleNames()).tensor
    assert list(plan.items())[-3:] == [
        ("layers.*.mlp.experts.gate_up_proj", "packed_colwise"),
        ("layers.*.mlp.experts.down_proj", "rowwise"),
        ("layers.*.mlp.experts", "moe_tp_experts"),
    ]
    assert "layers.*.mlp.gate" not in plan


@needs_transformers
def test_latent_attention_shards_behind_the_bottleneck(tmp_path: Path) -> None:
    """A norm runs over what comes out of `q_a_proj` and `kv_a_proj_with_mqa`."""
    model = own_model(tmp_path, "deepseek_v3", "DeepseekV3ForCausalLM", num_hidden_layers=4)
    plan = inferred(model, StyleNames()).tensor
    attention = {k.rpartition(".")[2]: v for k, v in plan.items() if ".self_attn." in k}
    assert attention == {"q_b_proj": "colwise", "kv_b_proj": "colwise", "o_proj": "rowwise"}


@needs_transformers
def test_a_norm_over_all_heads_gathers(tmp_path: Path) -> None:
    """transformers itself computes attention whole; an engine spreads its own by heads."""
    model = own_model(tmp_path, "olmo2", "Olmo2ForCausalLM", num_hidden_layers=2)
    plan = inferred(model, StyleNames()).tensor
    assert plan["layers.*.self_attn.q_proj"] == "colwise_gather_output"
    assert plan["layers.*.self_attn.o_proj"] == "rowwise_split_input"
    served = inferred(model, words_of(TARGET)).tensor
    assert not any(".self_attn." in key for key in served)


@needs_transformers
def test_values_for_each_head_are_split_with_the_heads(tmp_path: Path) -> None:
    """Sinks are a bare parameter; vLLM 0.30 and later splits it by itself, plan or no plan."""
    model = own_model(tmp_path, "granite_swa", "GraniteSWAForCausalLM", num_hidden_layers=2)
    plan = inferred(model, StyleNames()).tensor
    assert plan["layers.*.self_attn.sinks"] == "colwise"
    assert plan["layers.*.self_attn"] == "local_params"
    assert plan["layers.*.self_attn.q_proj"] == "colwise"
    served = inferred(model, words_of(TARGET)).tensor
    assert served["layers.*.self_attn.q_proj"] == "colwise"
    assert not {"layers.*.self_attn", "layers.*.self_attn.sinks"} & set(served)
    before = inferred(model, words_of(VllmTarget.of("0.29.0", "5.19.0"))).tensor
    assert "layers.*.self_attn.q_proj" not in before


@needs_transformers
def test_the_table_of_the_tokens_is_found_by_what_it_takes(tmp_path: Path) -> None:
    """transformers splits `embed_tokens` by itself, vLLM every table."""
    model = own_model(tmp_path, "gpt_neox", "GPTNeoXForCausalLM", num_hidden_layers=2)
    assert inferred(model, StyleNames()).tensor["embed_in"] == "embedding_rowwise"
    assert "embed_in" not in inferred(model, words_of(TARGET)).tensor


@needs_transformers
def test_a_table_with_a_norm_inside_stays_whole(tmp_path: Path) -> None:
    """Two real ranks fail on the rule that transformers puts in by itself; scaling is no harm."""
    model = own_model(tmp_path, "inkling2_text", "Inkling2ForCausalLM", num_hidden_layers=2)
    assert inferred(model, StyleNames()).tensor["embed_tokens"] == "replicate"
    scaled = own_model(tmp_path, "gemma3_text", "Gemma3ForCausalLM", num_hidden_layers=2)
    assert "embed_tokens" not in inferred(scaled, StyleNames()).tensor


@needs_transformers
def test_what_saves_less_than_it_sends_stays_whole(tmp_path: Path) -> None:
    """A gate of a low rank in the norms; one of a ninth of the width, behind a gather."""
    gated = own_model(tmp_path, "axk2", "AXK2ForCausalLM", num_hidden_layers=2)
    assert not [key for key in inferred(gated, StyleNames()).tensor if "layernorm" in key]
    adapted = own_model(tmp_path, "gemma4_text", "Gemma4ForCausalLM", num_hidden_layers=2)
    assert not [key for key in inferred(adapted, StyleNames()).tensor if "per_layer" in key]


@needs_transformers
def test_kinds_under_one_name_stand_for_themselves(tmp_path: Path) -> None:
    """One `mixer` is attention, another feed-forward, a third has to gather."""
    model = own_model(tmp_path, "nemotron_h", "NemotronHForCausalLM")
    plan = inferred(model, StyleNames()).tensor
    assert plan["layers.*.mixer.q_proj"] == "colwise"
    assert plan["layers.*.mixer.o_proj"] == "rowwise"
    assert plan["layers.*.mixer.in_proj"] == "colwise_gather_output"


@needs_transformers
def test_what_tokens_alone_do_not_reach_is_sharded_as_its_class(tmp_path: Path) -> None:
    """The experts for images are of the class of those for text."""
    model = own_model(
        tmp_path, "ernie4_5_vl_moe_text", "Ernie4_5_VLMoeTextModel", num_hidden_layers=3
    )
    plan = inferred(model, StyleNames()).tensor
    for kind in ("text_moe", "vision_moe"):
        assert plan[f"layers.*.mlp.{kind}.experts.gate_up_proj"] == "packed_colwise"


MOE = {"num_experts": 8, "top_k_experts": 2, "moe_intermediate_size": 64}
FIVE = {"num_hidden_layers": 5, "layer_types": None, "num_kv_shared_layers": 0}


@needs_transformers
@pytest.mark.parametrize(
    ("model_type", "architecture", "config"),
    [
        # makes a cache for itself
        ("diffusion_gemma_text", "DiffusionGemmaEncoderTextModel", MOE),
        # has a table of attention functions of its own
        ("doge", "DogeForCausalLM", {"num_hidden_layers": 2}),
        # takes quantiles of a distribution; its layers share a dict
        ("gemma3n_text", "Gemma3nForCausalLM", FIVE),
        # windows of a tensor
        ("inkling2_text", "Inkling2ForCausalLM", {"num_hidden_layers": 4}),
        # reads results by name
        ("deepseek_v4", "DeepseekV4ForCausalLM", {"num_hidden_layers": 4}),
    ],
)
def test_a_plan_is_proved(
    model_type: str, architecture: str, config: dict[str, object], tmp_path: Path
) -> None:
    plan = inferred(own_model(tmp_path, model_type, architecture, **config), StyleNames())
    assert plan.tensor
    assert plan.outcome is not None and plan.outcome.verdict is Verdict.SERVES


@needs_transformers
def test_a_plan_that_is_not_proved_says_so(tmp_path: Path) -> None:
    values = {"model_type": "glm5_next_text", "architectures": ["Glm5NextTextModel"]}
    (tmp_path / "config.json").write_text(json.dumps({**values, "num_hidden_layers": 4}), "utf-8")
    ran = CliRunner().invoke(command, [str(tmp_path), "--infer"])
    assert ran.exit_code == 0, ran.output
    assert "note: not proved on two ranks: " in ran.stderr
    assert "base_model_tp_plan = {" in ran.stdout


def test_the_headings_of_a_difference_are_of_neither_side(tmp_path: Path) -> None:
    model = copy_model("broken_llama", tmp_path)
    found = CliRunner().invoke(command, [str(model), "--diff"], color=True)
    first, second, place, *rest = found.stdout.splitlines()
    assert (first, second) == ("\x1b[1m--- plan\x1b[0m", "\x1b[1m+++ inferred\x1b[0m")
    assert place.startswith("\x1b[36m@@ ")
    assert any(line.startswith("\x1b[31m-") for line in rest)


@pytest.mark.parametrize(
    ("asked", "done", "told"),
    [
        ([], "shown", "layers.*.self_attn.q_proj  [64, 64]   column"),
        (["--diff"], "inferred", "the plan is the one that would be inferred"),
        (["--infer"], "inferred", '"layers.*.self_attn.q_proj": "colwise"'),
    ],
)
def test_a_plan_is_told_where_the_default_release_cannot_build_the_model(
    asked: list[str], done: str, told: str, tmp_path: Path
) -> None:
    suite = RULES / "serving" / "class_plan_reaches_base_model.md"
    case = next(each for each in read_cases(suite) if each.expected)
    for name, text in case.files.items():
        (tmp_path / name).write_text(without_expectations(text), "utf-8")
    found = CliRunner().invoke(command, [*asked, str(tmp_path)])
    assert found.exit_code == 0, found.output
    assert "`lm_head` is not an nn.Module" in found.stderr
    assert f"{done} as vllm==" in found.stderr
    assert told in found.stdout


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("hf_llama", "2 ranks: serves; 2 stages: serves"),
        ("broken_llama", "2 ranks: serves; 2 stages: serves"),
        ("forgather_alibi", "2 ranks: fails, ValueError: Layer 0 does not dispatch"),
    ],
)
def test_the_target_is_asked(name: str, verdict: str) -> None:
    """The plan is proved as transformers applies it; its release has the last word."""
    ran = CliRunner().invoke(command, ["--infer", "--target", "vllm==0.32", str(MODELS / name)])
    assert ran.exit_code == 0, ran.output
    assert f"note: vllm==0.32.0 with this plan: {verdict}" in ran.stderr


@needs_transformers
def test_a_norm_without_a_weight_runs_once(tmp_path: Path) -> None:
    values = {"model_type": "olmo", "architectures": ["OlmoForCausalLM"], "num_hidden_layers": 2}
    (tmp_path / "config.json").write_text(json.dumps(values), "utf-8")
    beside = str(BESIDE.transformers)
    ran = CliRunner().invoke(command, ["--infer", "--target", beside, str(tmp_path)])
    assert '"norm": (["hidden_states"], ["hidden_states"])' in ran.stdout
    assert "rotary_emb" not in ran.stdout
    assert "2 stages: serves" in ran.stderr
