"""Normalisations: F.layer_norm, F.rms_norm, F.group_norm, F.normalize."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from forgather_lint.facts.causes.placement import NormShapeDiffers
from forgather_lint.libraries.dtypes import result_type
from forgather_lint.libraries.element_types import require_type
from forgather_lint.libraries.operands import (
    ONE,
    Shape,
    dimension,
    integer,
    is_none,
    optional_tensor,
    result,
    shape_of,
    sizes,
    tensor,
    tensor_op,
)
from forgather_lint.libraries.propagation import Operand, Role, op_text, propagate
from forgather_lint.libraries.shapes import differ, shape_text, size_text
from forgather_lint.libraries.tokens import after_meeting
from forgather_lint.libraries.torch.elementwise import elementwise
from forgather_lint.libraries.torch.pointwise import of_reals
from forgather_lint.libraries.torch.reduce import OF_NORM, axes_of, reduced, require_reals
from forgather_lint.libraries.torch.strides import of_elementwise
from forgather_lint.libraries.torch.views import reshaped
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.value import NONE, Known, TensorValue, Value

_PARAMETER = "expected scalar type {right} but found {left}"


@tensor_op("torch.nn.functional.layer_norm", "torch.layer_norm")
def layer_norm(
    site: Site,
    input: Value,
    normalized_shape: Value,
    weight: Value = NONE,
    bias: Value = NONE,
    eps: Value = NONE,
) -> Value:
    """Normalises over the last dimensions, then computes `* weight + bias` of their sizes."""
    if site.name.startswith("torch.nn.functional.") and isinstance(normalized_shape, Known):
        kind = type(normalized_shape.value).__name__
        text = f"argument 'normalized_shape' (position 2) must be tuple of ints, not {kind}"
        raise OpFailure("TypeError", f"layer_norm(): {text}")
    parameters = {"weight": weight, "bias": bias}
    return normalized(site, input, normalized_shape, parameters, "*, ")


@tensor_op("torch.nn.functional.rms_norm", "torch.rms_norm")
def rms_norm(
    site: Site, input: Value, normalized_shape: Value, weight: Value = NONE, eps: Value = NONE
) -> Value:
    """Divides by the root of the mean square over the last dimensions, then computes `* weight`."""
    return normalized(site, input, normalized_shape, {"weight": weight}, "*")


def normalized(
    site: Site,
    input: Value,
    normalized_shape: Value,
    parameters: Mapping[str, Value],
    wildcard: str,
) -> TensorValue:
    """Normalises over the last dimensions; `wildcard` is part of torch's error message."""
    source = tensor(site, input)
    of_reals(op_text(site))(source.dtype, "")
    shape, given = shape_of(source), tuple(sizes(site, [normalized_shape]))
    for position, (name, value) in enumerate(parameters.items(), 3):
        parameter = optional_tensor(site, value, name, position)
        if parameter is not None:
            _check_parameter(name, shape_of(parameter), given)
            if not _mixes(wildcard):
                require_type(site, source, parameter, _PARAMETER)
    if len(shape) < len(given) or any(map(differ, shape[len(shape) - len(given) :], given)):
        expected = ", ".join(map(size_text, given))
        raise OpFailure(
            "RuntimeError",
            f"Given normalized_shape={shape_text(given)}, expected input with shape "
            f"[{wildcard}{expected}], but got input of size{shape_text(shape)}",
            NormShapeDiffers(shape_text(given), shape_text(shape)),
        )
    labels = tuple(range(len(shape)))
    last = labels[len(shape) - len(given) :]
    operand = Operand(source, labels, "argument")
    placement = propagate(site, [operand], labels, whole=last)
    placement = after_meeting(site, [operand], last, placement)
    return _scaled(site, result(site, shape, placement, source.dtype), parameters)


def _mixes(wildcard: str) -> bool:
    """Whether the norm multiplies by a weight of another type as `*` does: rms_norm does."""
    return wildcard == "*"


def _scaled(site: Site, made: TensorValue, parameters: Mapping[str, Value]) -> TensorValue:
    """`made * weight + bias`, as far as the two are given."""
    for name, value in parameters.items():
        if not is_none(value):
            role: Role = "factor" if name == "weight" else "term"
            scaled = elementwise(site, [(made, role), (value, role)])
            made = result(site, scaled.shape, scaled.placement, made.dtype)
    return made


