"""The element type that tensors have by default, and ops that refuse operands of two types.

A model is built and loaded in one type, which a server is told or finds in the config. What runs in
float32 may fail in bfloat16: `hidden.float()` ends at the next Linear, whose weights are bfloat16.
"""

from __future__ import annotations

from typing import NamedTuple

from forgather_lint.core.source import Place
from forgather_lint.facts.cause import Cause
from forgather_lint.facts.causes.running import ElementTypesDiffer
from forgather_lint.libraries.dtypes import kind, type_name_of
from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.value import TensorValue, Unknown

TYPES_DIFFER = "element-types-differ"
_LITERAL = "float32"


def default_dtype(site: Site) -> str:
    """The dtype of tensors made of real numbers without naming one: torch's default dtype."""
    return machine_of(site).environment.default_dtype


def common_dtype(site: Site, operands: list[TensorValue], text: str) -> str | None:
    """The dtype that all operands have; None where it is not known.

    `text` is torch's refusal, in which `{left}` and `{right}` stand for two types that differ.
    Raises `OpFailure` for those.
    """
    first, *others = operands
    for other in others:
        require_type(site, other, first, text)
    dtypes = {each.dtype for each in operands}
    return dtypes.pop() if len(dtypes) == 1 else None


def require_type(site: Site, given: TensorValue, wanted: TensorValue, text: str) -> None:
    """Raise `OpFailure` unless an op that converts nothing takes `given` beside `wanted`.

    In `text`, `{left}` is the type that is wanted, `{right}` the one that is given.
    """
    refused = refusal(machine_of(site), given.dtype, wanted.dtype, text, site.where)
    if refused is not None:
        raise OpFailure("RuntimeError", refused.text, refused.cause)


class Refusal(NamedTuple):
    """The words in which torch refuses operands of two types, and the cause."""

    text: str
    cause: Cause | None


def refusal(
    machine: Machine, given: str | None, wanted: str | None, text: str, where: Place
) -> Refusal | None:
    """Torch's refusal of two types; None where there is none, or it is not proved.

    Where nobody has named the type of the model, two types of real numbers prove nothing: the run
    goes on and counts as unproved. So it is under autocast.
    """
    if given is None or wanted is None or given == wanted:
        return None
    shown = text.format(left=type_name_of(wanted), right=type_name_of(given))
    if not _is_real(given) or not _is_real(wanted):
        return Refusal(shown, None)
    world, types = machine.environment, {given, wanted}
    if machine.run.autocast or (not world.dtype_named and types & {world.dtype, _LITERAL}):
        leave_to_types(machine, shown, where)
        return None
    return Refusal(shown, ElementTypesDiffer(world.dtype))


def leave_to_types(machine: Machine, text: str, where: Place) -> None:
    """Go on, unproved: in the type of the model, the engine may say `text`."""
    shown = f"in {machine.environment.dtype}, {text}"
    machine.leave_unproved(Unknown(TYPES_DIFFER, where, shown))


def _is_real(dtype: str) -> bool:
    return kind(dtype) == 2
