"""What a quantized layer takes from a checkpoint instead of its weight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

from forgather_lint.core.port import port_of
from forgather_lint.engines.vllm.deployed.forms import Numbers, Stored
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.quantized.experts import experts_quantized
from forgather_lint.engines.vllm.quantized.layers import PREFIX, Quantized, layers_at
from forgather_lint.engines.vllm.quantized.scheme import WORD, Form, StoredWeights
from forgather_lint.execution.memory import DTYPE_BYTES


@port_of(
    "vllm/model_executor/layers/quantization/auto_gptq.py", "AutoGPTQLinearMethod.create_weights"
)
@port_of(
    "vllm/model_executor/layers/quantization/auto_awq.py",
    "AutoAWQMarlinLinearMethod.create_weights",
)
@port_of(
    "vllm/model_executor/layers/quantization/compressed_tensors/schemes/"
    "compressed_tensors_wNa16.py",
    "CompressedTensorsWNA16.create_weights",
)
def stored_as(weights: StoredWeights, outputs: int, inputs: int) -> Mapping[str, Stored]:
    """The tensors of a weight of `outputs` times `inputs`, by the last part of their names."""
    groups = inputs // weights.group if weights.group > 0 else 1
    per_word = WORD // (weights.bits or WORD)
    match weights.form:
        case Form.GPTQ:
            return {
                "qweight": Stored((inputs // per_word, outputs), Numbers.WHOLE, 4),
                "scales": Stored((groups, outputs), Numbers.FLOATS, 0),
                # There are no zero points but those that all weights have.
                "qzeros": Stored((groups, outputs // per_word), Numbers.WHOLE, 4, needed=False),
            }
        case Form.AWQ:
            return {
                "qweight": Stored((inputs, outputs // per_word), Numbers.WHOLE, 4),
                "qzeros": Stored((groups, outputs // per_word), Numbers.WHOLE, 4),
                "scales": Stored((groups, outputs), Numbers.FLOATS, 0),
            }
        case Form.PACKED:
            return {
                "weight_packed": Stored((outputs, inputs // per_word), Numbers.WHOLE, 4),
                "weight_scale": Stored((outputs, groups), Numbers.FLOATS, 0),
                "weight_shape": Stored((2,), Numbers.WHOLE, 4, needed=False),
            }
        case Form.INT8 | Form.FP8_CHANNEL:
            kind = Numbers.WHOLE if weights.form is Form.INT8 else Numbers.EIGHTS
            return {
                "weight": Stored((outputs, inputs), kind, 1),
                "weight_scale": Stored((outputs, 1), Numbers.FLOATS, 4),
            }
        case Form.FP8:
            scale = {"weight_scale": Stored((), Numbers.FLOATS, 4)}
            given = {"input_scale": Stored((), Numbers.FLOATS, 4)} if weights.input_scale else {}
            return {"weight": Stored((outputs, inputs), Numbers.EIGHTS, 1), **scale, **given}
        case Form.FP8_BLOCK:
            rows, columns = weights.block
            blocks = (-(-outputs // rows), -(-inputs // columns))
            return {
                "weight": Stored((outputs, inputs), Numbers.EIGHTS, 1),
                "weight_scale_inv": Stored(blocks, Numbers.FLOATS, 4),
            }
        case Form.FP8_BY_ROW | Form.FP8_PB_WO | Form.NVFP4 | Form.MXFP8 | Form.BITS_AND_BYTES:
            raise AssertionError(f"asked of a form whose layout is not known: {weights.form}")


def stored_layers(
    judge: VllmJudge, quantized: Quantized
) -> Iterator[tuple[str, Mapping[str, Stored]]]:
    """Each quantized Linear by its name, with its tensors. May raise."""
    if not quantized.compared:
        return
    for layer in layers_at(judge, 1):
        if quantized.is_quantized(layer) is not True or layer.whole is None:
            continue
        for part in layer.parts:
            if part.outputs is not None:
                yield part.name, stored_as(quantized.scheme.weights, part.outputs, layer.whole)


def bytes_on(judge: VllmJudge, quantized: Quantized, ranks: int) -> dict[str, int] | None:
    """The bytes of each quantized weight on a rank, by parameter name. May raise.

    None if unknown.
    """
    width, found = DTYPE_BYTES.get(judge.dtype), dict[str, int]()
    experts = judge.subject.experts
    if any(experts_quantized(judge, quantized, block) is not False for block in experts):
        return None
    if not quantized.compared:
        return None
    for layer in layers_at(judge, ranks):
        said = quantized.is_quantized(layer)
        if said is False:
            continue
        if said is not True or layer.inputs is None or layer.outputs is None or width is None:
            return None
        for part in layer.parts:
            assert part.outputs is not None
            tensors = stored_as(quantized.scheme.weights, part.outputs, layer.inputs).values()
            held = sum(prod(each.shape) * (each.width or width) for each in tensors if each.needed)
            found[f"{part.name.removeprefix(PREFIX)}.weight"] = held
    return found
