"""What the constructors of convolutions set: the kernel, transposed or not, and the bias."""

from __future__ import annotations

from forgather_lint.libraries.nn.build import Shape, optional, parameter, set_plain, shape_of
from forgather_lint.python.interpreter.library import Op, Site, op
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


def _kernel(value: Value, rank: int) -> Shape:
    sizes = shape_of(value)
    return sizes * rank if len(sizes) == 1 else sizes


def _per_group(channels: Size | None, groups: Size | None) -> Size | None:
    return None if channels is None or groups is None else floor_divide(channels, groups)


for _rank in (1, 2, 3):
    op(f"torch.nn.Conv{_rank}d.__init__")(_convolution(_rank, transposed=False))
    op(f"torch.nn.ConvTranspose{_rank}d.__init__")(_convolution(_rank, transposed=True))
