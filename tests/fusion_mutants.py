"""Mutants around what an engine fuses by source text, and caches by layer number.

Transformers' own ranks run them as they are written, so that only the engine has outcomes for them.
"""

from __future__ import annotations

from tests.mutants import FORWARD, LLAMA, Edit, Mutant

_CONFIGURATION = "configuration_hf_llama.py"
_OUTPUT = "        self.o_proj = nn.Linear(query_size, config.hidden_size, bias=bias)\n"
_GATE = Edit(
    LLAMA,
    _OUTPUT,
    "        self.gate_proj = nn.Linear(config.hidden_size, query_size, bias=bias)\n" + _OUTPUT,
)
_SHAPE = "        input_shape = hidden_states.shape[:-1]\n        hidden_shape"
_RETURN = "        return self.o_proj(attn_output), attn_weights"
_NO_UNIT = tuple(
    Edit(_CONFIGURATION, f'        "layers.*.mlp.{name}": "{style}",\n', "")
    for name, style in (("gate_proj", "colwise"), ("up_proj", "colwise"), ("down_proj", "rowwise"))
)
_RELU = Edit(LLAMA, "self.act_fn = ACT2FN[config.hidden_act]", "self.act_fn = nn.ReLU()")

FUSION_MUTANTS = (
    Mutant(
        "hf_llama",
        "every layer runs twice",
        edits=(
            Edit(
                LLAMA,
                "        for decoder_layer in self.layers:",
                "        for decoder_layer in [each for each in self.layers for _ in range(2)]:",
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "a gate behind the attention, not in the plan",
        edits=(
            _GATE,
            Edit(
                LLAMA,
                _RETURN,
                "        attn_output = attn_output * self.gate_proj(hidden_states).sigmoid()\n"
                + _RETURN,
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "a gate in front of the attention, not in the plan",
        edits=(
            _GATE,
            Edit(LLAMA, _SHAPE, "        gate = self.gate_proj(hidden_states)\n" + _SHAPE),
            Edit(LLAMA, _RETURN, "        attn_output = attn_output * gate.sigmoid()\n" + _RETURN),
        ),
    ),
    Mutant(
        "hf_llama",
        "a gated unit in two statements, not in the plan",
        edits=(
            *_NO_UNIT,
            Edit(
                LLAMA,
                FORWARD,
                "        gate = self.act_fn(self.gate_proj(x))\n"
                "        return self.down_proj(gate * self.up_proj(x))",
            ),
        ),
    ),
    Mutant("hf_llama", "a gated unit of ReLU, not in the plan", edits=(*_NO_UNIT, _RELU)),
    Mutant(
        "hf_llama", "a gated unit of ReLU, its last layer in the plan", edits=(*_NO_UNIT[:2], _RELU)
    ),
    Mutant(
        "hf_llama",
        "the attention calls its input otherwise, the plan has no query",
        edits=(
            Edit(_CONFIGURATION, '        "layers.*.self_attn.q_proj": "colwise",\n', ""),
            Edit(
                LLAMA,
                "        hidden_states: torch.Tensor,\n        position_embeddings: tuple",
                "        states: torch.Tensor,\n        position_embeddings: tuple",
            ),
            Edit(LLAMA, _SHAPE, _SHAPE.replace("hidden_states", "states")),
            *(
                Edit(LLAMA, f"self.{name}(hidden_states).view", f"self.{name}(states).view")
                for name in ("q_proj", "k_proj", "v_proj")
            ),
        ),
    ),
)
