"""What vLLM was measured to do with a Llama-like model comes out of the source alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from forgather_lint.core.recursion import deep_recursion
from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.matrix import matrix
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.linting.registry import code_of
from tests.cases import read_cases
from tests.fixture_models import MODELS, copy_model
from tests.mutants import code_mutants, written
from tests.verdicts import V013, V032, Static

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
FEEDFORWARD = ("gate_proj", "up_proj", "down_proj")


def without(plan: dict[str, str], *modules: str) -> dict[str, str]:
    return {key: style for key, style in plan.items() if not key.endswith(modules)}


def with_style(plan: dict[str, str], module: str, style: str) -> dict[str, str]:
    return {key: style if key.endswith(module) else old for key, old in plan.items()}


def misspelt(plan: dict[str, str]) -> dict[str, str]:
    return {key.replace("self_attn", "self_atn"): style for key, style in plan.items()}


# Runs of vLLM 0.13.0 with transformers 4.57.6 on two ranks.
ON_0_13 = [
    ("all", "serves"),
    ("without k and v", "wrong"),
    ("without attention", "wrong"),
    ("attention misspelt", "wrong"),
    ("without k", "wrong"),
    ("without q", "fails"),
    ("without o", "fails"),
    ("without gate", "fails"),
    ("without feed-forward", "serves"),
    ("down by columns", "fails"),
    ("query by rows", "fails"),
    ("gate of no style", "fails"),
    ("no plan", "fails"),
]
# Runs of vLLM 0.32.0 with transformers 5.19.0 on two ranks.
ON_0_32 = [
    ("all", "serves"),
    ("without k and v", "serves"),
    ("without q", "serves"),
    ("without gate", "serves"),
    ("up of no style", "serves"),
    ("without attention", "fails"),
    ("attention misspelt", "fails"),
    ("without o", "fails"),
    ("no plan", "fails"),
]


def plans(plan: dict[str, str]) -> dict[str, dict[str, str]]:
    return {
        "all": plan,
        "without k and v": without(plan, "k_proj", "v_proj"),
        "without attention": without(plan, *ATTENTION),
        "attention misspelt": misspelt(plan),
        "without k": without(plan, "k_proj"),
        "without q": without(plan, "q_proj"),
        "without o": without(plan, "o_proj"),
        "without gate": without(plan, "gate_proj"),
        "without feed-forward": without(plan, *FEEDFORWARD),
        "down by columns": with_style(plan, "down_proj", "colwise"),
        "query by rows": with_style(plan, "q_proj", "rowwise"),
        "gate of no style": with_style(plan, "gate_proj", "colwsie"),
        "up of no style": with_style(plan, "up_proj", "colwsie"),
        "no plan": {},
    }


UNPACKED = """
        packed = packed.view(batch, length, 3, -1, self.head_dim)
        query, key, value = packed.permute(2, 0, 3, 1, 4)
