"""`torch.finfo` and `torch.iinfo`, the limits of number formats, and the default dtype."""

from __future__ import annotations

from forgather_lint.libraries.dtypes import dtype_of
from forgather_lint.libraries.element_types import default_dtype
from forgather_lint.libraries.operands import Undetermined, is_none, reason_of, value_op
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import FALSE, NONE, External, Value, known

# torch.finfo: largest, machine epsilon, smallest normal, bits.
_FLOATING: dict[str, tuple[float, float, float, int]] = {
    "float16": (65504.0, 2**-10, 2**-14, 16),
    "bfloat16": (3.3895313892515355e38, 2**-7, 2**-126, 16),
    "float32": (3.4028234663852886e38, 2**-23, 2**-126, 32),
    "float64": (1.7976931348623157e308, 2**-52, 2**-1022, 64),
    "float8_e4m3fn": (448.0, 2**-3, 2**-6, 8),
    "float8_e5m2": (57344.0, 2**-2, 2**-14, 8),
}
_INTEGERS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}


@value_op("torch.finfo")
def finfo(site: Site, type: Value = NONE) -> Value:
    name = default_dtype(site) if is_none(type) else dtype_of(type)
    if name not in _FLOATING:
        raise Undetermined(reason_of(type))
    largest, eps, tiny, bits = _FLOATING[name]
    limits = {"max": largest, "min": -largest, "eps": eps, "tiny": tiny, "smallest_normal": tiny}
    attributes = {attribute: known(limit) for attribute, limit in limits.items()}
    attributes["bits"] = known(bits)
    return Instance(External("torch.finfo"), dict(attributes), site.where)


@value_op("torch.iinfo")
def iinfo(site: Site, type: Value) -> Value:
    name = dtype_of(type)
    if name == "uint8":
        low, high, bits = 0, 255, 8
    elif name in _INTEGERS:
        bits = _INTEGERS[name]
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    else:
        raise Undetermined(reason_of(type))
    attributes: dict[str, Value] = {"min": known(low), "max": known(high), "bits": known(bits)}
    return Instance(External("torch.iinfo"), attributes, site.where)


@value_op("torch.get_default_dtype", "torch.get_autocast_dtype")
def get_default_dtype(site: Site, device_type: Value = NONE) -> Value:
    return External(f"torch.{default_dtype(site)}")


@value_op("torch.is_grad_enabled")
def is_grad_enabled(site: Site) -> Value:
    """False: engines compute no gradients."""
    return FALSE


@value_op("torch.is_autocast_enabled")
def is_autocast_enabled(site: Site, device_type: Value = NONE) -> Value:
    """False: engines run models in the dtype of their weights."""
    return FALSE
