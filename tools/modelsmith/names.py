"""How authors name modules and the fields of a config."""

from __future__ import annotations

from dataclasses import dataclass

from tools.modelsmith.design import Design, chosen


@dataclass(frozen=True, slots=True)
class Names:
    """Attributes of the modules of a model."""

    embed: str
    layers: str
    final_norm: str
    attention: str
    feedforward: str
    first_norm: str
    second_norm: str
    query: str
    key: str
    value: str
    packed: str
    output: str
    gate: str
    up: str
    down: str
    both: str


@dataclass(frozen=True, slots=True)
class Fields:
    """Fields of a config."""

    width: str
    layers: str
    heads: str
    kv_heads: str
    inner: str
    eps: str
    length: str
    mapped: bool


_NAMES = {
    "hf": "embed_tokens layers norm self_attn mlp input_layernorm post_attention_layernorm q_proj "
    "k_proj v_proj qkv_proj o_proj gate_proj up_proj down_proj gate_up_proj",
    "gpt": "wte h ln_f attn mlp ln_1 ln_2 c_q c_k c_v c_attn c_proj c_gate c_fc c_out c_in",
    "meta": "tok_embeddings layers norm attention feed_forward attention_norm ffn_norm wq wk wv "
    "wqkv wo w1 w3 w2 w13",
    "words": "embedding blocks final_norm attention feedforward norm1 norm2 query_linear "
    "key_linear value_linear qkv_linear output_linear gate_linear up_linear down_linear in_linear",
}
_HF = (
    "hidden_size num_hidden_layers num_attention_heads num_key_value_heads intermediate_size "
    "rms_norm_eps max_position_embeddings"
)
_FIELDS = {
    "hf": _HF,
    "gpt": "n_embd n_layer n_head n_kv_head n_inner norm_eps n_positions",
    "short": "dim n_layers n_heads n_kv_heads hidden_dim norm_eps max_seq_len",
}


NAMES_OF_LLAMA = Names(*_NAMES["hf"].split())
"""The names that a module inheriting from one of Llama's has."""


def names_of(design: Design) -> Names:
    """The module names of `design`."""
    found = _NAMES[chosen(design, "names")].split()
    if chosen(design, "container") == "moduledict":
        found[:3] = [f"transformer.{name}" for name in found[:3]]
    return Names(*found)


def fields_of(design: Design) -> Fields:
    """The field names of `design`."""
    style = chosen(design, "fields")
    if chosen(design, "config") in ("llama", "post_init"):
        style = "hf"
    width, layers, heads, kv_heads, inner, eps, length = _FIELDS[style.partition("_")[0]].split()
    mapped = not style.endswith("unmapped")
    return Fields(width, layers, heads, kv_heads, inner, eps, length, mapped)


def attribute_map(fields: Fields) -> dict[str, str]:
    """Hugging Face's names of the fields that have other names here."""
    here = (fields.width, fields.layers, fields.heads, fields.kv_heads, fields.inner)
    pairs = zip(_HF.split(), here, strict=False)
    return {theirs: ours for theirs, ours in pairs if theirs != ours}
