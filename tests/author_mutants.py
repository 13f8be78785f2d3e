"""What authors write that an engine meets before any tensor moves, or that attention is handed.

Config classes that do not belong together, names that Python changes, heads that are too many,
caps, sinks and masks that are handed on. Each is `hf_llama` with something changed. Outcomes are
stored by their names in `fixtures/verdicts/vllm_0.32.json`.
"""

from __future__ import annotations

from forgather_lint.core.version import Version
from tests.mutants import LLAMA, Edit, Mutant

AUTHORS_SINCE = Version(0, 32)
_CONFIGURATION = "configuration_hf_llama.py"
_SAYS_CONFIG = "    config_class = HfLlamaConfig\n"
_OWN_IMPORT = "from .configuration_hf_llama import HfLlamaConfig\n"
_OUTPUTS = "from transformers.modeling_outputs"
_SCALED = "            scaling=self.scaling,\n"
_EAGER = "    module, query, key, value, attention_mask, scaling, dropout=0.0, **kwargs\n"
_SCORES = "    scores = torch.matmul(query, key.transpose(2, 3)) * scaling\n"
_SOFTMAX = (
    "    weights = nn.functional.softmax(scores + attention_mask, dim=-1, dtype=torch.float32)\n"
)
_SCALE = "        self.scaling = self.head_dim**-0.5\n"
_ROTARY = (
    "        super().__init__()\n"
    "        self.head_dim = config.head_dim\n"
    "        self.rope_theta = config.rope_theta\n"
)
_SDPA = "    _supports_sdpa = True\n"
_QUERY = "        self.q_proj = nn.Linear(config.hidden_size, query_size, bias=bias)\n"
_QUERIED = "self.q_proj(hidden_states)"


def _mutant(name: str, *edits: Edit) -> Mutant:
    return Mutant("hf_llama", f"authors: {name}", edits=edits)


def _llama(old: str, new: str) -> Edit:
    return Edit(LLAMA, old, new)


def _config(said: str) -> Edit:
    """config.json with one more line."""
    return Edit(
        "config.json", '  "attention_bias": false,\n', f'  "attention_bias": false,\n{said}'
    )


_CAPPED = (
    _llama(_SCALED, f"{_SCALED}            softcap=0.05,\n"),
    _llama(_EAGER, _EAGER.replace("dropout=0.0", "dropout=0.0, softcap=None")),
    _llama(
        _SCORES,
        f"{_SCORES}    if softcap is not None:\n"
        "        scores = torch.tanh(scores / softcap) * softcap\n",
    ),
)
_SUNK = (
    _llama(
        _SCALE,
        f"{_SCALE}        self.sinks = nn.Parameter(torch.zeros(config.num_attention_heads))\n",
    ),
    _llama(_SCALED, f"{_SCALED}            s_aux=self.sinks,\n"),
    _llama(_EAGER, _EAGER.replace("dropout=0.0", "dropout=0.0, s_aux=None")),
    _llama(
        _SOFTMAX,
        "    scores = scores + attention_mask\n"
        "    sinks = s_aux.reshape(1, -1, 1, 1).expand(scores.shape[0], -1, scores.shape[2], 1)\n"
        "    scores = torch.cat((scores, sinks), dim=-1)\n"
        "    weights = nn.functional.softmax(scores, dim=-1, dtype=torch.float32)[..., :-1]\n",
    ),
)
_SLOPES = (
    "        length = query_states.shape[2]\n"
    "        slopes = 2.0 ** -torch.arange(1.0, query_states.shape[1] + 1)\n"
    "        ahead = torch.arange(length)[None, :] - torch.arange(length)[:, None]\n"
    "        bias = slopes.to(query_states.device)[None, :, None, None] * ahead.to(query_states)\n"
    '        attention_mask = bias.masked_fill(ahead.to(bias.device) > 0, float("-inf"))\n'
)
_CHOICE = "        attention_interface = eager_attention_forward\n"
_HIDDEN = "        hidden_states = inputs_embeds\n"
_BLOCKS = (
    "create_block_mask(\n"
    "                lambda batch, head, query, key: query >= key, None, None, length, length\n"
    "            )\n"
)
_BLOCKS_IMPORTED = _llama(
    "from torch import nn\n",
    "from torch import nn\nfrom torch.nn.attention.flex_attention import create_block_mask\n",
)
_CACHE = (
    _llama(
        "class HfLlamaRotaryEmbedding(nn.Module):\n",
        "class Tables(dict):\n"
        "    def kept(self, key, value):\n"
        "        self[key] = value\n"
        "        return value\n\n\n"
        "class HfLlamaRotaryEmbedding(nn.Module):\n",
    ),
    _llama(_ROTARY, f"{_ROTARY}        self.__cache = Tables()\n"),
    _llama(
        "        emb = torch.cat((freqs, freqs), dim=-1)\n",
        '        emb = self.__cache.kept("last", torch.cat((freqs, freqs), dim=-1))\n',
    ),
)
_HIDDEN_QUERY = (
    _llama(_QUERY, _QUERY.replace("q_proj", "__query")),
    _llama(_QUERIED, _QUERIED.replace("q_proj", "__query")),
)
_ASKED = '        "layers.*.self_attn.q_proj": "colwise",\n'

