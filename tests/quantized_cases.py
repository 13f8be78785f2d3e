"""Quantized checkpoints: their config, how their weights are stored, and the questions to engines.

The weights are drawn and packed by the engine's Python (`oracles/packing.py`), or given as headers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oracles.packing import (
    AWQ,
    FP8,
    FP8_BLOCK,
    FP8_CHANNEL,
    FP8_STATIC,
    GPTQ,
    INT8,
    PACKED,
    layout,
)
from oracles.question import Question
from tests import stored_tensors
from tests.fixture_models import MODELS, copy_model

Config = dict[str, object]
HEAD = ("lm_head",)
EVERYTHING = ("layers", "lm_head")
"""Every layer has one of these in its name: as exclusions, nothing is quantized."""


@dataclass(frozen=True)
class Case:
    """A fixture model with `quantization` in its config and weights in `form`.

    `added` are the weights of Linears that the model has by its `files` alone.
    `kept` are parts of names of layers that are stored unquantized, whatever the config says;
    `left_out` ends of names of tensors that are not stored. `sizes` are those that are asked about.
    """

    form: str
    quantization: Config | None
    group: int = 0
    kept: Sequence[str] = HEAD
    left_out: Sequence[str] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    dtype: str = "bfloat16"
    sizes: Sequence[tuple[int, int]] = ((1, 1),)
    model: str = "hf_llama"
    files: Mapping[str, str] = field(default_factory=dict)
    added: Mapping[str, list[int]] = field(default_factory=dict)
    argument: str = ""

    @property
    def packing(self) -> dict[str, object]:
        """The argument for `oracles.packing.pack_model`."""
        return {
            "form": self.form,
            "group": self.group,
            "kept": list(self.kept),
            "left_out": list(self.left_out),
        }


BOTH = ((1, 1), (2, 1))
HEADS_CUT = (3, 1)
"""Sizes at which the heads of the models are not shared out evenly."""


def gptq(**changed: object) -> Config:
    said = {"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": False, "sym": True}
    return {key: value for key, value in (said | changed).items() if value is not None}


def awq(**changed: object) -> Config:
    said = {"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": True}
    return {key: value for key, value in (said | changed).items() if value is not None}


def fp8(**changed: object) -> Config:
    said = {"quant_method": "fp8", "activation_scheme": "dynamic"}
    return {key: value for key, value in (said | changed).items() if value is not None}


def whole(kind: str, strategy: str, **more: object) -> Config:
    """Weights or activations of 8 bits, in the notation of compressed-tensors."""
    return {"num_bits": 8, "type": kind, "symmetric": True, "strategy": strategy, **more}


def four(group: int, **more: object) -> Config:
    """Weights of 4 bits in groups."""
    size = {"strategy": "group", "group_size": group} if group > 0 else {"strategy": "channel"}
    return {"num_bits": 4, "type": "int", "symmetric": True, **size, **more}


def packed(
    form: str,
    weights: Config,
    inputs: Config | None = None,
    ignore: Sequence[str] = HEAD,
    targets: Sequence[str] = ("Linear",),
) -> Config:
    group = {"targets": list(targets), "weights": weights, "input_activations": inputs}
    return {
        "quant_method": "compressed-tensors",
        "format": form,
        "ignore": list(ignore),
        "config_groups": {"group_0": group},
    }


PACK, FLOATS, WHOLE = "pack-quantized", "float-quantized", "int-quantized"
BY_TOKEN = whole("float", "token", dynamic=True)
WIDER: Mapping[str, object] = {"intermediate_size": 384}
NARROW: Mapping[str, object] = {"intermediate_size": 192}
BIASED: Mapping[str, object] = {"attention_bias": True, "mlp_bias": True}
ROUTERS = ("1.mlp.gate", "2.mlp.gate", "3.mlp.gate")
"""The routers of the model with experts, but no gate of a feed-forward."""
ROUTER = "re:.*mlp[.]gate$"
PLAIN_ROUTERS = (*HEAD, *ROUTERS)
PLAIN_EXPERTS = (*PLAIN_ROUTERS, "experts")
EXPERT_NAMES = tuple(f"model.layers.{layer}.mlp.experts" for layer in (1, 2, 3))
EACH_EXPERT = tuple(
    f"{name}.{number}.{part}"
    for name in EXPERT_NAMES
    for number in range(4)
    for part in ("gate_proj", "up_proj", "down_proj")
)
GATES = tuple(f"model.layers.{layer}.mlp.gate" for layer in (1, 2, 3))
OF_EXPERTS = tuple(f"model.layers.{layer}.mlp" for layer in (1, 2, 3))
DOWN, FIRST = "model.layers.0.mlp.down_proj", "layers.0."
MODELOPT = json.dumps(
    {
        "producer": {"name": "modelopt", "version": "0.29"},
        "quantization": {"quant_algo": "FP8", "exclude_modules": ["lm_head"]},
    }
)


def modelopt(algorithm: str | None, *ignored: str) -> Config:
    said = {"quant_method": "modelopt", "ignore": [*HEAD, *ignored], "quant_algo": algorithm}
    return {key: value for key, value in said.items() if value is not None}


_BLOCK = """
class HfMoeRouter(nn.Module):
    def __init__(self, config: HfMoeConfig):
        super().__init__()
        self.top_k = config.num_experts_per_tok
        self.weight = nn.Parameter(torch.empty(config.num_experts, config.hidden_size))
        nn.init.normal_(self.weight, std=config.initializer_range)

    def forward(self, hidden_states):
        logits = nn.functional.linear(hidden_states, self.weight)
        scores = torch.softmax(logits, dim=-1, dtype=torch.float32)
        weights, index = torch.topk(scores, self.top_k, dim=-1)
        weights = weights / weights.sum(dim=-1, keepdim=True)
        return logits, weights.to(hidden_states.dtype), index


