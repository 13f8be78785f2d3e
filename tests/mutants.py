"""Mutants of the fixture models: common mistakes in a plan, or in code that a plan splits.

A mutant is a model with another plan, or with some lines of its source replaced. All names are
stable: outcomes are stored by them in `fixtures/verdicts/two_ranks.json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from tests.fixture_models import MODELS

CLEAN = (
    "hf_llama",
    "hf_qk_norm",
    "hf_tied",
    "hf_packed_qkv",
    "hf_parallel_residual",
    "hf_moe",
    "forgather_modulelist",
    "forgather_postnorm",
    "forgather_qwen",
    "forgather_alibi",
)
OTHER_STYLES = ("colwise", "rowwise", "colwise_rep", "rowwise_rep", "replicate", "colwsie")
OTHER_HOUSE = {
    "self_attn.q_proj": "attention.query_linear",
    "self_attn.k_proj": "attention.key_linear",
    "self_attn.v_proj": "attention.value_linear",
    "self_attn.o_proj": "attention.output_linear",
    "mlp.": "feedforward.",
}


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the first `old` in a file by `new`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A model under another plan (None: its own), or with edited source."""

    model: str
    name: str
    plan: Mapping[str, str] | None = None
    edits: tuple[Edit, ...] = ()
    pipeline_keys: tuple[str, ...] | None = None

    @property
    def identity(self) -> str:
        return f"{self.model}: {self.name}"

    @property
    def directory(self) -> Path:
        return MODELS / self.model


def plan_mutants(model: str, plan: Mapping[str, str]) -> Iterator[Mutant]:
    """Mutants with one fault, then some with pairs of entries dropped."""
    yield Mutant(model, "as it is", dict(plan))
    for key, style in plan.items():
        rest = {other: value for other, value in plan.items() if other != key}
        yield Mutant(model, f"without {key}", rest)
        for other in OTHER_STYLES:
            if other != style:
                yield Mutant(model, f"{key} as {other}", {**plan, key: other})
        for title, name in _misnamed(key):
            renamed = {name if old == key else old: value for old, value in plan.items()}
            yield Mutant(model, f"{key} {title}", renamed)
    for parent in dict.fromkeys(key.rpartition(".")[0] for key in plan):
        rest = {key: value for key, value in plan.items() if key.rpartition(".")[0] != parent}
        if rest:
            yield Mutant(model, f"nothing of {parent}", rest)
        gathered = {
            key: f"{value}_rep" if key.rpartition(".")[0] == parent else value
            for key, value in plan.items()
        }
        yield Mutant(model, f"{parent} gathered", gathered)
    for pair in combinations(plan, 2):
        rest = {key: value for key, value in plan.items() if key not in pair}
        yield Mutant(model, f"without {' and '.join(pair)}", rest)


def _misnamed(key: str) -> Iterator[tuple[str, str]]:
    yield "misspelt", f"{key[:-1]}_{key[-1]}"
    yield "by its weight", f"{key}.weight"
    yield "with a prefix", f"model.{key}"
    for ours, theirs in OTHER_HOUSE.items():
        for one, other in ((ours, theirs), (theirs, ours)):
            if one in key:
                yield "by its name elsewhere", key.replace(one, other)


