"""`weight_norm`, `spectral_norm` and `register_parametrization`: a tensor computed from others.

Source: torch/nn/utils/parametrize.py and parametrizations.py, which keep the tensors below
`parametrizations`; the older weight_norm.py and spectral_norm.py keep them beside the tensor.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from forgather_lint.libraries.names import MODULE_DICT
from forgather_lint.libraries.nn.build import (
    Shape,
    build_submodule,
    parameter,
    set_buffer,
    set_plain,
)
from forgather_lint.libraries.nn.module import is_module
from forgather_lint.libraries.operands import is_none
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    FALSE,
    NONE,
    TRUE,
    Arguments,
    External,
    Known,
    ListValue,
    TensorValue,
    TupleValue,
    Value,
    known,
)

PARAMETRIZATIONS = "parametrizations"
_PACKAGE = "torch.nn.utils.parametrizations"
_LIST = "torch.nn.utils.parametrize.ParametrizationList"
_WEIGHT = Known("weight")
_ZERO = Known(0)


@op(f"{_PACKAGE}.weight_norm")
def weight_norm(site: Site, module: Value, name: Value = _WEIGHT, dim: Value = _ZERO) -> Value:
    """Keeps a norm for each item of `dim`, and a direction."""
    target = _target(site, module, name)
    if target is None:
        return site.unknown("unmodelled-call")
    owner, own, tensor = target
    lengths = parameter(site, *_lengths(tensor.shape or (), dim), dtype=tensor.dtype)
    norm = Instance(External(f"{_PACKAGE}._WeightNorm"), {}, site.where)
    _keep(site, owner, own, norm, (lengths, _parameter_like(tensor)))
    _compute(site, owner, own, tensor)
    return module


@op("torch.nn.utils.weight_norm")
def old_weight_norm(site: Site, module: Value, name: Value = _WEIGHT, dim: Value = _ZERO) -> Value:
    target = _target(site, module, name)
    if target is None:
        return site.unknown("unmodelled-call")
    owner, own, tensor = target
    lengths = parameter(site, *_lengths(tensor.shape or (), dim), dtype=tensor.dtype)
    set_plain(site, owner, **{f"{own}_g": lengths, f"{own}_v": _parameter_like(tensor)})
    _compute(site, owner, own, tensor)
    return module


@op(f"{_PACKAGE}.spectral_norm")
def spectral_norm(site: Site, module: Value, name: Value = _WEIGHT, **options: Value) -> Value:
    """Keeps the matrix, and two vectors as buffers."""
    target = _target(site, module, name)
    if target is None or options.get("dim", NONE) is not NONE or _rank(target[2]) != 2:
        return site.unknown("unmodelled-call")
    owner, own, tensor = target
    norm = Instance(External(f"{_PACKAGE}._SpectralNorm"), {}, site.where)
    _set_vectors(site, norm, tensor, "_u", "_v")
    _keep(site, owner, own, norm, (_parameter_like(tensor),))
    _compute(site, owner, own, tensor)
    return module


@op("torch.nn.utils.spectral_norm")
def old_spectral_norm(site: Site, module: Value, name: Value = _WEIGHT, **options: Value) -> Value:
    target = _target(site, module, name)
    if target is None or options.get("dim", NONE) is not NONE or _rank(target[2]) != 2:
        return site.unknown("unmodelled-call")
    owner, own, tensor = target
    set_plain(site, owner, **{f"{own}_orig": _parameter_like(tensor)})
    _set_vectors(site, owner, tensor, f"{own}_u", f"{own}_v")
    _compute(site, owner, own, tensor)
    return module


@op("torch.nn.utils.parametrize.register_parametrization")
def register_parametrization(
    site: Site,
    module: Value,
    tensor_name: Value,
    parametrization: Value,
    *,
    unsafe: Value = FALSE,
) -> Value:
    """The tensor becomes what the module `parametrization` computes from those kept instead."""
    target = _target(site, module, tensor_name)
    is_one = isinstance(parametrization, Instance) and is_module(site, parametrization)
    if target is None or not is_one:
        return site.unknown("unmodelled-call")
    owner, own, tensor = target
    made_by = cast("Instance", parametrization)
    kept = _kept(site, made_by, tensor)
    if kept is None:
        return site.unknown("unmodelled-call")
    _keep(site, owner, own, made_by, kept)
    made = site.evaluator.call(made_by, Arguments([*kept]), site.where)
    if isinstance(made, TensorValue):
        _compute(site, owner, own, made)
    else:
        set_plain(site, owner, **{own: site.unknown("unmodelled-call")})
    return module


@op("torch.nn.utils.parametrize.is_parametrized")
def is_parametrized(site: Site, module: Value, tensor_name: Value = NONE) -> Value:
    if not isinstance(module, Instance) or not is_module(site, module):
        return site.unknown("unmodelled-call")
    held = module.attributes.get(PARAMETRIZATIONS)
    if not isinstance(held, Instance):
        return FALSE if held is None and module.open is None else site.unknown("unmodelled-call")
    if is_none(tensor_name):
        return TRUE
    if not isinstance(tensor_name, Known):
        return site.unknown("unmodelled-call")
    return known(tensor_name.value in held.attributes)


def _target(site: Site, module: Value, name: Value) -> tuple[Instance, str, TensorValue] | None:
    """The module, the name, and its parameter of that name; None unless all three are known."""
    if not isinstance(module, Instance) or not is_module(site, module):
        return None
    own = name.value if isinstance(name, Known) else None
    if not isinstance(own, str):
        return None
    tensor = module.attributes.get(own)
    if not isinstance(tensor, TensorValue) or not tensor.is_parameter or tensor.shape is None:
        return None
    return module, own, tensor


def _kept(
    site: Site, parametrization: Instance, tensor: TensorValue
) -> tuple[TensorValue, ...] | None:
    """The tensors that are kept: the result of `right_inverse`; None where that is not known."""
    cls = parametrization.cls
    if (
        isinstance(cls, External)
        or find_member(cast("Machine", site.evaluator), cls, "right_inverse") is None
    ):
        return (_parameter_like(tensor),)
    inverse = site.evaluator.attribute(parametrization, "right_inverse", site.where)
    made = site.evaluator.call(inverse, Arguments([tensor]), site.where)
    items = made.items if isinstance(made, TupleValue | ListValue) else [made]
    tensors = [_parameter_like(each) for each in items if isinstance(each, TensorValue)]
    return tuple(tensors) if tensors and len(tensors) == len(items) else None


def _keep(
    site: Site,
    owner: Instance,
    own: str,
    parametrization: Instance,
    kept: tuple[TensorValue, ...],
) -> None:
    """Put `kept` below the module's `parametrizations`, with what computes the tensor."""
    held = owner.attributes.get(PARAMETRIZATIONS)
    if not isinstance(held, Instance):
        held = cast("Instance", build_submodule(site, MODULE_DICT))
        set_plain(site, owner, **{PARAMETRIZATIONS: held})
    listed = Instance(External(_LIST), {}, site.where)
    set_plain(site, held, **{own: listed})
    names = ["original"] if len(kept) == 1 else [f"original{n}" for n in range(len(kept))]
    set_plain(site, listed, **{"0": parametrization}, **dict(zip(names, kept, strict=True)))


def _compute(site: Site, owner: Instance, own: str, made: TensorValue) -> None:
    """Put the computed tensor in the place of the parameter; it is a parameter no more."""
    computed = TensorValue(made.shape, made.placement, made.dtype, site.where)
    set_plain(site, owner, **{own: computed})


def _parameter_like(tensor: TensorValue) -> TensorValue:
    return replace(tensor, is_parameter=True, viewed=None)


def _lengths(shape: Shape, dim: Value) -> Shape:
    """The shape of the norms over all dimensions except `dim`: torch.norm_except_dim."""
    if is_none(dim) or dim == Known(-1):
        return ()
    kept = dim.value if isinstance(dim, Known) else None
    return tuple(size if number == kept else 1 for number, size in enumerate(shape))


def _set_vectors(site: Site, owner: Instance, matrix: TensorValue, rows: str, columns: str) -> None:
    sizes: tuple[Size | None, ...] = matrix.shape or ()
    for name, size in zip((rows, columns), sizes, strict=True):
        vector = TensorValue((size,), dtype=matrix.dtype, origin=site.where)
        set_buffer(site, owner, name, vector, persistent=True)


def _rank(tensor: TensorValue) -> int | None:
    return None if tensor.shape is None else len(tensor.shape)