class HfMoeSparseBlock(nn.Module):
    def __init__(self, config: HfMoeConfig):
        super().__init__()
        self.gate = HfMoeRouter(config)
        self.experts = HfMoeExperts(config)
        self.shared_expert = HfMoeMLP(config, config.moe_intermediate_size)
        self.shared_expert_gate = nn.Linear(config.hidden_size, 1, bias=False)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        flat = hidden_states.view(-1, hidden_states.shape[-1])
        shared = torch.sigmoid(self.shared_expert_gate(flat)) * self.shared_expert(flat)
        _, weights, index = self.gate(flat)
        output = self.experts(flat, index, weights) + shared
        return output.reshape(hidden_states.shape)


"""
"""A block that vLLM replaces as a whole: the router and the shared expert run in its layer."""
_CODE = "modeling_hf_moe.py"
_OURS, _AFTER = "class HfMoeSparseBlock(", "class HfMoeDecoderLayer("


def _shared() -> dict[str, str]:
    text = (MODELS / "hf_moe" / _CODE).read_text("utf-8")
    before, _, rest = text.partition(_OURS)
    return {_CODE: before + _BLOCK.lstrip() + _AFTER + rest.partition(_AFTER)[2]}


SHARED: Mapping[str, Any] = {
    "files": _shared(),
    "added": {
        f"model.layers.{layer}.mlp.{name}": shape
        for layer in (1, 2, 3)
        for name, shape in {
            "shared_expert.gate_proj.weight": [64, 128],
            "shared_expert.up_proj.weight": [64, 128],
            "shared_expert.down_proj.weight": [128, 64],
            "shared_expert_gate.weight": [1, 128],
        }.items()
    },
}


def with_experts(
    form: str, quantization: Config, group: int = 0, *, width: int = 0, **more: Any
) -> Case:
    """A case of the model with experts; `width` is that of an expert, if not the model's own."""
    config = {"moe_intermediate_size": width} if width else {}
    said: dict[str, Any] = {"kept": PLAIN_ROUTERS, "config": config} | more
    return Case(form, quantization, group, model="hf_moe", **said)


