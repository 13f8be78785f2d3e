"""How Forgather and Hugging Face name the same layers: the table of the vLLM integration guide."""

from __future__ import annotations

FORGATHER = "Forgather"
HUGGING_FACE = "Hugging Face"

# Forgather, docs/inference/vllm_integration.md, "Layer Naming Convention".
_TABLE = (
    ("attention.query_linear", "self_attn.q_proj"),
    ("attention.key_linear", "self_attn.k_proj"),
    ("attention.value_linear", "self_attn.v_proj"),
    ("attention.output_linear", "self_attn.o_proj"),
    ("feedforward.gate_proj", "mlp.gate_proj"),
    ("feedforward.up_proj", "mlp.up_proj"),
    ("feedforward.down_proj", "mlp.down_proj"),
)

_COUNTERPARTS = {
    **{ours: (theirs, HUGGING_FACE) for ours, theirs in _TABLE},
    **{theirs: (ours, FORGATHER) for ours, theirs in _TABLE},
}


def counterpart(name: str) -> tuple[str, str] | None:
    """The last two parts of `name` in the other naming scheme, and which one that is, or None."""
    return _COUNTERPARTS.get(".".join(name.split(".")[-2:]))
