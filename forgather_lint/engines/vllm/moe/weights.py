"""Whether the weights of experts are loaded into the engine's layer, by name and by shape.

Source: vllm/model_executor/layers/fused_moe/routed_experts.py, `RoutedExperts.load_weights` and
`build_expert_params_mapping`: a tensor with any other name is silently skipped.
"""

from __future__ import annotations

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.engines.vllm.moe.fuser import named_state
from forgather_lint.engines.vllm.moe.layer import LINEARS, STACKS, ExpertRole
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import Known, TensorValue

_TRANSPOSED = "is_transposed"


@record
class ExpertSizes:
    """The sizes that the layer is made with; None where the config has no single known number."""

    experts: int | None
    hidden: int | None
    width: int | None


@record
class UnfitParameter:
    """A parameter that the layer does not load: `error` is what loading raises, if it does."""

    name: str
    reason: str
    error: str = ""


@port_of("vllm/model_executor/layers/fused_moe/routed_experts.py", "RoutedExperts.load_weights")
@port_of(
    "vllm/model_executor/layers/fused_moe/routed_experts.py",
    "RoutedExperts.build_expert_params_mapping",
)
def misfit(experts: Instance, sizes: ExpertSizes) -> UnfitParameter | None:
    """The first parameter that does not fit; a `reason` without an error is a silent loss."""
    if sizes.experts is None or sizes.hidden is None or sizes.width is None:
        return UnfitParameter("", "unknown-size-of-experts")
    found = dict(named_state(experts))
    for name, value in found.items():
        if not value.is_parameter:
            continue
        parts = name.split(".")
        if len(parts) == 1:
            reason = _of_stack(name, value, sizes)
        else:
            reason = _of_expert(parts, value, sizes)
        if reason is not None:
            return reason
    return None


def may_be_transposed(experts: Instance) -> bool:
    """Whether the experts may say that their stacks lie the other way round.

    An attribute says it, or a decorator of the class (`use_experts_implementation`).
    """
    if not isinstance(experts.cls, ClassValue):
        return False
    classes = [each for each in experts.cls.order or () if isinstance(each, ClassValue)]
    said = [experts.attributes, *(each.namespace for each in classes or [experts.cls])]
    value = next((each[_TRANSPOSED] for each in said if _TRANSPOSED in each), Known(False))
    if not isinstance(value, Known) or value.value:
        return True
    nodes = (each.node for each in classes or [experts.cls])
    decorators = (each.decorator for node in nodes if node for each in node.decorators)
    return any(_says_transposed(each) for each in decorators)


def _says_transposed(decorator: cst.BaseExpression) -> bool:
    if not isinstance(decorator, cst.Call):
        return False
    return any(
        each.star == "**"
        or (
            (each.keyword is not None and each.keyword.value == _TRANSPOSED)
            and not (isinstance(each.value, cst.Name) and each.value.value == "False")
        )
        for each in decorator.args
    )


def _of_stack(name: str, value: TensorValue, sizes: ExpertSizes) -> UnfitParameter | None:
    role = STACKS.get(name)
    if role is None:
        return UnfitParameter(name, "name")
    assert sizes.experts is not None
    assert sizes.hidden is not None
    assert sizes.width is not None
    wanted = (sizes.experts, sizes.hidden, sizes.width)
    if role is ExpertRole.STACK_BOTH:
        wanted = (sizes.experts, 2 * sizes.width, sizes.hidden)
    if value.shape == wanted:
        return None
    if value.shape == (wanted[0], wanted[2], wanted[1]):
        here, there = _mismatch(wanted[1:])
        dim = 1 if wanted[2] < wanted[1] else 0
        text = (
            f"RuntimeError: The size of tensor a ({here}) must match the size of tensor b "
            f"({there}) at non-singleton dimension {dim}"
        )
        return UnfitParameter(name, "transposed", text)
    return UnfitParameter(name, "size-of-experts")


def _mismatch(wanted: tuple[int, int]) -> tuple[int, int]:
    """The smaller side of the layer's matrix, and what is copied to it."""
    return min(wanted), max(wanted)


def _of_expert(parts: list[str], value: TensorValue, sizes: ExpertSizes) -> UnfitParameter | None:
    name = ".".join(parts)
    if len(parts) != 3 or not parts[0].isdecimal() or parts[1] not in LINEARS:
        return UnfitParameter(name, "name")
    role, kind = LINEARS[parts[1]], parts[2]
    if kind not in ("weight", "bias"):
        return UnfitParameter(name, "name")
    rows, columns = sizes.width, sizes.hidden
    if role is ExpertRole.STACK_DOWN:
        rows, columns = sizes.hidden, sizes.width
    wanted = (rows,) if kind == "bias" else (rows, columns)
    return None if value.shape == wanted else UnfitParameter(name, "size-of-experts")
