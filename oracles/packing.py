"""Weights in the forms in which quantizers store them: the tensors, and the values they stand for.

Needs torch only where weights are packed, so that tests can lay out headers without it. Like
`ranks`, it runs inside the Python that has vLLM.
"""

from __future__ import annotations

from typing import Any

Layout = dict[str, tuple[str, list[int]]]
"""What is stored for a weight: the dtype and shape of each tensor."""

_PER_WORD = 8
"""Numbers of 4 bits in a word of 32."""
_AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)
_LARGEST_FP8 = 448.0
GPTQ, AWQ, PACKED, INT8 = "gptq", "awq", "packed", "int8"
FP8, FP8_CHANNEL, FP8_BLOCK, FP8_STATIC = "fp8", "fp8_channel", "fp8_block", "fp8_static"
FORMS = (GPTQ, AWQ, PACKED, INT8, FP8, FP8_CHANNEL, FP8_BLOCK, FP8_STATIC)


def layout(form: str, outputs: int, inputs: int, group: int) -> Layout:
    """What is stored for a weight of `outputs` times `inputs`, by the last part of each name."""
    groups = -(-inputs // group) if group > 0 else 1
    words = [outputs, inputs // _PER_WORD]
    rows = [groups, outputs]
    if form == GPTQ:
        return {
            "qweight": ("I32", [inputs // _PER_WORD, outputs]),
            "qzeros": ("I32", [groups, outputs // _PER_WORD]),
            "scales": ("F16", rows),
            "g_idx": ("I32", [inputs]),
        }
    if form == AWQ:
        return {
            "qweight": ("I32", [inputs, outputs // _PER_WORD]),
            "qzeros": ("I32", [groups, outputs // _PER_WORD]),
            "scales": ("F16", rows),
        }
    if form == PACKED:
        return {
            "weight_packed": ("I32", words),
            "weight_scale": ("BF16", [outputs, groups]),
            "weight_shape": ("I64", [2]),
        }
    if form == INT8:
        return {"weight": ("I8", [outputs, inputs]), "weight_scale": ("F32", [outputs, 1])}
    weight: Layout = {"weight": ("F8_E4M3", [outputs, inputs])}
    if form == FP8_CHANNEL:
        return {**weight, "weight_scale": ("F32", [outputs, 1])}
    if form == FP8_BLOCK:
        blocks = [-(-outputs // group), -(-inputs // group)]
        return {**weight, "weight_scale_inv": ("F32", blocks)}
    if form == FP8_STATIC:
        return {**weight, "weight_scale": ("F32", []), "input_scale": ("F32", [])}
    assert form == FP8
    return {**weight, "weight_scale": ("F32", [])}


def pack(form: str, weight: Any, group: int) -> tuple[dict[str, Any], Any]:
    """The tensors for `weight`, and the weight that they stand for."""
    import torch

    outputs, inputs = weight.shape
    if form in (GPTQ, AWQ, PACKED):
        size = inputs if group < 0 else group
        low, high = (0, 15) if form == AWQ else (-8, 7)
        by_group = weight.float().reshape(outputs, -1, size)
        if form == AWQ:
            least, most = by_group.amin(-1), by_group.amax(-1)
            scale = _rounded((most - least) / 15, torch.float16)
            zero = (-least / scale).round().clamp(0, 15)
        else:
            kind = torch.float16 if form == GPTQ else torch.bfloat16
            scale = _rounded(by_group.abs().amax(-1) / 7, kind)
            zero = torch.zeros_like(scale)
        q = (by_group / scale[..., None]).round().add(zero[..., None]).clamp(low, high)
        meant = ((q - zero[..., None]) * scale[..., None]).reshape(outputs, inputs)
        q = q.reshape(outputs, inputs).to(torch.int64)
        return _words(form, q, scale, zero, group), meant
    if form == INT8:
        scale = weight.float().abs().amax(-1, keepdim=True) / 127
        whole = (weight / scale).round().clamp(-127, 127)
        return {"weight": whole.to(torch.int8), "weight_scale": scale}, whole * scale
    if form == FP8_BLOCK:
        return _blocks(weight, group)
    if form == FP8_CHANNEL:
        scale = weight.float().abs().amax(-1, keepdim=True) / _LARGEST_FP8
    else:
        scale = weight.float().abs().amax() / _LARGEST_FP8
    small = (weight / scale).to(torch.float8_e4m3fn)
    tensors = {"weight": small, "weight_scale": scale}
    if form == FP8_STATIC:
        tensors["input_scale"] = torch.tensor(8.0 / _LARGEST_FP8)
    return tensors, small.float() * scale


def _rounded(values: Any, kind: Any) -> Any:
    """`values` after being stored as `kind`."""
    return values.to(kind).float()


def _words(form: str, q: Any, scale: Any, zero: Any, group: int) -> dict[str, Any]:
    import torch

    outputs, inputs = q.shape
    if form == PACKED:
        return {
            "weight_packed": _joined(q + 8, range(_PER_WORD)),
            "weight_scale": scale.to(torch.bfloat16),
            "weight_shape": torch.tensor([outputs, inputs]),
        }
    scales = scale.t().contiguous().to(torch.float16)
    if form == AWQ:
        zeros = zero.t().contiguous().to(torch.int64)
        return {
            "qweight": _joined(q.t().contiguous(), _AWQ_ORDER),
            "qzeros": _joined(zeros, _AWQ_ORDER),
            "scales": scales,
        }
    size = inputs if group < 0 else group
    sevens = torch.full((scales.shape[0], outputs), 7, dtype=torch.int64)
    return {
        "qweight": _joined(q + 8, range(_PER_WORD)).t().contiguous(),
        "qzeros": _joined(sevens, range(_PER_WORD)),
        "scales": scales,
        "g_idx": (torch.arange(inputs) // size).to(torch.int32),
    }


def _joined(values: Any, order: Any) -> Any:
    """Numbers of 4 bits packed in words of eight along the last dimension, in this `order`."""
    import torch

    eights = values.reshape(values.shape[0], -1, _PER_WORD)
    words = sum(eights[..., column] << (4 * place) for place, column in enumerate(order))
    signed = torch.where(words >= 2**31, words - 2**32, words)
    return signed.to(torch.int32).contiguous()


def _blocks(weight: Any, size: int) -> tuple[dict[str, Any], Any]:
    import torch

    outputs, inputs = weight.shape
    rows, columns = -(-outputs // size), -(-inputs // size)
    small = torch.empty(outputs, inputs, dtype=torch.float8_e4m3fn)
    meant, scales = torch.empty(outputs, inputs), torch.empty(rows, columns)
    for row in range(rows):
        for column in range(columns):
            there = (slice(row * size, (row + 1) * size), slice(column * size, (column + 1) * size))
            scales[row, column] = scale = weight[there].float().abs().amax() / _LARGEST_FP8
            small[there] = (weight[there] / scale).to(torch.float8_e4m3fn)
            meant[there] = small[there].float() * scale
    return {"weight": small, "weight_scale_inv": scales}, meant


def pack_model(model: Any, folder: str, packing: dict[str, Any]) -> None:
    """Store `model` in `folder` with its layers packed, and give it the weights they stand for.

    `packing` has a `form`, a `group`, parts of names of layers that are not packed (`kept`), and
    ends of names of tensors that are not stored (`left_out`).
    """
    import torch
    from safetensors.torch import save_file

    form, group, kept = packing["form"], packing.get("group", 0), packing.get("kept", [])
    state, seen = {}, set()
    for name, value in model.state_dict().items():
        if value.data_ptr() not in seen:  # a head that is tied is stored once
            seen.add(value.data_ptr())
            state[name] = value.clone()
    for name, module in model.named_modules():
        if not isinstance(module, torch.nn.Linear) or any(each in name for each in kept):
            continue
        tensors, meant = pack(form, module.weight.data, group)
        outputs, inputs = module.weight.shape
        wanted = layout(form, outputs, inputs, group)
        assert {end: list(each.shape) for end, each in tensors.items()} == {
            end: shape for end, (_, shape) in wanted.items()
        }
        module.weight.data.copy_(meant)
        del state[f"{name}.weight"]
        state.update({f"{name}.{end}": each for end, each in tensors.items()})
    ends = tuple(packing.get("left_out", ()))
    stored = {name: each.contiguous() for name, each in state.items() if not name.endswith(ends)}
    save_file(stored, f"{folder}/model.safetensors", metadata={"format": "pt"})
