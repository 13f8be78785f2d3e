"""What the release makes of quantized layers on several ranks.

*Serves* is claimed only for forms that the kernels of both GPUs and CPUs take; which kernel
computes a layer depends on the device, so that anything else is left undecided.
"""

from __future__ import annotations

from forgather_lint.core.port import port_of
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.quantized.experts import judged_experts
from forgather_lint.engines.vllm.quantized.layers import (
    Layer,
    Quantized,
    UnquantizedParts,
    layers_at,
)
from forgather_lint.engines.vllm.quantized.outcome import outcome_of, place_of
from forgather_lint.engines.vllm.quantized.scheme import (
    AWQ,
    BITS_AND_BYTES,
    GPTQ,
    MODELOPT,
    PACKED,
    WORD,
    Form,
)
from forgather_lint.execution.layers import BY_COLUMN
from forgather_lint.execution.outcome import Outcome, Verdict, undecided
from forgather_lint.facts.causes.quantization import GroupsCut, SchemesDiffer, WeightsNotSplit
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Raised


def judged(judge: VllmJudge, quantized: Quantized, ranks: int) -> Outcome | None:
    """Why what is quantized cannot be served on `ranks` ranks; None: it can."""
    where = place_of(quantized)
    if quantized.scheme.method == BITS_AND_BYTES:
        return _not_split(judge, quantized) if ranks > 1 else None
    try:
        layers = list(layers_at(judge, ranks))
    except Raised:
        return None
    except BudgetExceeded as error:
        return undecided(error.reason, where)
    open_ones: list[Outcome] = []
    experts = judged_experts(judge, quantized, ranks)  # these the release builds first
    if experts is not None and experts.verdict is not Verdict.UNKNOWN:
        return experts
    open_ones += [experts] if experts is not None else []
    for layer in layers:
        found = quantized.is_quantized(layer)
        if isinstance(found, UnquantizedParts):
            refused = _schemes_differ(judge, quantized, layer, found)
            if refused is not None:
                return refused
            found = None
        if found is None:
            open_ones.append(undecided(f"whether {layer.name} is quantized is not known", where))
        elif found:
            outcome = _of_layer(judge, quantized, layer, ranks)
            if outcome is not None and outcome.verdict is not Verdict.UNKNOWN:
                return outcome
            open_ones += [outcome] if outcome is not None else []
    return open_ones[0] if open_ones else None


@port_of(
    "vllm/model_executor/model_loader/bitsandbytes_loader.py",
    "BitsAndBytesModelLoader._verify_model_compatibility",
)
def _not_split(judge: VllmJudge, quantized: Quantized) -> Outcome | None:
    """Weights of bitsandbytes have one description each, which is not for a share of them."""
    fact = judge.profile.quantization.prepared_not_split
    cause = WeightsNotSplit(quantized.scheme.method)
    return outcome_of(quantized, fact, cause, "quant_method", {})


def _schemes_differ(
    judge: VllmJudge, quantized: Quantized, layer: Layer, kept: UnquantizedParts
) -> Outcome | None:
    facts = judge.profile.quantization
    packed = quantized.scheme.method == PACKED
    fact = facts.schemes_differ if packed else facts.shards_differ
    leaves = tuple(part.name.rpartition(".")[2] for part in layer.parts)
    cause = SchemesDiffer(layer.name, leaves, tuple(each.rpartition(".")[2] for each in kept.parts))
    told = {"layer": layer.name, "parts": list(leaves)}
    return outcome_of(quantized, fact, cause, quantized.scheme.listed, told)


def _of_layer(judge: VllmJudge, quantized: Quantized, layer: Layer, ranks: int) -> Outcome | None:
    """The problem with one quantized layer; None if there is none."""
    weights, where = quantized.scheme.weights, place_of(quantized)
    inputs, outputs = layer.inputs, layer.outputs
    if inputs is None or outputs is None:
        return undecided(f"the size of {layer.name} is not known", where)
    if weights.form is Form.FP8_BLOCK:
        return _blocks(judge, quantized, layer, ranks)
    if quantized.scheme.method == MODELOPT:
        return _of_modelopt(judge, quantized, layer, inputs)
    if weights.form is Form.AWQ and weights.group < 0 and layer.split:
        return undecided(f"{layer.name} has one scale for what several ranks share", where)
    if weights.group > 0 and inputs % weights.group:
        return _cut(judge, quantized, layer, inputs)
    most = judge.profile.quantization.kernels_take.value
    if inputs % most or outputs % most or not _fills_words(quantized, inputs, outputs):
        reason = f"{layer.name} of {outputs} times {inputs} is computed by some devices only"
        return undecided(reason, where)
    return None


