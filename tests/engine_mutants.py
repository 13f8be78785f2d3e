"""Mutants that are faults for an engine only: in transformers they are models like others.

They are about what vLLM replaces, where it puts placeholders and what it never runs. Outcomes are
stored by their names in `fixtures/verdicts/vllm_*.json`.
"""

from __future__ import annotations

from tests.mutants import LLAMA, Edit, Mutant

_GATE = "        self.gate_proj = nn.Linear(\n"
_MLP = "class HfLlamaMLP(nn.Module):\n"
_EMBED = "self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)"
_MODEL = "class HfLlamaModel(HfLlamaPreTrainedModel):\n"
_NORM = "        return self.weight * hidden_states.to(input_dtype)\n"
_ONES = "torch.ones(hidden_size))\n"
_LOGITS = "        logits = self.lm_head(hidden_states[:, kept, :])\n"
_CONFIG = "configuration_hf_llama.py"


def _linear(body: str) -> Edit:
    """Edits that give the gate a class of its own, and make the feed-forward use it."""
    made = f"class GateLinear(nn.Linear):\n{body}\n\n"
    return Edit(LLAMA, _MLP, f"{made}{_MLP}")


_OWN_GATE = Edit(LLAMA, _GATE, "        self.gate_proj = GateLinear(\n")
_FORWARD = "self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))"

ON_ONE_RANK = (
    Mutant(
        "hf_llama",
        "engine: width read from a replaced layer",
        edits=(
            Edit(
                LLAMA,
                "attn_output.reshape(*input_shape, -1)",
                "attn_output.reshape(*input_shape, self.o_proj.in_features)",
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "engine: padding read from the replaced embedding",
        edits=(
            Edit(
                LLAMA,
                "        hidden_states = inputs_embeds\n",
                "        hidden_states = inputs_embeds\n"
                "        if self.embed_tokens.padding_idx is not None:\n"
                "            hidden_states = hidden_states * 2\n",
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "engine: a linear layer that scales",
        edits=(
            _linear("    def forward(self, x):\n        return super().forward(x) * 0.25\n"),
            _OWN_GATE,
        ),
    ),
    Mutant(
        "hf_llama",
        "engine: a linear layer with two results",
        edits=(
            _linear(
                "    def forward(self, x):\n"
                "        made = super().forward(x)\n"
                "        return made, made * 2\n"
            ),
            _OWN_GATE,
            Edit(
                LLAMA,
                f"        return {_FORWARD}",
                "        gate, other = self.gate_proj(x)\n"
                "        return self.down_proj(self.act_fn(gate) * self.up_proj(x) + other)",
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "engine: a linear layer with a method",
        edits=(
            _linear("    def doubled(self, x):\n        return self(x) * 2\n"),
            _OWN_GATE,
            Edit(LLAMA, "self.gate_proj(x)) *", "self.gate_proj.doubled(x)) *"),
        ),
    ),
    Mutant(
        "hf_llama",
        "engine: an embedding that scales",
        edits=(
            Edit(
                LLAMA,
                _MODEL,
                "class ScaledEmbedding(nn.Embedding):\n"
                "    def forward(self, ids):\n"
                f"        return super().forward(ids) * 8.0\n\n\n{_MODEL}",
            ),
            Edit(LLAMA, _EMBED, _EMBED.replace("nn.Embedding", "ScaledEmbedding")),
        ),
    ),
    Mutant(
        "hf_llama",
        "engine: a norm with a bias",
        edits=(
            Edit(
                LLAMA,
                _ONES,
                f"{_ONES}        self.bias = nn.Parameter(torch.zeros(hidden_size))\n",
            ),
            Edit(LLAMA, _NORM, _NORM.replace("dtype)\n", "dtype) + self.bias\n")),
        ),
    ),
    Mutant(
        "hf_llama",
        "engine: logits scaled",
        edits=(Edit(LLAMA, _LOGITS, f"{_LOGITS}        logits = logits * 0.5\n"),),
    ),
    Mutant(
        "hf_llama",
        "engine: AutoModel returns logits",
        edits=(Edit("config.json", "hf_llama.HfLlamaModel", "hf_llama.HfLlamaForCausalLM"),),
    ),
    Mutant(
        "hf_llama",
        "engine: AutoModel returns logits as wide as its hidden states",
        edits=(
            Edit("config.json", '"vocab_size": 256', '"vocab_size": 128'),
            Edit(
                LLAMA,
                "(config)\n        self.post_init()",
                "(config)\n"
                "        self.lm_head = nn.Linear(\n"
                "            config.hidden_size, config.vocab_size, bias=False\n"
                "        )\n"
                "        self.post_init()",
            ),
            Edit(LLAMA, "=hidden_states, past", "=self.lm_head(hidden_states), past"),
        ),
    ),
    Mutant(
        "hf_llama",
        "engine: a list for AutoModel",
        edits=(
            Edit(
                "config.json",
                '"modeling_hf_llama.HfLlamaModel"',
                '["modeling_hf_llama.HfLlamaModel", null]',
            ),
        ),
    ),
)

_WITHIN = (
    Edit(
        LLAMA,
        _MODEL,
        "class Embedder(nn.Module):\n"
        "    def __init__(self, config):\n"
        "        super().__init__()\n"
        "        self.table = nn.Embedding(config.vocab_size, config.hidden_size)\n\n"
        "    def forward(self, ids):\n"
        f"        return self.table(ids)\n\n\n{_MODEL}",
    ),
    Edit(LLAMA, _EMBED, "self.embedder = Embedder(config)"),
    Edit(LLAMA, "self.embed_tokens(input_ids)", "self.embedder(input_ids)"),
    Edit(
        LLAMA,
        "    @can_return_tuple\n",
        "    def get_input_embeddings(self):\n"
        "        return self.embedder.table\n\n"
        "    def set_input_embeddings(self, value):\n"
        "        self.embedder.table = value\n\n"
        "    @can_return_tuple\n",
    ),
)

ON_TWO_STAGES = (
    Mutant(
        "hf_llama",
        "engine: an embedding searched for among the modules",
        edits=(
            Edit(
                LLAMA,
                "    @can_return_tuple\n",
                "    def get_input_embeddings(self):\n"
                "        return next(m for m in self.modules() if isinstance(m, nn.Embedding))\n\n"
                "    @can_return_tuple\n",
            ),
        ),
    ),
    Mutant(
        "hf_llama",
        "engine: stages: the module around the embedding planned",
        edits=(*_WITHIN, Edit(_CONFIG, '"embed_tokens"', '"embedder"')),
    ),
    Mutant(
        "hf_llama",
        "engine: stages: the embedding inside a module planned",
        edits=(*_WITHIN, Edit(_CONFIG, '"embed_tokens"', '"embedder.table"')),
    ),
)