def _check_parameter(name: str, shape: Shape, given: Shape) -> None:
    if len(shape) != len(given) or any(map(differ, shape, given)):
        raise OpFailure(
            "RuntimeError",
            f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
            f"{shape_text(shape)} and normalized_shape = {shape_text(given)}",
            NormShapeDiffers(shape_text(given), shape_text(shape)),
        )


@tensor_op("torch.nn.functional.group_norm", "torch.group_norm")
def group_norm(
    site: Site,
    input: Value,
    num_groups: Value,
    weight: Value = NONE,
    bias: Value = NONE,
    eps: Value = NONE,
) -> Value:
    """Normalises over groups of channels (dimension 1) and everything behind.

    A rank that has a part of the channels forms other groups, unless their number depends on its
    part.
    """
    source = tensor(site, input)
    shape, groups = shape_of(source), integer(num_groups)
    channels = shape[1]
    if channels is not None and _surely_indivisible(channels, groups):
        raise OpFailure(
            "RuntimeError",
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {shape_text(shape)} and num_groups={size_text(groups)}",
        )
    per_channel: dict[str, Value] = {}
    for name, value in (("weight", weight), ("bias", bias)):
        parameter = optional_tensor(site, value, name, 3)
        if parameter is not None:
            _check_per_channel(name, shape_of(parameter), shape)
            require_type(site, source, parameter, _PARAMETER)
            sizes_after = (-1, *[1] * (len(shape) - 2))
            per_channel[name] = reshaped(site, parameter, sizes_after)
    own_groups = channels is not None and dims.divide_exactly(channels, groups) is not None
    labels = tuple(range(len(shape)))
    whole = labels[2:] if own_groups and dims.depends_on_rank(groups) else labels[1:]
    operands = [Operand(source, labels, "argument")]
    placement = propagate(site, operands, labels, whole=whole)
    placement = after_meeting(site, operands, labels[2:], placement)
    return _scaled(site, result(site, shape, placement, source.dtype), per_channel)


def _surely_indivisible(size: Size, divisor: Size) -> bool:
    on_rank, by = dims.local(size), dims.local(divisor)
    return isinstance(on_rank, int) and isinstance(by, int) and by > 0 and on_rank % by > 0


def _check_per_channel(name: str, shape: Shape, source: Shape) -> None:
    if len(shape) != 1 or differ(shape[0], source[1]):
        raise OpFailure(
            "RuntimeError",
            f"Expected {name} to be a vector of size equal to the number of channels in input, but "
            f"got {name} of shape {shape_text(shape)} and input of shape {shape_text(source)}",
        )


@tensor_op("torch.nn.functional.normalize")
def normalize(
    site: Site, input: Value, p: Value = NONE, dim: Value = ONE, eps: Value = NONE
) -> Value:
    """Divides by the norm along a dimension."""
    source = tensor(site, input)
    require_reals(source, OF_NORM)
    shape = shape_of(source)
    labels = tuple(range(len(shape)))
    operands, over = [Operand(source, labels, "argument")], axes_of(site, dim, len(shape))
    placement = propagate(site, operands, labels, whole=over)
    placement = after_meeting(site, operands, over, placement)
    made = result(site, shape, placement, source.dtype)
    return replace(made, strides=of_elementwise(shape, [source]))


_ALIKE = "expected common dtype to be floating point, yet common dtype is {type}"


@tensor_op("torch.nn.functional.cosine_similarity", "torch.cosine_similarity")
def cosine_similarity(
    site: Site, x1: Value, x2: Value, dim: Value = ONE, eps: Value = NONE
) -> Value:
    both = elementwise(site, [(x1, "argument"), (x2, "argument")])
    require_reals(both, _ALIKE)
    axis = dimension(dim, len(shape_of(both)))
    shape, placement = reduced(site, both, [axis])
    pair = (tensor(site, x1).dtype, 2), (tensor(site, x2).dtype, 2)
    return result(site, shape, placement, result_type(pair))
