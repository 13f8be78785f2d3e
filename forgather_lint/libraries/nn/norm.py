"""What the constructors of normalizations set: scale, shift and running statistics."""

from __future__ import annotations

from forgather_lint.libraries.element_types import default_dtype
from forgather_lint.libraries.nn.build import (
    optional,
    parameter,
    set_buffer,
    set_plain,
    shape_of,
)
from forgather_lint.python.interpreter.library import OpFailure, Site, op
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    NONE,
    TRUE,
    Known,
    TensorValue,
    TupleValue,
    Value,
    integer,
    known,
    size_of,
)


@op("torch.nn.LayerNorm.__init__")
def layer_norm(
    site: Site,
    self: Instance,
    normalized_shape: Value,
    eps: Value = Known(1e-5),  # noqa: B008
    elementwise_affine: Value = TRUE,
    bias: Value = TRUE,
    device: Value = NONE,
    dtype: Value = NONE,
) -> Value:
    shape = shape_of(normalized_shape)
    weight = optional(site, elementwise_affine, parameter(site, *shape))
    has_weight = not isinstance(weight, Known)
    set_plain(
        site,
        self,
        normalized_shape=TupleValue(tuple(integer(size) for size in shape)),
        eps=eps,
        elementwise_affine=elementwise_affine,
        weight=weight,
        bias=optional(site, bias, parameter(site, *shape)) if has_weight else NONE,
    )
    return NONE


@op("torch.nn.RMSNorm.__init__")
def rms_norm(
    site: Site,
    self: Instance,
    normalized_shape: Value,
    eps: Value = NONE,
    elementwise_affine: Value = TRUE,
    device: Value = NONE,
    dtype: Value = NONE,
) -> Value:
    shape = shape_of(normalized_shape)
    set_plain(
        site,
        self,
        normalized_shape=TupleValue(tuple(integer(size) for size in shape)),
        eps=eps,
        elementwise_affine=elementwise_affine,
        weight=optional(site, elementwise_affine, parameter(site, *shape)),
    )
    return NONE


@op("torch.nn.GroupNorm.__init__")
def group_norm(
    site: Site,
    self: Instance,
    num_groups: Value,
    num_channels: Value,
    eps: Value = known(1e-5),  # noqa: B008
    affine: Value = TRUE,
    **options: Value,
) -> Value:
    channels, groups = size_of(num_channels), size_of(num_groups)
    if isinstance(channels, int) and isinstance(groups, int) and groups and channels % groups:
        text = f"num_channels ({channels}) must be divisible by num_groups ({groups})"
        raise OpFailure("ValueError", text)
    set_plain(
        site,
        self,
        num_groups=num_groups,
        num_channels=num_channels,
        eps=eps,
        affine=affine,
        weight=optional(site, affine, parameter(site, channels)),
        bias=optional(site, affine, parameter(site, channels)),
    )
    return NONE


@op(
    "torch.nn.BatchNorm1d.__init__",
    "torch.nn.BatchNorm2d.__init__",
    "torch.nn.BatchNorm3d.__init__",
)
def batch_norm(
    site: Site,
    self: Instance,
    num_features: Value,
    eps: Value = NONE,
    momentum: Value = NONE,
    affine: Value = TRUE,
    track_running_stats: Value = TRUE,
    **options: Value,
) -> Value:
    size = size_of(num_features)
    set_plain(
        site,
        self,
        weight=optional(site, affine, parameter(site, size)),
        bias=optional(site, affine, parameter(site, size)),
    )
    for name in ("running_mean", "running_var"):
        set_buffer(
            site, self, name, TensorValue((size,), dtype=default_dtype(site)), persistent=True
        )
    set_buffer(site, self, "num_batches_tracked", TensorValue((), dtype="int64"), persistent=True)
    return NONE