LLAMA = "modeling_hf_llama.py"
MODULELIST = "causal_multihead_attn.py"
SHAPE = "hidden_shape = (*input_shape, -1, self.head_dim)"
QUERY = "query_states = self.q_proj(hidden_states).view(hidden_shape).transpose(1, 2)"
FORWARD = "        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))"
CODE_MUTANTS = (
    Mutant(
        "hf_llama",
        "head count hard-coded in the view",
        edits=(
            Edit(
                LLAMA,
                QUERY,
                "query_states = self.q_proj(hidden_states).view("
                "*input_shape, self.config.num_attention_heads, self.head_dim).transpose(1, 2)",
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "width hard-coded in the merge",
        edits=(
            Edit(
                LLAMA,
                "attn_output.reshape(*input_shape, -1)",
                "attn_output.reshape(*input_shape, "
                "self.config.num_attention_heads * self.head_dim)",
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "heads counted after the view, their size left open",
        edits=(
            Edit(
                LLAMA,
                "value_states = self.v_proj(hidden_states).view(hidden_shape).transpose(1, 2)",
                "value_states = self.v_proj(hidden_states).view(hidden_shape)\n"
                "        value_states = value_states.reshape("
                "*input_shape, self.config.num_key_value_heads, -1)\n"
                "        value_states = value_states.reshape(hidden_shape).transpose(1, 2)",
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "a gain for each head left whole",
        edits=(
            Edit(
                LLAMA,
                "        self.is_causal = True\n",
                "        self.is_causal = True\n"
                "        self.gain = nn.Parameter(torch.ones(config.num_attention_heads, 1, 1))\n",
            ),
            Edit(LLAMA, QUERY, f"{QUERY} * self.gain"),
        ),
    ),
    Mutant(
        "hf_llama",
        "softmax over the features",
        edits=(
            Edit(
                LLAMA,
                FORWARD,
                FORWARD.replace(
                    "self.act_fn(self.gate_proj(x))", "self.gate_proj(x).softmax(dim=-1)"
                ),
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "mean over the features",
        edits=(
            Edit(
                LLAMA,
                FORWARD,
                FORWARD.replace(
                    "self.act_fn(self.gate_proj(x))", "self.gate_proj(x).mean(-1, keepdim=True)"
                ),
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "layer norm without weight over the features",
        edits=(
            Edit(
                LLAMA,
                FORWARD,
                FORWARD.replace(
                    "self.act_fn(self.gate_proj(x))",
                    "nn.functional.layer_norm(self.gate_proj(x), self.gate_proj(x).shape[-1:])",
                ),
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "gate and up packed in one",
        edits=(
            Edit(
                LLAMA,
                "        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, "
                "bias=config.mlp_bias)\n",
                "        self.up_proj = nn.Linear("
                "config.hidden_size, 2 * config.intermediate_size, bias=config.mlp_bias)\n",
            ),
            Edit(
                LLAMA,
                FORWARD,
                "        gate, up = self.up_proj(x).chunk(2, dim=-1)\n"
                "        return self.down_proj(self.act_fn(gate) * up)",
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "norm of the full width on the queries",
        edits=(
            Edit(
                LLAMA,
                "        self.is_causal = True\n",
                "        self.is_causal = True\n"
                "        width = config.num_attention_heads * config.head_dim\n"
                "        self.q_norm = nn.LayerNorm(width)\n",
            ),
            Edit(
                LLAMA,
                QUERY,
                QUERY.replace(
                    "self.q_proj(hidden_states)", "self.q_norm(self.q_proj(hidden_states))"
                ),
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "output scaled by the number of features here",
        edits=(
            Edit(
                LLAMA,
                FORWARD,
                FORWARD.replace(
                    "self.act_fn(self.gate_proj(x))",
                    "self.act_fn(self.gate_proj(x)) / self.gate_proj(x).shape[-1]",
                ),
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "a bias added before the sum over ranks",
        edits=(
            Edit(
                LLAMA,
                FORWARD,
                FORWARD.replace("self.down_proj(", "nn.functional.linear(").replace(
                    "self.up_proj(x))", "self.up_proj(x), self.down_proj.weight)"
                ),
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "residual of the inner features",
        edits=(
            Edit(
                LLAMA,
                FORWARD,
                FORWARD.replace(
                    "* self.up_proj(x))", "* self.up_proj(x)) + self.up_proj(x)[..., :x.shape[-1]]"
                ),
            ),
        ),
    ),
)


START = "            hidden_states = decoder_layer(\n"
END = "        hidden_states = self.norm(hidden_states)\n"
PIPELINE_PLANS = {
    "stages: norm first": ("norm", "embed_tokens", "layers"),
    "stages: norm before the layers": ("embed_tokens", "norm", "layers"),
    "stages: without norm": ("embed_tokens", "layers"),
    "stages: without layers": ("embed_tokens", "norm"),
    "stages: without embedding": ("layers", "norm"),
    "stages: norm misspelt": ("embed_tokens", "layers", "nrom"),
    "stages: only layers": ("layers",),
    "stages: no plan": (),
}
PIPELINE_MUTANTS = tuple(
    Mutant("hf_llama", f"stages: {name}", edits=(Edit(LLAMA, old, new),))
    for name, old, new in (
        (
            "embeddings scaled",
            "        hidden_states = inputs_embeds\n",
            "        hidden_states = inputs_embeds * 2.0\n",
        ),
        ("output scaled", END, f"{END}        hidden_states = hidden_states * 0.5\n"),
        (
            "attribute of a layer read",
            START,
            f"            decoder_layer.self_attn.layer_idx\n{START}",
        ),
        (
            "layer called by keywords, mask first",
            f"{START}                hidden_states,\n"
            "                attention_mask=attention_mask,\n",
            f"{START}                attention_mask=attention_mask,\n"
            "                hidden_states=hidden_states,\n",
        ),
        (
            "residual from the embeddings",
            END,
            f"        hidden_states = hidden_states + inputs_embeds\n{END}",
        ),
        (
            "ids read after the embedding",
            END,
            f"        hidden_states = hidden_states * (input_ids > -1).unsqueeze(-1)\n{END}",
        ),
    )
)


def code_mutants() -> tuple[Mutant, ...]:
    """Mutants of source, under the plan that the model ships with."""
    return CODE_MUTANTS


def pipeline_mutants() -> Iterator[Mutant]:
    """Common mistakes around pipeline stages; each shows on two stages."""
    yield from PIPELINE_MUTANTS
    for name, keys in PIPELINE_PLANS.items():
        yield Mutant("hf_llama", name, pipeline_keys=keys)


def written(mutant: Mutant, destination: Path) -> Path:
    """The directory of the mutant: the model's own, or an edited copy below `destination`."""
    if not mutant.edits:
        return mutant.directory
    from tests.fixture_models import copy_model

    folder = copy_model(mutant.model, destination)
    for edit in mutant.edits:
        path = folder / edit.file
        text = path.read_text("utf-8")
        assert edit.old in text, f"{mutant.identity}: {edit.old!r} is not in {edit.file}"
        path.write_text(text.replace(edit.old, edit.new, 1), "utf-8")
    return folder