CASES: Mapping[str, Case] = {
    "gptq": Case(GPTQ, gptq(), 32, sizes=(*BOTH, (1, 2))),
    "gptq, a group for a row": Case(GPTQ, gptq(group_size=-1), -1, sizes=BOTH),
    "gptq, groups of 128": Case(GPTQ, gptq(group_size=128), 128, sizes=BOTH),
    "gptq, groups of 16": Case(GPTQ, gptq(group_size=16), 16),
    "gptq, groups of 256": Case(GPTQ, gptq(group_size=256), 128),
    "gptq, groups cut": Case(GPTQ, gptq(group_size=128), 128, config=WIDER, sizes=BOTH),
    "gptq, by activation": Case(GPTQ, gptq(desc_act=True), 32),
    "gptq, 8 bits": Case(GPTQ, gptq(bits=8), 32),
    "gptq, 3 bits": Case(GPTQ, gptq(bits=3), 32, sizes=((1, 1), HEADS_CUT)),
    "a method that nobody has": Case(GPTQ, gptq(quant_method="odd"), 32, sizes=(HEADS_CUT,)),
    "gptq, zero points": Case(GPTQ, gptq(sym=False), 32),
    "gptq, no desc_act": Case(GPTQ, gptq(desc_act=None), 32),
    "gptq, float32": Case(GPTQ, gptq(), 32, dtype="float32", sizes=((1, 1), HEADS_CUT)),
    "gptq, float16": Case(GPTQ, gptq(), 32, dtype="float16"),
    "gptq, biases": Case(GPTQ, gptq(), 32, config=BIASED, sizes=BOTH),
    "gptq, the first layer plain": Case(GPTQ, gptq(), 32, kept=(*HEAD, FIRST)),
    "gptq, values plain": Case(GPTQ, gptq(), 32, kept=(*HEAD, "v_proj")),
    "gptq, keys named alone": Case(
        GPTQ, gptq(modules_in_block_to_quantize=[["self_attn.k_proj"]]), 32
    ),
    "gptq, all but the output of attention named": Case(
        GPTQ,
        gptq(modules_in_block_to_quantize=[["mlp", "q_proj", "k_proj", "v_proj"]]),
        32,
        kept=(*HEAD, "o_proj"),
        sizes=BOTH,
    ),
    "gptq, nothing quantized": Case(GPTQ, gptq(), 32, kept=EVERYTHING),
    "gptq, scales missing": Case(GPTQ, gptq(), 32, left_out=("down_proj.scales",)),
    "gptq, zeros missing": Case(GPTQ, gptq(), 32, left_out=("qzeros",)),
    "gptq, group indices missing": Case(GPTQ, gptq(), 32, left_out=("g_idx",)),
    "gptq, other groups stored": Case(GPTQ, gptq(group_size=64), 32),
    "awq": Case(AWQ, awq(), 32, sizes=(*BOTH, (1, 2))),
    "awq, a group for a row": Case(AWQ, awq(group_size=-1), -1, sizes=BOTH),
    "awq, groups of 16": Case(AWQ, awq(group_size=16), 16),
    "awq, groups cut": Case(AWQ, awq(group_size=128), 128, config=WIDER, sizes=BOTH),
    "awq, 8 bits": Case(AWQ, awq(bits=8), 32),
    "awq, no zero_point": Case(AWQ, awq(zero_point=None), 32),
    "awq, float32": Case(AWQ, awq(), 32, dtype="float32"),
    "awq, float16": Case(AWQ, awq(), 32, dtype="float16", sizes=BOTH),
    "awq, gate plain": Case(
        AWQ, awq(modules_to_not_convert=["lm_head", "gate_proj"]), 32, kept=(*HEAD, "gate_proj")
    ),
    "awq, down plain": Case(
        AWQ, awq(modules_to_not_convert=["down_proj"]), 32, kept=(*HEAD, "down_proj"), sizes=BOTH
    ),
    "awq, the first layer plain": Case(AWQ, awq(), 32, kept=(*HEAD, FIRST)),
    "awq, nothing quantized": Case(AWQ, awq(), 32, kept=EVERYTHING),
    "awq, zeros missing": Case(AWQ, awq(), 32, left_out=("qzeros",)),
    "awq, other groups stored": Case(AWQ, awq(group_size=64), 32),
    "packed": Case(PACKED, packed(PACK, four(32)), 32, sizes=(*BOTH, (1, 2))),
    "packed, a group for a row": Case(PACKED, packed(PACK, four(-1)), -1, sizes=BOTH),
    "packed, groups of 16": Case(PACKED, packed(PACK, four(16)), 16),
    "packed, groups cut": Case(PACKED, packed(PACK, four(128)), 128, config=WIDER, sizes=BOTH),
    "packed, groups cut on one rank": Case(PACKED, packed(PACK, four(128)), 64, config=NARROW),
    "packed, 3 bits": Case(PACKED, packed(PACK, four(32, num_bits=3)), 32),
    "packed, 8 bits": Case(PACKED, packed(PACK, four(32, num_bits=8)), 32),
    "packed, by activation": Case(PACKED, packed(PACK, four(32, actorder="group")), 32),
    "packed, another form": Case(PACKED, packed("odd", four(32)), 32),
    "packed, float32": Case(PACKED, packed(PACK, four(32)), 32, dtype="float32"),
    "packed, float16": Case(PACKED, packed(PACK, four(32)), 32, dtype="float16"),
    "packed, a tied head": Case(PACKED, packed(PACK, four(32)), 32, sizes=BOTH, model="hf_tied"),
    "packed, a tied head in float16": Case(
        PACKED, packed(PACK, four(32)), 32, sizes=BOTH, model="hf_tied", dtype="float16"
    ),
    "packed, biases": Case(PACKED, packed(PACK, four(32)), 32, config=BIASED, sizes=BOTH),
    "packed, down plain and not said": Case(
        PACKED, packed(PACK, four(32)), 32, kept=(*HEAD, "layers.0.mlp.down_proj")
    ),
    "packed, down said and packed": Case(PACKED, packed(PACK, four(32), ignore=(*HEAD, DOWN)), 32),
    "packed, down plain": Case(
        PACKED,
        packed(PACK, four(32), ignore=(*HEAD, DOWN)),
        32,
        kept=(*HEAD, "layers.0.mlp.down_proj"),
        sizes=BOTH,
    ),
    "packed, attention plain": Case(
        PACKED,
        packed(PACK, four(32), ignore=(*HEAD, "re:.*self_attn.*")),
        32,
        kept=(*HEAD, "self_attn"),
        sizes=BOTH,
    ),
    "packed, an expression for the joined layer too": Case(
        PACKED, packed(PACK, four(32), ignore=(*HEAD, "re:.*v_proj")), 32, kept=(*HEAD, "v_proj")
    ),
    "packed, values plain": Case(
        PACKED,
        packed(PACK, four(32), ignore=(*HEAD, "re:.*[.]v_proj")),
        32,
        kept=(*HEAD, "v_proj"),
    ),
    "packed, a layer that is not there": Case(
        PACKED, packed(PACK, four(32), ignore=(*HEAD, "model.layers.9.mlp.down_proj")), 32
    ),
    "packed, the feed-forward alone": Case(
        PACKED,
        packed(PACK, four(32), targets=("re:.*mlp.*",)),
        32,
        kept=(*HEAD, "self_attn"),
        sizes=BOTH,
    ),
    "packed, gates alone": Case(
        PACKED,
        packed(PACK, four(32), targets=("re:.*gate_proj",)),
        32,
        kept=(*HEAD, "self_attn", "up_proj", "down_proj"),
    ),
    "packed, nothing quantized": Case(PACKED, packed(PACK, four(32)), 32, kept=EVERYTHING),
    "packed, scales missing": Case(
        PACKED,
        packed(PACK, four(32)),
        32,
        left_out=("down_proj.weight_scale",),
        sizes=((1, 1), HEADS_CUT),
    ),
    "packed, shapes missing": Case(PACKED, packed(PACK, four(32)), 32, left_out=("weight_shape",)),
    "packed, other groups stored": Case(PACKED, packed(PACK, four(64)), 32),
    "packed and not said": Case(PACKED, None, 32),
    "gptq and not said": Case(GPTQ, None, 32),
    "packed, widths of 16": Case(
        PACKED, packed(PACK, four(-1)), -1, config={"intermediate_size": 272}
    ),
    "packed, queries and keys normed": Case(
        PACKED, packed(PACK, four(32)), 32, model="hf_qk_norm", sizes=BOTH
    ),
    "packed, parallel residual": Case(
        PACKED, packed(PACK, four(32)), 32, model="hf_parallel_residual", sizes=BOTH
    ),
    "gptq, parallel residual": Case(GPTQ, gptq(), 32, model="hf_parallel_residual", sizes=BOTH),
    "packed, one projection": Case(
        PACKED, packed(PACK, four(32)), 32, model="hf_packed_qkv", sizes=BOTH
    ),
    "awq, one projection": Case(AWQ, awq(), 32, model="hf_packed_qkv", sizes=BOTH),
    "awq, of Forgather": Case(AWQ, awq(), 32, model="forgather_llama", sizes=BOTH),
    "gptq, of Forgather": Case(GPTQ, gptq(), 32, model="forgather_qwen", sizes=BOTH),
    "int8": Case(
        INT8,
        packed(WHOLE, whole("int", "channel"), whole("int", "token", dynamic=True)),
        sizes=(*BOTH, (1, 2)),
    ),
    "int8, scales missing": Case(
        INT8,
        packed(WHOLE, whole("int", "channel"), whole("int", "token", dynamic=True)),
        left_out=("weight_scale",),
    ),
    "int8, nothing quantized": Case(
        INT8,
        packed(WHOLE, whole("int", "channel"), whole("int", "token", dynamic=True)),
        kept=EVERYTHING,
    ),
    "int8 and not said": Case(INT8, None),
    "fp8 by row": Case(
        FP8_CHANNEL, packed(FLOATS, whole("float", "channel"), BY_TOKEN), sizes=BOTH
    ),
    "fp8 by row, values plain": Case(
        FP8_CHANNEL,
        packed(
            FLOATS,
            whole("float", "channel"),
            BY_TOKEN,
            ignore=(*HEAD, "model.layers.1.self_attn.v_proj"),
        ),
        kept=(*HEAD, "layers.1.self_attn.v_proj"),
    ),
    "fp8 by row, of Forgather": Case(
        FP8_CHANNEL,
        packed(FLOATS, whole("float", "channel"), BY_TOKEN),
        model="forgather_llama",
        sizes=BOTH,
    ),
    "fp8, one scale": Case(FP8, fp8()),
    "fp8, scale of inputs": Case(FP8_STATIC, fp8(activation_scheme="static")),
    "fp8, no scheme": Case(FP8, fp8(activation_scheme=None)),
    "fp8, another scheme": Case(FP8, fp8(activation_scheme="odd")),
    "fp8, float32": Case(FP8, fp8(), dtype="float32"),
    "fp8, values plain": Case(
        FP8, fp8(modules_to_not_convert=["model.layers.1.self_attn.v_proj"]), kept=("lm_head",)
    ),
    "fp8, tiles": Case(FP8_BLOCK, fp8(weight_block_size=[128, 128]), 128),
    "fp8, tiles cut by a join": Case(
        FP8_BLOCK, fp8(weight_block_size=[128, 128]), 128, config=NARROW
    ),
    "fp8, tiles cut by ranks": Case(
        FP8_BLOCK, fp8(weight_block_size=[128, 128]), 128, config=WIDER, sizes=((2, 1),)
    ),
    "modelopt": Case(
        FP8_STATIC, {"quant_method": "modelopt", "quant_algo": "FP8", "ignore": ["lm_head"]}
    ),
    "modelopt, another algorithm": Case(
        FP8_STATIC, modelopt("INT4_AWQ"), sizes=((1, 1), HEADS_CUT)
    ),
    "modelopt, no algorithm": Case(FP8_STATIC, modelopt(None)),
    "modelopt, float32": Case(FP8_STATIC, modelopt("FP8"), dtype="float32"),
    "modelopt, values plain": Case(
        FP8_STATIC, modelopt("FP8", "model.layers.1.self_attn.v_proj"), kept=HEAD
    ),
    "modelopt, attention plain by a wildcard": Case(
        FP8_CHANNEL,
        modelopt("FP8_PER_CHANNEL_PER_TOKEN", "model.layers.*.self_attn*"),
        kept=(*HEAD, "self_attn"),
    ),
    "modelopt, all plain by wildcards": Case(
        FP8_STATIC, modelopt("FP8", "model.layers.*"), kept=EVERYTHING
    ),
    "modelopt, four bits": Case(
        FP8_STATIC, modelopt("NVFP4"), config={"intermediate_size": 200}, sizes=BOTH
    ),
    "modelopt in a file, another algorithm": Case(
        FP8_STATIC,
        None,
        files={"hf_quant_config.json": MODELOPT.replace("FP8", "W4A8_AWQ")},
        sizes=((1, 1), HEADS_CUT),
    ),
    "torchao, no type": Case(FP8_STATIC, {"quant_method": "torchao"}),
    "modelopt in a file": Case(FP8_STATIC, None, files={"hf_quant_config.json": MODELOPT}),
    "mxfp4": Case(PACKED, {"quant_method": "mxfp4"}, 32),
    "experts, packed": with_experts(
        PACKED, packed(PACK, four(32), ignore=(*HEAD, ROUTER)), 32, sizes=(*BOTH, (1, 2))
    ),
    "experts, packed, groups cut by ranks": with_experts(
        PACKED, packed(PACK, four(64), ignore=(*HEAD, ROUTER)), 64, sizes=BOTH
    ),
    "experts, packed, groups cut": with_experts(
        PACKED, packed(PACK, four(64), ignore=(*HEAD, ROUTER)), 32, width=96
    ),
    "experts, packed, a group for a row": with_experts(
        PACKED, packed(PACK, four(-1), ignore=(*HEAD, ROUTER)), -1
    ),
    "experts, packed, plain experts": with_experts(
        PACKED,
        packed(PACK, four(32), ignore=(*HEAD, ROUTER, "re:.*experts.*")),
        32,
        kept=PLAIN_EXPERTS,
        sizes=(*BOTH, (1, 2)),
    ),
    "experts, packed, plain experts of other names": with_experts(
        PACKED,
        packed(PACK, four(32), ignore=(*HEAD, ROUTER, *EXPERT_NAMES)),
        32,
        kept=PLAIN_EXPERTS,
    ),
    "experts, packed, plain experts by the first": with_experts(
        PACKED,
        packed(PACK, four(32), ignore=(*HEAD, ROUTER, "re:.*experts\\.0\\..*")),
        32,
        kept=PLAIN_EXPERTS,
    ),
    "experts, packed, plain gates": with_experts(
        PACKED,
        packed(PACK, four(32), ignore=(*HEAD, ROUTER, "re:.*experts.*gate_proj")),
        32,
        kept=(*PLAIN_ROUTERS, "experts.0.gate_proj", "experts.1.gate_proj"),
        sizes=BOTH,
    ),
    "experts, packed, plain gates of one layer": with_experts(
        PACKED,
        packed(PACK, four(32), ignore=(*HEAD, ROUTER, "re:.*2.mlp.experts.*gate_proj")),
        32,
        kept=PLAIN_ROUTERS,
    ),
    "experts, packed, attention alone": with_experts(
        PACKED,
        packed(PACK, four(32), targets=("re:.*self_attn.*",)),
        32,
        kept=(*HEAD, "mlp"),
        sizes=BOTH,
    ),
    "experts, packed, routers packed": with_experts(
        PACKED,
        packed(PACK, four(-1), ignore=(*HEAD, "re:.*experts.*")),
        -1,
        kept=(*HEAD, "experts"),
    ),
    "experts, packed, a shared expert": with_experts(
        PACKED,
        packed(PACK, four(32), ignore=(*HEAD, "re:.*experts.*", "re:.*shared_expert_gate")),
        32,
        kept=(*PLAIN_EXPERTS, "shared_expert_gate"),
        sizes=(*BOTH, (1, 2)),
        **SHARED,
    ),
    "experts, packed, a shared expert and its gate": with_experts(
        PACKED,
        packed(PACK, four(32), ignore=(*HEAD, "re:.*experts.*")),
        32,
        kept=(*PLAIN_EXPERTS, "shared_expert_gate"),
        **SHARED,
    ),
    "experts, packed, a shared expert and its gate packed": with_experts(
        PACKED,
        packed(PACK, four(32), ignore=(*HEAD, "re:.*experts.*")),
        32,
        kept=PLAIN_EXPERTS,
        **SHARED,
    ),
    "experts, packed, a plain shared expert": with_experts(
        PACKED,
        packed(PACK, four(32), ignore=(*HEAD, "re:.*shared_expert.*")),
        32,
        kept=(*PLAIN_ROUTERS, "shared_expert"),
        **SHARED,
    ),
    "experts, packed, 3 bits": with_experts(
        PACKED, packed(PACK, four(32, num_bits=3), ignore=(*HEAD, ROUTER)), 32
    ),
    "experts, int8": with_experts(
        INT8,
        packed(
            WHOLE,
            whole("int", "channel"),
            whole("int", "token", dynamic=True),
            ignore=(*HEAD, ROUTER),
        ),
        sizes=BOTH,
    ),
    "experts, int8, plain experts": with_experts(
        INT8,
        packed(
            WHOLE,
            whole("int", "channel"),
            whole("int", "token", dynamic=True),
            ignore=(*HEAD, ROUTER, "re:.*experts.*"),
        ),
        kept=PLAIN_EXPERTS,
        sizes=BOTH,
    ),
    "experts, fp8 by row": with_experts(
        FP8_CHANNEL,
        packed(FLOATS, whole("float", "channel"), BY_TOKEN, ignore=(*HEAD, ROUTER)),
    ),
    "experts, fp8 by row, plain experts": with_experts(
        FP8_CHANNEL,
        packed(
            FLOATS,
            whole("float", "channel"),
            BY_TOKEN,
            ignore=(*HEAD, ROUTER, "re:.*experts.*"),
        ),
        kept=PLAIN_EXPERTS,
        sizes=BOTH,
    ),
    "experts, gptq": with_experts(GPTQ, gptq(), 32, sizes=BOTH),
    "experts, gptq, groups cut": with_experts(GPTQ, gptq(), 16, width=48),
    "experts, gptq, groups halved": with_experts(GPTQ, gptq(group_size=128), 32, width=96),
    "experts, gptq, attention named alone": with_experts(
        GPTQ,
        gptq(modules_in_block_to_quantize=[["self_attn"]]),
        32,
        kept=(*HEAD, "mlp"),
    ),
    "experts, gptq, plain experts": with_experts(GPTQ, gptq(), 32, kept=PLAIN_EXPERTS),
    "experts, awq": with_experts(AWQ, awq(), 32, sizes=BOTH),
    "experts, awq, plain experts": with_experts(
        AWQ,
        awq(modules_to_not_convert=["lm_head", *ROUTERS, "experts"]),
        32,
        kept=PLAIN_EXPERTS,
        sizes=(*BOTH, (1, 2)),
    ),
    "experts, awq, whole blocks plain": with_experts(
        AWQ,
        awq(modules_to_not_convert=["lm_head", *OF_EXPERTS]),
        32,
        kept=PLAIN_EXPERTS,
        sizes=BOTH,
    ),
    "experts, awq, plain experts not said": with_experts(AWQ, awq(), 32, kept=PLAIN_EXPERTS),
    "experts, awq, projections of experts named": with_experts(
        AWQ,
        awq(modules_to_not_convert=["lm_head", *ROUTERS, "experts.0.", "experts.1."]),
        32,
        kept=PLAIN_EXPERTS,
    ),
    "experts, awq, groups cut": with_experts(AWQ, awq(), 16, width=48),
    "experts, fp8": with_experts(FP8, fp8(modules_to_not_convert=[*GATES, *OF_EXPERTS])),
    "experts, fp8, plain experts": with_experts(
        FP8, fp8(modules_to_not_convert=[*GATES, *EACH_EXPERT]), kept=PLAIN_EXPERTS
    ),
    "experts, fp8, tiles": with_experts(
        FP8_BLOCK, fp8(weight_block_size=[128, 128], modules_to_not_convert=list(GATES)), 128
    ),
    "experts, fp8, tiles cut": with_experts(
        FP8_BLOCK,
        fp8(weight_block_size=[128, 128], modules_to_not_convert=list(GATES)),
        128,
        width=48,
    ),
    "experts, modelopt": with_experts(FP8_STATIC, modelopt("FP8", *ROUTERS)),
    "experts, mxfp4": with_experts(PACKED, {"quant_method": "mxfp4"}, 32),
    "argument of another method": Case(GPTQ, gptq(), 32, argument="awq"),
    "argument of another name": Case(GPTQ, gptq(), 32, argument="gptq_marlin"),
    "argument of compressed-tensors": Case(PACKED, packed(PACK, four(32)), 32, argument="awq"),
    "argument for plain weights": Case(PACKED, None, 32, kept=EVERYTHING, argument="awq"),
}


