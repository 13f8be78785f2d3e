"""Transformers' own models with small sizes and seeded weights, to be run for real."""

from __future__ import annotations

import importlib
import inspect
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

SIZES: dict[str, int] = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 16,
    "vocab_size": 512,
    "moe_intermediate_size": 64,
    "shared_expert_intermediate_size": 64,
    "num_experts": 8,
    "n_routed_experts": 8,
    "num_local_experts": 8,
    "moe_num_experts": 8,
    "num_experts_per_tok": 2,
    "kv_lora_rank": 32,
    "q_lora_rank": 48,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 16,
    "qk_head_dim": 32,
    "v_head_dim": 16,
    "linear_num_key_heads": 4,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "n_group": 2,
    "topk_group": 1,
    "max_position_embeddings": 512,
    "vocab_size_per_layer_input": 512,
    "hidden_size_per_layer_input": 16,
}
"""Small values for fields; a config keeps the values of its other fields."""

TRIES: tuple[tuple[str, ...], ...] = ((), ("head_dim", "num_experts_per_tok", "n_group"))
"""Fields that keep their values, in the order of trying: some models need them as they are."""


def small_values(values: Mapping[str, Any], kept: Sequence[str]) -> dict[str, Any]:
    """The config `values` with small sizes, except for the fields in `kept`."""

    def small(name: str, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int) or name in kept:
            return value
        if name == "num_key_value_heads" and value == values.get("num_attention_heads"):
            return min(value, SIZES["num_attention_heads"])
        if name.endswith("token_id"):
            return min(value, SIZES["vocab_size"] - 1)
        return min(value, SIZES[name]) if name in SIZES else value

    return {name: small(name, value) for name, value in values.items()}


def classes_of(config_name: str, architecture: str) -> tuple[Any, Any]:
    """The config class and the model class of those names, wherever transformers has them.

    Raises `LookupError`.
    """
    import transformers

    for file in sorted(Path(transformers.__file__).parent.glob("models/*/configuration_*.py")):
        if f"class {config_name}(" in file.read_text("utf-8"):
            package = f"transformers.models.{file.parent.name}"
            config = getattr(importlib.import_module(f"{package}.{file.stem}"), config_name)
            modeling = config.__module__.replace(".configuration_", ".modeling_")
            return config, getattr(importlib.import_module(modeling), architecture)
    raise LookupError(config_name)


def seed(model: torch.nn.Module) -> None:
    """Set weights depending on their names, so large that a wrong answer shows."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            source = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            noise = torch.randn(parameter.shape, generator=source)
            if not parameter.is_floating_point():
                continue
            if parameter.dim() < 2:
                parameter.add_(0.1 * noise)
            else:
                parameter.copy_(noise * parameter.shape[-1] ** -0.5)


def answer(model: Any) -> torch.Tensor:
    """The first output of a forward with eight tokens, gathered from all ranks."""
    import torch

    known = inspect.signature(model.forward).parameters
    given: dict[str, Any] = {"input_ids": torch.tensor([[3, 14, 15, 92, 65, 35, 89, 7]])}
    if "use_cache" in known or any(each.kind is each.VAR_KEYWORD for each in known.values()):
        given["use_cache"] = False
    with torch.no_grad():
        output = model(**given, return_dict=True)
    return whole(output[0])


def whole(found: Any) -> torch.Tensor:
    """A tensor gathered from all ranks."""
    tensor: torch.Tensor = found.full_tensor() if hasattr(found, "full_tensor") else found
    return tensor
