"""Convolutions: F.conv1d, F.conv2d, F.conv3d."""

from __future__ import annotations

from forgather_lint.libraries.element_types import require_type
from forgather_lint.libraries.operands import (
    ONE,
    ZERO,
    Shape,
    Undetermined,
    integer,
    is_none,
    is_sequence,
    items,
    plain_integer,
    result,
    shape_of,
    tensor,
    tensor_op,
)
from forgather_lint.libraries.propagation import Labels, Operand, propagate
from forgather_lint.libraries.shapes import differ, shape_text, size_text
from forgather_lint.libraries.tokens import after_meeting
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.placement import Shard
from forgather_lint.python.values.value import NONE, Known, TensorValue, Value

_KERNEL = "Input type ({right}) and weight type ({left}) should be the same"


@tensor_op(
    *[f"{place}.conv{rank}d" for rank in (1, 2, 3) for place in ("torch", "torch.nn.functional")]
)
def convolution(
    site: Site,
    input: Value,
    weight: Value,
    bias: Value = NONE,
    stride: Value = ONE,
    padding: Value = ZERO,
    dilation: Value = ONE,
    groups: Value = ONE,
) -> Value:
    """`input` is (batch, channels, positions...), `weight` (out, group's channels, kernel...)."""
    source, kernel = tensor(site, input), tensor(site, weight, "weight", 2)
    addend = None if is_none(bias) else tensor(site, bias, "bias", 3)
    filters = shape_of(kernel)
    batched = len(shape_of(source)) == len(filters)
    shape = shape_of(source) if batched else (1, *shape_of(source))
    count = integer(groups)
    _check_channels(shape, filters, count, None if addend is None else shape_of(addend))
    spatial = _spatial(site, shape, filters, (stride, padding, dilation))
    names: Labels = ("batch", "out", *range(len(spatial)))
    labels = _labels(source, kernel, count)
    operands = [Operand(source, labels[0][not batched :]), Operand(kernel, labels[1])]
    placement = propagate(site, operands, names[not batched :], whole=range(len(spatial)))
    wide = [place for place, size in enumerate(filters[2:]) if size != 1]
    placement = after_meeting(site, operands, wide, placement)
    require_type(site, source, kernel, _KERNEL)
    if addend is not None:
        require_type(site, source, addend, _KERNEL.replace("weight", "bias"))
    made: Shape = (shape[0], filters[0], *spatial)
    convolved = result(site, made[not batched :], placement, source.dtype)
    if addend is None:
        return convolved
    terms = [Operand(convolved, names[not batched :], "term"), Operand(addend, ("out",), "term")]
    placement = propagate(site, terms, names[not batched :])
    return result(site, convolved.shape, placement, source.dtype)


def _labels(source: TensorValue, kernel: TensorValue, groups: Size) -> tuple[Labels, Labels]:
    """Labels of the batched input and of the weight.

    With one group the channels are summed over; with a group for every channel they are kept.
    """
    filters = shape_of(kernel)
    places: Labels = tuple(range(len(filters) - 2))
    window: Labels = tuple(f"window {place}" for place in places)
    if groups == 1:
        return ("batch", "in", *places), ("out", "in", *window)
    channels = shape_of(source)[1 - len(filters)]
    if groups == channels == filters[0]:
        return ("batch", "out", *places), ("out", "one", *window)
    if isinstance(source.placement, Shard) or isinstance(kernel.placement, Shard):
        raise Undetermined("grouped-convolution")
    return ("batch", "in", *places), ("out", "of group", *window)


def _check_channels(shape: Shape, filters: Shape, groups: Size, bias: Shape | None) -> None:
    if filters[0] is not None and dims.compare(filters[0], groups) == -1:
        raise OpFailure(
            "RuntimeError",
            f"Given groups={size_text(groups)}, expected weight to be at least "
            f"{size_text(groups)} at dimension 0, but got weight of size {shape_text(filters)} "
            "instead",
        )
    per_group, given = filters[1], shape[1]
    expected = None if per_group is None else dims.multiply(per_group, groups)
    if differ(expected, given):
        raise OpFailure(
            "RuntimeError",
            f"Given groups={size_text(groups)}, weight of size {shape_text(filters)}, expected "
            f"input{shape_text(shape)} to have {size_text(expected)} channels, but got "
            f"{size_text(given)} channels instead",
        )
    if bias is not None and (len(bias) != 1 or differ(bias[0], filters[0])):
        raise OpFailure(
            "RuntimeError",
            f"Given weight of size {shape_text(filters)}, expected bias to be 1-dimensional with "
            f"{size_text(filters[0])} elements, but got bias of size {shape_text(bias)} instead",
        )


def _spatial(
    site: Site, shape: Shape, filters: Shape, options: tuple[Value, Value, Value]
) -> tuple[Size | None, ...]:
    """The sizes of the output along the positions."""
    stride, padding, dilation = options
    rank = len(filters) - 2
    if padding == Known("same"):
        return shape[2:]
    pads = [0] * rank if padding == Known("valid") else _each(site, padding, rank)
    steps, gaps = _each(site, stride, rank), _each(site, dilation, rank)
    padded = [_plus(size, 2 * pad) for size, pad in zip(shape[2:], pads, strict=True)]
    windows = [_window(size, gap) for size, gap in zip(filters[2:], gaps, strict=True)]
    if any(_is_larger(*pair) for pair in zip(windows, padded, strict=True)):
        raise OpFailure(
            "RuntimeError",
            "Calculated padded input size per channel: "
            f"({' x '.join(map(size_text, padded))}). Kernel size: "
            f"({' x '.join(map(size_text, windows))}). Kernel size can't be greater than actual "
            "input size",
        )
    return tuple(map(_room, padded, windows, steps))


def _each(site: Site, value: Value, rank: int) -> list[int]:
    given = items(site, value) if is_sequence(value) else [value]
    numbers = [plain_integer(each) for each in given]
    return numbers * rank if len(numbers) == 1 else numbers


def _plus(size: Size | None, more: int) -> Size | None:
    return None if size is None else dims.add(size, more)


def _window(size: Size | None, gap: int) -> Size | None:
    return None if size is None else dims.add(dims.multiply(dims.subtract(size, 1), gap), 1)


def _is_larger(window: Size | None, size: Size | None) -> bool:
    return window is not None and size is not None and dims.compare(window, size) == 1


def _room(size: Size | None, window: Size | None, step: int) -> Size | None:
    if size is None or window is None:
        return None
    return dims.add(dims.floor_divide(dims.subtract(size, window), step), 1)
