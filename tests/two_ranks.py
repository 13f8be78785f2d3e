"""The reference for verdicts: a model on two tensor-parallel ranks, as vLLM 0.13 would run it.

    subject = load(directory)      # imports the model's code into this process
    subject.outcome()              # under the plan of its config class
    subject.outcome({"layers.*.mlp.up_proj": "colwise"})

Ranks are threads of one process; weights are real, seeded by name, and the logits of every rank are
compared with those of one rank. What vLLM decides before it builds a layer (whether it may serve
the class at all, which transformers a model of experts needs) is not asked here: a verdict is about
the values alone.
"""

from __future__ import annotations

import copy
import importlib
import itertools
import json
import re
import sys
import types
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from tests.rank_layers import (
    Attention,
    ColumnParallelLinear,
    Ranks,
    ReplicatedLinear,
    RMSNorm,
    RowParallelLinear,
    attention_forward,
)

PROMPT = torch.tensor([[3, 14, 15, 92, 65, 35, 89]])
TOLERANCE = 1e-3

Plan = Mapping[str, str]
Verdict = Literal["serves", "fails", "wrong"]

_numbers = itertools.count()


@dataclass(frozen=True)
class Outcome:
    """`error` is the first exception.

    `deviation` the largest difference, relative to the largest logit.
    """

    verdict: Verdict
    error: str | None = None
    deviation: float | None = None


@dataclass(frozen=True)
class Subject:
    """A base model with seeded weights, and what one rank answers."""

    model: Any
    head: Tensor
    plan: Plan
    expected: Tensor

    def outcome(self, plan: Plan | None = None, size: int = 2) -> Outcome:
        """Run on `size` ranks under a plan (by default the model's own) and compare."""
        try:
            answers = _logits(self.model, self.head, self.plan if plan is None else plan, size)
        except Exception as error:  # noqa: BLE001 - whatever the model raises is the outcome
            return Outcome("fails", f"{type(error).__name__}: {error}")
        largest = max((answer - self.expected).abs().max().item() for answer in answers)
        deviation = largest / self.expected.abs().max().item()
        return Outcome("serves" if deviation < TOLERANCE else "wrong", deviation=deviation)


def load(directory: Path) -> Subject:
    """Import a model directory and build its base model, as `AutoModel` gives it to vLLM.

    Raises whatever the model's code raises when it is imported, built, or run on one rank.
    """
    ALL_ATTENTION_FUNCTIONS.register("vllm", attention_forward)
    config_class, model_class = _classes(directory)
    config = config_class.from_pretrained(directory)
    config._attn_implementation = "vllm"
    AutoModel: Any = transformers.AutoModel
    AutoModel.register(config_class, model_class, exist_ok=True)
    model = AutoModel.from_config(config).eval()  # Forgather's models look for this text
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(_seeded(name, parameter))
    head = _seeded("lm_head.weight", torch.empty(config.vocab_size, config.hidden_size))
    plan = dict(config_class.base_model_tp_plan or {})
    return Subject(model, head, plan, expected=_logits(model, head, {"": "replicate"}, size=1)[0])


def _classes(directory: Path) -> tuple[Any, Any]:
    """The classes that auto_map names, from a package of their own: no two loads share a module."""
    package = types.ModuleType(f"two_ranks_model_{next(_numbers)}")
    package.__path__ = [str(directory)]
    sys.modules[package.__name__] = package
    auto_map = json.loads((directory / "config.json").read_text(encoding="utf-8"))["auto_map"]

    def named(reference: str) -> Any:
        file, name = reference.split(".")
        return getattr(importlib.import_module(f"{package.__name__}.{file}"), name)

    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        return named(auto_map["AutoConfig"]), named(auto_map["AutoModel"])
    finally:
        sys.dont_write_bytecode = writes_bytecode


def _seeded(name: str, like: Tensor) -> Tensor:
    """Random values large enough that a wrong answer shows: vectors near their present values."""
    noise = torch.randn(
        like.shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode()))
    )
    if like.dim() < 2:
        return like + 0.2 * noise
    return noise if "embed" in name else noise * like.shape[-1] ** -0.5


def _logits(model: Any, head: Tensor, plan: Plan, size: int) -> list[Tensor]:
    """The logits of each rank, [tokens, vocabulary]."""
    config = model.config
    if not plan:  # transformers/base.py, recursive_replace
        raise ValueError(f"{type(model)} does not support tensor parallel.")
    ranks = Ranks(size)
    attentions = {i: _attention(config, size) for i in range(config.num_hidden_layers)}
    divided = [_divided(model, plan, rank, ranks) for rank in range(size)]

    def forward(rank: int) -> Tensor:
        outputs = divided[rank](
            input_ids=PROMPT,
            inputs_embeds=None,
            use_cache=False,
            position_ids=torch.arange(PROMPT.shape[1]).unsqueeze(0),
            attention_instances=attentions,
            return_dict=False,
        )
        return nn.functional.linear(outputs[0][0, ...], head)

    return ranks.run(forward)


def _attention(config: Any, size: int) -> Attention:
    """As in vllm/config/model.py: get_num_attention_heads, get_num_kv_heads, get_head_size."""
    heads: int = config.num_attention_heads
    if heads % size:
        raise ValueError(
            f"Total number of attention heads ({heads}) must be divisible by tensor parallel "
            f"size ({size})."
        )
    kv_heads: int = getattr(config, "num_key_value_heads", None) or heads
    head_size: int = getattr(config, "head_dim", None) or config.hidden_size // heads
    return Attention(heads // size, max(1, kv_heads // size), head_size)


def _divided(model: Any, plan: Plan, rank: int, ranks: Ranks) -> Any:
    """A copy of the model with this rank's layers; everything else is shared with the original."""
    kept = itertools.chain(model.parameters(), model.buffers())
    copied = copy.deepcopy(model, {id(tensor): tensor for tensor in kept})
    patterns = {f"model.{pattern}": style for pattern, style in plan.items()}

    def replace_in(module: nn.Module, prefix: str) -> None:
        for name, child in list(module.named_children()):
            qualified = f"{prefix}.{name}"
            if isinstance(child, nn.Linear):
                styles = (style for p, style in patterns.items() if re.match(p, qualified))
                setattr(module, name, _parallel(child, next(styles, "replicate"), rank, ranks))
            elif type(child).__name__.endswith("RMSNorm"):
                setattr(module, name, RMSNorm(child, model.config.hidden_size))
            else:
                replace_in(child, qualified)

    replace_in(copied, "model")
    return copied


def _parallel(whole: nn.Linear, style: str, rank: int, ranks: Ranks) -> nn.Module:
    """As transformers/utils.py, replace_linear_class: a style it does not know means replicate."""
    if style in ("colwise", "colwise_rep"):
        return ColumnParallelLinear(whole, rank, ranks, gather_output=style == "colwise_rep")
    if style in ("rowwise", "rowwise_rep"):
        return RowParallelLinear(whole, rank, ranks, split_input=style == "rowwise_rep")
    return ReplicatedLinear(whole)
