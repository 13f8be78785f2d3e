"""What vLLM does to the rotary parameters of every config that it has loaded."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from forgather_lint.core.source import Place
from forgather_lint.libraries.transformers.rope import COMPLETED, NEW_NAME, check_rope
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Arguments, DictValue, Known, Unknown, Value

_THETA = ("rope_theta", "rotary_emb_base")
_SHARE = ("partial_rotary_factor", "rotary_pct", "rotary_emb_fraction")
_LEGACY_TYPES = ("su", "mrope", "telechat3-yarn")


def patch_rope_parameters(machine: Machine, config: Instance, where: Place) -> None:
    """Fill in `rope_parameters` from older fields, and validate them.

    Raises what the validation raises. transformers does none of that for a config that has the
    older fields alone: a model that reads what was filled in is told another value by it. Source:
    vllm/transformers_utils/config.py, `patch_rope_parameters`.
    """
    if not machine.environment.rope_parameters:
        return
    held = config.attributes.get(NEW_NAME)
    before = dict(held.items) if isinstance(held, DictValue) else {}
    theta = _first(machine, config, _THETA, where)
    share = _first(machine, config, _SHARE, where)
    if theta is None and not before:
        return
    for name, found in ((_THETA[0], theta), (_SHARE[0], share)):
        if found is not None and name not in config.attributes:
            other = Unknown("set-by-the-engine", where, name)
            machine.trail.set_attribute(config, name, other)
    _note_legacy(machine, before, where)
    standardize = machine.attribute(config, "standardize_rope_params", where)
    machine.call(standardize, Arguments(), where)
    check_rope(machine, config, where)
    after = config.attributes.get(NEW_NAME)
    if not isinstance(after, DictValue) or dict(after.items) == before:
        return
    if find_member(machine, config.cls, NEW_NAME) is None:
        machine.trail.delete_attribute(config, NEW_NAME)
        machine.trail.set_attribute(config, COMPLETED, after)
    else:
        machine.trail.set_attribute(config, NEW_NAME, Unknown("set-by-the-engine", where, NEW_NAME))


def _first(
    machine: Machine, config: Instance, names: tuple[str, ...], where: Place
) -> Value | None:
    """The first of these attributes that the config has, unless that is null."""
    for name in names:
        try:
            found = machine.attribute(config, name, where)
        except Raised:
            continue
        return None if isinstance(found, Known) and found.value is None else found
    return None


def _note_legacy(machine: Machine, parameters: Mapping[Hashable, Value], where: Place) -> None:
    """Leave older types undecided, which are translated."""
    said = [parameters.get(name) for name in ("type", "rope_type")]
    kinds = [each.value for each in said if isinstance(each, Known)]
    if len(set(kinds)) > 1 or any(each in _LEGACY_TYPES for each in kinds):
        machine.leave_unproved(Unknown("legacy-rope-type", where))