@port_of("vllm/model_executor/layers/quantization/modelopt.py", "KNvfp4Static.create_weights")
@port_of("vllm/model_executor/layers/quantization/modelopt.py", "KFp8Block128.create_weights")
@port_of("vllm/model_executor/layers/quantization/modelopt.py", "KMxfp8Static.create_weights")
def _of_modelopt(
    judge: VllmJudge, quantized: Quantized, layer: Layer, inputs: int
) -> Outcome | None:
    """What a rank has of the input of a layer is held against the size of groups alone."""
    weights, facts = quantized.scheme.weights, judge.profile.quantization
    facts_of = {
        Form.NVFP4: facts.nvfp4_groups_cut,
        Form.MXFP8: facts.mxfp8_groups_cut,
        Form.FP8_PB_WO: facts.modelopt_tiles_cut,
    }
    fact = facts_of.get(weights.form)
    if fact is None or inputs % weights.group == 0:
        return None
    cause = GroupsCut(layer.name, inputs, weights.group)
    told = {"width": inputs, "layer": layer.name, "group": weights.group}
    where = place_of(quantized)
    undecided_one = undecided(f"the input of {layer.name} is no whole number of groups", where)
    return outcome_of(quantized, fact, cause, "quant_algo", told) or undecided_one


def _fills_words(quantized: Quantized, inputs: int, outputs: int) -> bool:
    weights = quantized.scheme.weights
    per_word = WORD // weights.bits if weights.bits else WORD
    return not (inputs % per_word or outputs % per_word)


def _cut(judge: VllmJudge, quantized: Quantized, layer: Layer, inputs: int) -> Outcome | None:
    """The problem if the input, or a rank's share of it, is no whole number of groups."""
    facts, scheme = judge.profile.quantization, quantized.scheme
    fact = {GPTQ: facts.gptq_groups_cut, AWQ: facts.awq_groups_cut}.get(
        scheme.method, facts.packed_groups_cut
    )
    where, group = place_of(quantized), scheme.weights.group
    if (scheme.method != PACKED and not layer.split) or fact.value.effect is Effect.NONE:
        return undecided(f"the input of {layer.name} is no whole number of groups", where)
    cause = GroupsCut(layer.name, inputs, group)
    told = {"width": inputs, "layer": layer.name, "group": group}
    key = "group_size" if "group_size" in quantized.described.said else "q_group_size"
    return outcome_of(quantized, fact, cause, key, told)


@port_of("vllm/model_executor/layers/quantization/utils/fp8_utils.py", "validate_fp8_block_shape")
def _blocks(judge: VllmJudge, quantized: Quantized, layer: Layer, ranks: int) -> Outcome | None:
    facts, (rows, columns) = judge.profile.quantization, quantized.scheme.weights.block
    inputs, where = layer.inputs or 0, place_of(quantized)
    key = "weight_block_size"
    if layer.split and inputs % columns:
        cause = GroupsCut(layer.name, inputs, columns)
        return outcome_of(
            quantized, facts.block_columns_cut, cause, key, {"width": inputs, "block": columns}
        )
    assignment = judge.assignments(ranks).get(layer.parts[0].linear)
    by_column = assignment is not None and assignment.role in BY_COLUMN and ranks > 1
    checked = layer.parts if by_column else layer.parts[:-1]
    for part in checked:
        if part.outputs is not None and part.outputs % rows:
            cause = GroupsCut(layer.name, part.outputs, rows, rows=True)
            told = {"width": part.outputs, "block": rows}
            return outcome_of(quantized, facts.block_rows_cut, cause, key, told)
    return undecided("which devices compute blocks of FP8 is not known", where)
