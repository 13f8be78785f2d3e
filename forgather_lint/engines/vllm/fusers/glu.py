"""Gated units that a release fuses: glu.py in vllm/model_executor/models/transformers/fusers."""

from __future__ import annotations

from forgather_lint.core.port import port_of
from forgather_lint.engines.vllm.fact_values import Fuser
from forgather_lint.engines.vllm.fusers.fused import Fusion, mergeable, modules_of, width
from forgather_lint.engines.vllm.fusers.fuser_text import calls_of, is_glu_written
from forgather_lint.engines.vllm.release import VllmEngine
from forgather_lint.execution.dataflow import CASTS, Body, Step
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import External, ValueId

GATED_ACTIVATIONS = frozenset(
    {
        "torch.nn.SiLU",
        "torch.nn.GELU",
        "transformers.SiLUActivation",
        "transformers.GELUActivation",
        "transformers.GELUTanh",
        "transformers.PytorchGELUTanh",
    }
)
"""Classes of activations for which vLLM has a gated kernel.

Those that ACT2CLS has for the names in `_ACTIVATION_AND_MUL_REGISTRY` (vllm/model_executor/layers/
activation.py), and `nn.GELU` (`_get_act_and_mul_name`).
"""


@port_of("vllm/model_executor/models/transformers/fusers/glu.py", "GLUFuser.match")
def gated_unit(
    machine: Machine, body: Body, calls: list[Step], engine: VllmEngine, ranks: int
) -> Fusion | None:
    """`act(self.gate(x)) * self.up(x)`, with a module `act`; the product may feed one Linear."""
    for step in body.steps:
        if step.name != "operator.mul" or len(step.inputs) != 2:
            continue
        for activated, other in (step.inputs, step.inputs[::-1]):
            act = _activation(body, activated)
            up = next((call for call in calls if call.output == other), None)
            gate = next((call for call in calls if act and call.output == act.inputs[0]), None)
            if act is None or gate is None or up is None or gate.inputs[:1] != up.inputs[:1]:
                continue
            modules = modules_of(gate, up)
            if _is_glu(machine, body, act, modules, engine, ranks):
                return Fusion("GLU", modules, _fed_directly(body, step.output, calls))
    return None


@port_of("vllm/model_executor/models/transformers/fusers/glu.py", "GLUFuser._get_act_and_mul_name")
def _activation(body: Body, value: ValueId) -> Step | None:
    """The call of an activation, with a gated kernel in vLLM, that computed `value`; else None."""
    made = body.made_by(value)
    if made is None or made.module is None or len(made.inputs) != 1:
        return None
    kind = made.module.cls
    return made if isinstance(kind, External) and kind.name in GATED_ACTIVATIONS else None


@port_of("vllm/model_executor/models/transformers/fusers/glu.py", "GLUFuser._get_glu_nodes")
def _is_glu(
    machine: Machine,
    body: Body,
    act: Step,
    modules: tuple[Instance, ...],
    engine: VllmEngine,
    ranks: int,
) -> bool:
    """Whether the source is one that vLLM rewrites, and the widths fit."""
    calls = calls_of(machine, body.owner, modules, engine.profile.fusers.hoisting.value)
    names = (name for name, value in body.owner.attributes.items() if value is act.module)
    if calls is None or not is_glu_written(calls, next(names, "")):
        return False
    widths = {width(module, "out_features") for module in modules}
    divided = len(widths) == 1 and all(width % ranks == 0 for width in widths)
    return mergeable(modules) and (divided or not engine.fuses(Fuser.COLUMNS))


def _fed_directly(body: Body, value: ValueId, calls: list[Step]) -> Instance | None:
    """The Linear whose input is `value`, with only casts between; else None."""
    for step in body.uses_of(value):
        if step.name in CASTS:
            return _fed_directly(body, step.output, calls)
        if any(step is call for call in calls):
            return step.module
    return None