"""


@pytest.fixture(scope="module")
def old() -> Static:
    return Static(MODELS / "hf_llama", V013)


@pytest.fixture(scope="module")
def new() -> Static:
    return Static(MODELS / "hf_llama", V032)


@pytest.mark.parametrize(("change", "verdict"), ON_0_13)
def test_vllm_0_13(old: Static, change: str, verdict: str) -> None:
    assert old.outcome(plans(old.plan)[change]).verdict == verdict


@pytest.mark.parametrize(("change", "verdict"), ON_0_32)
def test_vllm_0_32(new: Static, change: str, verdict: str) -> None:
    assert new.outcome(plans(new.plan)[change]).verdict == verdict


@pytest.mark.parametrize(
    ("name", "verdict", "code"),
    [
        ("gate and up packed in one", "wrong", "FGL207"),
        ("softmax over the features", "wrong", "FGL206"),
        ("head count hard-coded in the view", "fails", "FGL203"),
        ("width hard-coded in the merge", "fails", "FGL203"),
        ("a gain for each head left whole", "fails", "FGL208"),
    ],
)
def test_code_on_vllm_0_32(tmp_path: Path, name: str, verdict: str, code: str) -> None:
    mutant = next(each for each in code_mutants() if each.name == name)
    outcome = Static(written(mutant, tmp_path), V032).outcome()
    assert (outcome.verdict, code_of(outcome)) == (verdict, code)
    assert outcome.where is not None
    assert Path(outcome.where.span.path).name == "modeling_hf_llama.py"


@pytest.mark.parametrize(
    ("target", "heads", "ranks", "verdict"),
    [
        (V013, 1, 2, "fails"),  # keys and values are cut within a head
        (V032, 1, 2, "serves"),  # each rank has a copy of the head
        (V032, 2, 4, "serves"),
        (V032, 4, 4, "serves"),
    ],
)
def test_fewer_heads_of_keys_than_ranks(
    tmp_path: Path, target: VllmTarget, heads: int, ranks: int, verdict: str
) -> None:
    static = Static(copy_model("hf_llama", tmp_path, num_key_value_heads=heads), target)
    assert static.outcome(ranks=ranks).verdict == verdict


def test_a_packed_projection_unpacked_by_iteration(tmp_path: Path) -> None:
    """Rows lie as [3, heads, size]: a contiguous slice holds all queries and no values."""
    folder = copy_model("hf_packed_qkv", tmp_path, num_key_value_heads=8)
    file = folder / "modeling_hf_packed_qkv.py"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if "packed = packed.view(" in line)
    lines[first : first + 5] = UNPACKED.splitlines(keepends=True)
    file.write_text("".join(lines), "utf-8")
    for target in (V013, V032):
        static = Static(folder, target)
        assert static.outcome(ranks=1).verdict == "serves"
        assert static.outcome().verdict == "wrong"


def stages(static: Static, number: int, keys: list[str] | None = None) -> str:
    judge = static.judge
    if keys is not None:
        judge = VllmJudge(replace(judge.subject, pipeline_keys=keys), judge.element_type)
    with deep_recursion():
        return judge.pipeline_outcome(number).verdict.value


def test_pipeline_plans_on_vllm_0_32(new: Static) -> None:
    assert stages(new, 2) == "serves"
    assert stages(new, 2, ["norm", "embed_tokens", "layers"]) == "wrong"
    assert stages(new, 2, ["embed_tokens", "layers"]) == "wrong"
    assert stages(new, 2, ["embed_tokens", "norm"]) == "fails"
    assert stages(new, 2, ["embed_tokens", "layers", "nrom"]) == "fails"
    assert stages(new, 2, []) == "serves"
    assert stages(new, 8) == "fails"


@pytest.mark.parametrize(
    ("old_text", "new_text", "verdict"),
    [
        (
            "hidden_states = inputs_embeds\n",
            "hidden_states = inputs_embeds * 2.0\n",
            "wrong",
        ),
        (
            "            hidden_states = decoder_layer(\n",
            "            decoder_layer.self_attn.layer_idx\n"
            "            hidden_states = decoder_layer(\n",
            "fails",
        ),
    ],
)
def test_code_around_the_layers(tmp_path: Path, old_text: str, new_text: str, verdict: str) -> None:
    folder = copy_model("hf_llama", tmp_path)
    file = folder / "modeling_hf_llama.py"
    text = file.read_text("utf-8")
    assert old_text in text
    file.write_text(text.replace(old_text, new_text, 1), "utf-8")
    assert stages(Static(folder, V032), 2) == verdict


def test_stages_do_not_share_what_layers_leave_behind(tmp_path: Path) -> None:
    """The first layer leaves something for the last: the last stage has nothing of it."""
    folder = copy_model("hf_llama", tmp_path)
    file = folder / "modeling_hf_llama.py"
    text = file.read_text("utf-8")
    changes = {
        "class HfLlamaDecoderLayer(": "MEMORY = {}\n\n\nclass HfLlamaDecoderLayer(",
        "        self.self_attn = HfLlamaAttention(": (
            "        self.number = layer_idx\n        self.self_attn = HfLlamaAttention("
        ),
        "        residual = hidden_states\n": (
            "        if self.number == 0:\n            MEMORY['first'] = hidden_states\n"
            "        if self.number == 3:\n"
            "            hidden_states = hidden_states + MEMORY['first']\n"
            "        residual = hidden_states\n"
        ),
    }
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text, "utf-8")
    static = Static(folder, V032)
    # It serves: what the dict holds of one forward is not read in the next, which is not followed.
    assert static.outcome(ranks=1).reason == "state-kept-between-calls"
    assert stages(static, 2) == "fails"


def test_a_bias_in_the_mask_is_not_said_to_serve(tmp_path: Path) -> None:
    """Measured: wrong on both releases at any size; a mask expanded for each head would serve."""
    folder = copy_model("hf_llama", tmp_path)
    file = folder / "modeling_hf_llama.py"
    text = file.read_text("utf-8")
    old = "        for decoder_layer in self.layers:\n"
    bias = "torch.zeros(1, self.config.num_attention_heads, length, length)"
    assert old in text
    file.write_text(text.replace(old, f"        attention_mask = {bias}\n{old}", 1), "utf-8")
    for target in (V013, V032):
        outcome = Static(folder, target).outcome(ranks=1)
        assert outcome.verdict == "unknown"
        assert outcome.reason == "mask-for-each-head-not-used"


def test_without_a_plan_the_layers_are_those_of_the_decoder(tmp_path: Path) -> None:
    """Seen on 0.32: OPT, which has no plan, is shared out between two stages."""
    suite = MODELS.parent / "rules" / "pipeline_parallel" / "pp_not_one_module_list.md"
    case = next(each for each in read_cases(suite) if "decoder" in each.name)
    case.write(tmp_path)
    (cell,) = matrix(single_model(tmp_path), [V032], (1,), (2,), "float32")
    assert cell.outcome.verdict == "serves"
