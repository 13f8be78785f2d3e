"""A small model that is analysed in advance, so that the first request takes no longer than others.

Whatever an analysis imports and caches is then in this process, and in all forked from it. As the
first question may have to wait for that, it has no more layers and heads than two ranks need.
"""

from __future__ import annotations

import json
from pathlib import Path

from forgather_lint import pipeline
from forgather_lint.core.files import laid_over
from forgather_lint.core.paths import absolute
from forgather_lint.core.settings import Settings
from forgather_lint.documents.discover import Candidate

_FOLDER = Path(absolute("/forgather-lint/example"))
_CONFIG = {
    "architectures": ["ExampleForCausalLM"],
    "auto_map": {
        "AutoConfig": "configuration_example.ExampleConfig",
        "AutoModel": "modeling_example.ExampleModel",
        "AutoModelForCausalLM": "modeling_example.ExampleForCausalLM",
    },
    "head_dim": 32,
    "hidden_size": 64,
    "intermediate_size": 128,
    "model_type": "example",
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "vocab_size": 64,
}
_CONFIGURATION = """\
from transformers import PretrainedConfig


class ExampleConfig(PretrainedConfig):
    model_type = "example"
    base_model_tp_plan = {
        "layers.*.self_attn.q_proj": "colwise",
        "layers.*.self_attn.k_proj": "colwise",
        "layers.*.self_attn.v_proj": "colwise",
        "layers.*.self_attn.o_proj": "rowwise",
        "layers.*.mlp.gate_porj": "colwise",
        "layers.*.mlp.up_proj": "colwise",
        "layers.*.mlp.down_proj": "rowwise",
    }
    base_model_pp_plan = {
        "embed_tokens": (["input_ids"], ["inputs_embeds"]),
        "layers": (["hidden_states", "attention_mask"], ["hidden_states"]),
        "norm": (["hidden_states"], ["hidden_states"]),
    }

    def __init__(self, hidden_size=64, intermediate_size=128, head_dim=8, vocab_size=64,
                 num_attention_heads=8, num_key_value_heads=8, num_hidden_layers=4, **kwargs):
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.head_dim = head_dim
        self.vocab_size = vocab_size
        self.num_attention_heads = num_attention_heads
        self.num_key_value_heads = num_key_value_heads
        self.num_hidden_layers = num_hidden_layers
        super().__init__(**kwargs)
"""
_MODELING = """\
import torch
from torch import nn
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, PreTrainedModel

from .configuration_example import ExampleConfig


class Norm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


class Attention(nn.Module):
    def __init__(self, config, layer_idx):
        super().__init__()
        self.config = config
        self.layer_idx = layer_idx
        self.head_dim = config.head_dim
        self.scaling = self.head_dim**-0.5
        self.is_causal = True
        self.q_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.o_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        shape = (*hidden_states.shape[:-1], -1, self.head_dim)
        query = self.q_proj(hidden_states).view(shape).transpose(1, 2)
        key = self.k_proj(hidden_states).view(shape).transpose(1, 2)
        value = self.v_proj(hidden_states).view(shape).transpose(1, 2)
        attend = ALL_ATTENTION_FUNCTIONS[self.config._attn_implementation]
        made, _ = attend(self, query, key, value, attention_mask, scaling=self.scaling, **kwargs)
        return self.o_proj(made.reshape(*hidden_states.shape[:-1], -1).contiguous())


class Mlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x):
        return self.down_proj(nn.functional.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config, layer_idx):
        super().__init__()
        self.self_attn = Attention(config, layer_idx)
        self.mlp = Mlp(config)
        self.norm = Norm(config.hidden_size)

    def forward(self, hidden_states, **kwargs):
        hidden_states = hidden_states + self.self_attn(self.norm(hidden_states), **kwargs)
        return hidden_states + self.mlp(hidden_states)


class ExamplePreTrainedModel(PreTrainedModel):
    config_class = ExampleConfig
    base_model_prefix = "model"
    _no_split_modules = ["Layer"]
    _supports_attention_backend = True


class ExampleModel(ExamplePreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([Layer(config, i) for i in range(config.num_hidden_layers)])
        self.norm = Norm(config.hidden_size)
        self.post_init()

    def forward(
        self, input_ids=None, attention_mask=None, position_ids=None, inputs_embeds=None, **kwargs
    ):
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        hidden_states = inputs_embeds
        for layer in self.layers:
            hidden_states = layer(hidden_states, attention_mask=attention_mask, **kwargs)
        return BaseModelOutputWithPast(last_hidden_state=self.norm(hidden_states))


class ExampleForCausalLM(ExamplePreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.model = ExampleModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(
        self, input_ids=None, attention_mask=None, position_ids=None, inputs_embeds=None, **kwargs
    ):
        outputs = self.model(input_ids, attention_mask, position_ids, inputs_embeds, **kwargs)
        return CausalLMOutputWithPast(logits=self.lm_head(outputs.last_hidden_state))
"""


def warm_up() -> None:
    """Analyse the example and throw the result away."""
    texts = {
        "config.json": json.dumps(_CONFIG),
        "configuration_example.py": _CONFIGURATION,
        "modeling_example.py": _MODELING,
    }
    with laid_over({str(_FOLDER / name): text.encode() for name, text in texts.items()}):
        pipeline.check_model(Candidate(_FOLDER), Settings())