_LLAMA_CONFIG = _llama(_OUTPUTS, f"from transformers import LlamaConfig\n{_OUTPUTS}")
_MODEL = "class HfLlamaModel(HfLlamaPreTrainedModel):\n"
_HEAD = "class HfLlamaForCausalLM(HfLlamaPreTrainedModel, GenerationMixin):\n"
_NARROW = "class NarrowConfig(HfLlamaConfig):\n    pass\n"
_SAME = "class HfLlamaConfig(HfLlamaConfig):\n    pass\n"
_STARTED = "    def __init__(self, config: HfLlamaConfig):\n        super().__init__({})\n"
_PLAIN = "class HfLlamaModel(nn.Module):\n    _supports_attention_backend = True\n\n"
_LAST = "        self.rotary_emb = HfLlamaRotaryEmbedding(config)\n"
_KV_HEADS = '"num_key_value_heads": {}'
_CAP_SAID = _config('  "attn_logit_softcapping": 0.05,\n')
_ON_FLEX = '        if self.config._attn_implementation == "flex_attention":\n    '
_NORM = "class HfLlamaRMSNorm(nn.Module):\n"
_GONE = "from transformers.utils.import_utils import is_torch_fx_available\n"
_AUTO = "from transformers import AutoConfig\n"
_TAKEN = 'AutoConfig.register("llama", HfLlamaConfig)\n'
_OF_LLAMA = (
    Edit(_CONFIGURATION, 'model_type = "hf_llama"', 'model_type = "llama"'),
    Edit("config.json", '"model_type": "hf_llama"', '"model_type": "llama"'),
)


def _says(config: str) -> Edit:
    return _llama(_SAYS_CONFIG, config)


AUTHOR_MUTANTS = (
    _mutant(
        "config_class of transformers",
        _LLAMA_CONFIG,
        _says("    config_class = LlamaConfig\n"),
    ),
    _mutant(
        "config_class is the base class",
        _llama(_OUTPUTS, f"from transformers import PretrainedConfig\n{_OUTPUTS}"),
        _says("    config_class = PretrainedConfig\n"),
    ),
    _mutant(
        "config_class is a subclass",
        _llama(_OWN_IMPORT, f"{_OWN_IMPORT}\n\n{_NARROW}"),
        _says("    config_class = NarrowConfig\n"),
    ),
    _mutant(
        "config_class of the same name",
        _llama(_OWN_IMPORT, f"{_OWN_IMPORT}\n\n{_SAME}"),
    ),
    _mutant("config_class not said", _says("")),
    _mutant("config_class said by an annotation", _says("    config: HfLlamaConfig\n")),
    _mutant(
        "config_class said otherwise by an annotation",
        _LLAMA_CONFIG,
        _says("    config: LlamaConfig\n"),
    ),
    _mutant(
        "config_class corrected by the model",
        _LLAMA_CONFIG,
        _says("    config_class = LlamaConfig\n"),
        _llama(_MODEL, f"{_MODEL}{_SAYS_CONFIG}\n"),
        _llama(_HEAD, f"{_HEAD}{_SAYS_CONFIG}\n"),
    ),
    _mutant(
        "AutoModel names a module that is no model",
        _llama(
            _MODEL + _STARTED.format("config"),
            f"{_PLAIN}{_STARTED.format('')}        self.config = config\n",
        ),
        _llama(f"{_LAST}        self.post_init()\n", _LAST),
    ),
    _mutant("tables in a dict with a private name", *_CACHE),
    _mutant(
        "a layer with a private name",
        *_HIDDEN_QUERY,
        Edit(_CONFIGURATION, _ASKED, _ASKED.replace("q_proj", "_HfLlamaAttention__query")),
    ),
    _mutant("a layer with a private name, not in the plan", *_HIDDEN_QUERY),
    _mutant(
        "a layer with a private name, in the plan as it is written",
        *_HIDDEN_QUERY,
        Edit(_CONFIGURATION, _ASKED, _ASKED.replace("q_proj", "__query")),
    ),
    _mutant(
        "twice as many heads of keys",
        Edit("config.json", _KV_HEADS.format(4), _KV_HEADS.format(16)),
    ),
    _mutant(
        "heads of keys that do not divide",
        Edit("config.json", _KV_HEADS.format(4), _KV_HEADS.format(3)),
    ),
    _mutant("a mask for each head", _llama(_CHOICE, f"{_SLOPES}{_CHOICE}")),
    _mutant(
        "a block mask for flex attention",
        _BLOCKS_IMPORTED,
        _llama(_HIDDEN, f"{_ON_FLEX}        attention_mask = {_BLOCKS}{_HIDDEN}"),
    ),
    _mutant(
        "a type that is taken, behind an import that fails",
        _llama(_OWN_IMPORT, f"{_GONE}\n{_OWN_IMPORT}{_AUTO}"),
        _llama(_NORM, f"{_TAKEN}\n\n{_NORM}"),
        *_OF_LLAMA,
    ),
    _mutant(
        "an import that fails, behind a type that is taken",
        _llama(_OWN_IMPORT, f"{_OWN_IMPORT}{_AUTO}\n{_TAKEN}{_GONE}"),
        *_OF_LLAMA,
    ),
)
"""Each is asked on one rank and on two."""

HANDED_MUTANTS = (
    _mutant("a cap handed on", *_CAPPED),
    _mutant("a cap handed on and in the config", *_CAPPED, _CAP_SAID),
    _mutant("a cap in the config alone", _CAP_SAID),
    _mutant("another cap in the config", *_CAPPED, _config('  "attn_logit_softcapping": 0.2,\n')),
    _mutant("sinks handed on", *_SUNK),
    _mutant("sinks handed on, no sdpa", *_SUNK, _llama(_SDPA, "")),
    _mutant("a cap handed on, no sdpa", *_CAPPED, _llama(_SDPA, "")),
    _mutant("a cap handed on and in the config, no sdpa", *_CAPPED, _CAP_SAID, _llama(_SDPA, "")),
)
"""What attention takes or drops is the same on any number of ranks: each is asked on one."""