def questions(folder: Path) -> Iterator[Question]:
    """The questions to an engine; the models are written below `folder`."""
    for number, (name, case) in enumerate(CASES.items()):
        place = lay(case, folder / str(number))
        arguments = {"dtype": case.dtype}
        if case.argument:
            arguments["quantization"] = case.argument
        for ranks, stages in case.sizes:
            identity = f"{ranks}x{stages} {name}"
            yield Question(
                identity, place, ranks, stages, packing=case.packing, arguments=arguments
            )


def lay(case: Case, folder: Path, *, headers: bool = False) -> Path:
    """Write the model; with `headers` also the header of its checkpoint."""
    said = {} if case.quantization is None else {"quantization_config": case.quantization}
    place = copy_model(case.model, folder, **case.config, **said)
    for name, text in case.files.items():
        (place / name).write_text(text, "utf-8")
    if headers:
        lines = [f"{name} {kind} {shape}" for name, kind, shape in _stored(case, place)]
        stored_tensors.write("\n".join(lines), place / "model.safetensors")
    return place


Told = tuple[str, str, list[int]]


def _stored(case: Case, place: Path) -> Iterator[Told]:
    """The tensors of the checkpoint, as `pack_model` writes them."""
    ends = tuple(case.left_out)
    for name, shape, linear in parameters(case, place):
        owner = name.removesuffix(".weight")
        plain = not linear or any(part in owner for part in case.kept)
        tensors: list[Told] = [(name, "F32", shape)]
        if not plain:
            told = layout(case.form, shape[0], shape[1], case.group)
            tensors = [(f"{owner}.{end}", *said) for end, said in told.items()]
        yield from (each for each in tensors if not ends or not each[0].endswith(ends))


