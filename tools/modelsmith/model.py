"""All files of a model."""

from __future__ import annotations

import re
from pathlib import Path

from tools.modelsmith.attention import attention_class
from tools.modelsmith.attention import helpers as attention_helpers
from tools.modelsmith.blocks import layer_class
from tools.modelsmith.config import config_json, config_module
from tools.modelsmith.design import Design, chosen
from tools.modelsmith.feedforward import feedforward_class
from tools.modelsmith.making import FACTORY, GAIN, MIXIN, SUBCLASS
from tools.modelsmith.mixing import mixing_class
from tools.modelsmith.names import fields_of
from tools.modelsmith.norms import norm_class, norm_helpers
from tools.modelsmith.positions import SINUSOIDS, rotary
from tools.modelsmith.stack import base_class, embedding_class, head_class, model_class

_ADJECTIVES = "Amber Brisk Calm Dusky Early Fleet Gentle Hazel Iron Jade".split()
_ANIMALS = "Badger Crane Dunlin Egret Finch Gannet Heron Ibis Jackdaw Kestrel".split()


def prefix_of(number: int) -> str:
    """The prefix of the class names of a model."""
    return _ADJECTIVES[number // 10 % 10] + _ANIMALS[number % 10]


def files(design: Design, number: int = 0) -> dict[str, str]:
    """The files of a model, by name."""
    prefix = prefix_of(number)
    name = prefix.lower()
    separate = chosen(design, "files") == "helpers"
    helpers = _helpers(design, prefix)
    parts = [
        "" if separate else helpers,
        attention_class(design, prefix),
        feedforward_class(design, prefix),
        mixing_class(design, prefix),
        layer_class(design, prefix),
        embedding_class(design, prefix),
        base_class(design, prefix),
        model_class(design, prefix),
        head_class(design, prefix),
    ]
    found = {
        "config.json": config_json(design, name, prefix),
        f"configuration_{name}.py": config_module(design, name, prefix),
        f"modeling_{name}.py": _joined(_imports(design, name, prefix, helpers), *parts),
    }
    if separate:
        beside = (
            "from dataclasses import dataclass, field\nfrom functools import wraps\n\n"
            "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"
            "from transformers.models.llama.modeling_llama import LlamaRMSNorm\n"
        )
        found[f"layers_{name}.py"] = _joined(beside, helpers)
    return found


def write(design: Design, folder: Path, number: int = 0) -> Path:
    """Write the files of a model into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files(design, number).items():
        Path(folder, name).write_text(text, "utf-8")
    return folder


def _joined(*parts: str) -> str:
    return "\n\n".join(part.strip("\n") + "\n" for part in parts if part.strip())


_WRAPPER = """def noted(function):
    @wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner
"""


def _helpers(design: Design, prefix: str) -> str:
    """Code that may be put into a file of its own."""
    construction = {"factory": FACTORY, "mixin": MIXIN, "subclass": SUBCLASS}.get(
        chosen(design, "construction"), ""
    )
    special = GAIN if chosen(design, "linears") == "gain" else ""
    tables = SINUSOIDS if chosen(design, "positions") == "sinusoidal" else ""
    eps = fields_of(design).eps
    return _joined(
        norm_class(design, prefix),
        norm_helpers(design, prefix, f"config.{eps}"),
        special,
        construction,
        _WRAPPER if chosen(design, "decorators") == "wrapped" else "",
        tables,
        rotary(design, prefix),
        "" if chosen(design, "files") == "helpers" else attention_helpers(design),
    )


def _imports(design: Design, name: str, prefix: str, helpers: str) -> str:
    """The imports of the model's file."""
    dataclass = chosen(design, "construction") == "dataclass"
    found = ["from dataclasses import dataclass, field"] if dataclass else []
    if _uses_partial(design):
        found.append("from functools import partial")
    if chosen(design, "decorators") == "wrapped":
        found.append("from functools import wraps")
    if chosen(design, "hints") == "hinted":
        found.append("from typing import Optional")
    if chosen(design, "construction") == "namespace":
        found.append("from types import SimpleNamespace")
    if chosen(design, "construction") == "defaultdict":
        found.append("from collections import defaultdict")
    if chosen(design, "scale") == "divided":
        found.append("import math")
    found += ["", "import torch", "import torch.nn.functional as F", "from torch import nn"]
    if chosen(design, "heads_view") == "einops":
        found.append("from einops import rearrange")
    if chosen(design, "linears") == "weight_norm":
        found.append("from torch.nn.utils.parametrizations import weight_norm")
    found += [
        "from transformers.activations import ACT2FN",
        "from transformers.generation import GenerationMixin",
        "from transformers.modeling_layers import GradientCheckpointingLayer",
        "from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast",
        "from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, PreTrainedModel",
        "from transformers.models.llama.modeling_llama import LlamaMLP, LlamaRMSNorm",
        "from transformers.pytorch_utils import Conv1D",
        "from transformers.utils import can_return_tuple",
        "",
        f"from .configuration_{name} import {prefix}Config",
    ]
    if chosen(design, "cache") == "dynamic":
        found.append("from transformers.cache_utils import DynamicCache")
    if chosen(design, "mask") == "created":
        found.append("from transformers.masking_utils import create_causal_mask")
    if chosen(design, "files") == "helpers":
        words = re.findall(r"^(?:def|class|    class) (\w+)", helpers, re.MULTILINE)
        tables = ["NORMS"] if "\nNORMS = " in helpers else []
        found.append(f"from .layers_{name} import {', '.join([*words, *tables])}")
    text = "\n".join(found).lstrip("\n") + "\n" + _conditional(design)
    if chosen(design, "files") == "helpers":
        text += f"\n\n{attention_helpers(design)}"
    return text


def _uses_partial(design: Design) -> bool:
    return chosen(design, "construction") == "partial"


def _conditional(design: Design) -> str:
    """Imports that may fail, and tests of what is installed."""
    return {
        "optional": "\ntry:\n    from flash_attn import flash_attn_func\nexcept ImportError:\n"
        "    flash_attn_func = None\n",
        "version_test": "\nfrom transformers.utils import is_flash_attn_2_available, logging\n\n"
        "logger = logging.get_logger(__name__)\n"
        "if is_flash_attn_2_available():\n    from flash_attn import flash_attn_func\n",
    }.get(chosen(design, "imports"), "")
