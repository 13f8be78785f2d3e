"""What the constructors of convolutions set: the kernel, transposed or not, and the bias."""

from __future__ import annotations

from forgather_lint.libraries.nn.build import Shape, optional, parameter, set_plain, shape_of
from forgather_lint.python.interpreter.library import Op, OpFailure, Site, op
from forgather_lint.python.values.dims import Size, floor_divide
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    NONE,
    TRUE,
    Known,
    TupleValue,
    Value,
    integer,
    size_of,
)


def _convolution(rank: int, transposed: bool) -> Op:
    def build(
        site: Site,
        self: Instance,
        in_channels: Value,
        out_channels: Value,
        kernel_size: Value,
        stride: Value = Known(1),  # noqa: B008
        padding: Value = Known(0),  # noqa: B008
        dilation: Value = Known(1),  # noqa: B008
        groups: Value = Known(1),  # noqa: B008
        bias: Value = TRUE,
        **options: Value,
    ) -> Value:
        _check(in_channels, out_channels, groups, stride, padding)
        kernel = _kernel(kernel_size, rank)
        given, made = size_of(in_channels), size_of(out_channels)
        first, second = (given, made) if transposed else (made, given)
        weight = parameter(site, first, _per_group(second, size_of(groups)), *kernel)
        set_plain(
            site,
            self,
            in_channels=in_channels,
            out_channels=out_channels,
            kernel_size=TupleValue(tuple(integer(size) for size in kernel)),
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            transposed=Known(transposed),
            weight=weight,
            bias=optional(site, bias, parameter(site, made)),
        )
        return NONE

    return build


def _check(
    in_channels: Value, out_channels: Value, groups: Value, stride: Value, padding: Value
) -> None:
    """Raise what torch/nn/modules/conv.py, `_ConvNd.__init__`, does."""
    number = size_of(groups)
    if isinstance(number, int) and number <= 0:
        raise OpFailure("ValueError", "groups must be a positive integer")
    for name, channels in (("in", size_of(in_channels)), ("out", size_of(out_channels))):
        if isinstance(number, int) and isinstance(channels, int) and channels % number:
            raise OpFailure("ValueError", f"{name}_channels must be divisible by groups")
    said = padding.value if isinstance(padding, Known) else None
    if isinstance(said, str) and said not in ("valid", "same"):
        text = f"Invalid padding string {said!r}, should be one of {{'valid', 'same'}}"
        raise OpFailure("ValueError", text)
    if padding == Known("same") and any(
        isinstance(each, int) and each != 1 for each in shape_of(stride)
    ):
        text = "padding='same' is not supported for strided convolutions"
        raise OpFailure("ValueError", text)


def _kernel(value: Value, rank: int) -> Shape:
    sizes = shape_of(value)
    return sizes * rank if len(sizes) == 1 else sizes


def _per_group(channels: Size | None, groups: Size | None) -> Size | None:
    return None if channels is None or groups is None else floor_divide(channels, groups)


for _rank in (1, 2, 3):
    op(f"torch.nn.Conv{_rank}d.__init__")(_convolution(_rank, transposed=False))
    op(f"torch.nn.ConvTranspose{_rank}d.__init__")(_convolution(_rank, transposed=True))