def parameters(case: Case, place: Path) -> Iterator[tuple[str, list[int], bool]]:
    """The parameters that are saved: name, shape, and whether it is the weight of a Linear.

    As in PyTorch, with the sizes of this case.
    """
    told = json.loads((MODELS / case.model / ".expected" / "structure.json").read_text("utf-8"))
    whole = told["entries"]["architectures"]
    before = json.loads((MODELS / case.model / "config.json").read_text("utf-8"))
    now = json.loads((place / "config.json").read_text("utf-8"))
    widths = {
        part: (before.get(key), now.get(key))
        for part, key in (("experts", "moe_intermediate_size"), ("mlp", "intermediate_size"))
    }
    shared = {name for names in whole["shared"] for name in names[1:]}
    for name, shape in whole["parameters"].items():
        owner, _, leaf = name.rpartition(".")
        if name in shared:
            continue
        old, new = next((each for part, each in widths.items() if part in name), (None, None))
        if old != new:
            shape = [new if size == old else size for size in shape]
        linear = leaf == "weight" and whole["modules"][owner] == "Linear"
        yield name, shape, linear
        if linear and "lm_head" not in name and now.get("mlp_bias") and not before.get("mlp_bias"):
            yield f"{owner}.bias", shape[:1], False
    yield from ((name, shape, True) for name, shape in case.added.items())
