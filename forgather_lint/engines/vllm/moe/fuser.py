"""Blocks of experts whose whole forward a release replaces: router, experts and shared expert.

A port of `MoEBlockFuser.match` (vllm/model_executor/models/transformers/fusers/moe.py; 0.25 to
0.32; `fuser_traced.py` has that of 0.33).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.engines.common.forward_text import definition_of
from forgather_lint.engines.common.rms_norm import made
from forgather_lint.engines.vllm.fusers.trace_through import traces_through
from forgather_lint.engines.vllm.moe.text import returns_tuple
from forgather_lint.execution.dataflow import CASTS, Body, Step
from forgather_lint.libraries.names import LINEAR, MODULE
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import TensorValue, Value, ValueId

_SCORING = ("softmax", "sigmoid")


@record
class Router:
    """The child that scores and chooses, as the release reads it.

    `renormalized` is None where the release asks the config.
    """

    name: str
    scoring: str
    renormalized: bool | None = None


@record
class ReplacedBlock:
    """Which parts of a block run inside the engine's layer. Without a scoring the router stays."""

    router: Router
    shared: str | None = None
    shared_gate: str | None = None


@record
class UndecidedBlock:
    """Whether the block is replaced depends on how far torch.fx traces the code at `where`."""

    where: Place
    replaced: ReplacedBlock


@record
class BlockFuser:
    """The fuser of one release; `state` are the names of tensors that a router may have."""

    machine: Machine
    bodies: Mapping[Instance, Body]
    experts: str
    state: Collection[str]

    @port_of("vllm/model_executor/models/transformers/fusers/moe.py", "MoEBlockFuser.match")
    def match(self, body: Body) -> ReplacedBlock | UndecidedBlock | None:
        """What becomes of the block whose forward ran as `body`; None: it is not replaced."""
        block = body.owner
        forward = definition_of(self.machine, block)
        if forward is None or returns_tuple(forward):
            return None
        children = list(self._children(block))
        found = self._router(children)
        if found is None:
            return None
        router, traced = found
        others = [name for name, _ in children if name not in (self.experts, router.name)]
        shared: tuple[str | None, str | None] = (None, None)
        if others:
            shared = self._shared(body)
            gate = shared[1]
            if gate is not None and not _is_scalar_gate(self.machine, block.attributes[gate]):
                return None
        accounted = {self.experts, router.name, *shared}
        for name, child in children:
            if name not in accounted and any(True for _ in named_state(child)):
                return None
        replaced = ReplacedBlock(router, *shared)
        stops = not traces_through(forward) if others else None
        where = traced or (block.where if stops else None)
        return UndecidedBlock(where, replaced) if where is not None else replaced

    def _children(self, block: Instance) -> Iterator[tuple[str, Instance]]:
        for name, value in block.attributes.items():
            if not isinstance(value, Instance) or name in block.hidden:
                continue
            if name == self.experts or self.machine.is_instance_of(value, MODULE):
                yield name, value

    @port_of("vllm/model_executor/models/transformers/fusers/moe.py", "MoEBlockFuser._match_router")
    def _router(
        self, children: Collection[tuple[str, Instance]]
    ) -> tuple[Router, Place | None] | None:
        """The first child that is a router, and where its trace may stop; None if there is none."""
        for name, child in children:
            if name == self.experts:
                continue
            scoring = self._scoring(child)
            if scoring is not None:
                forward = definition_of(self.machine, child)
                stops = forward is not None and not traces_through(forward)
                return Router(name, scoring), child.where if stops else None
        return None

    def _scoring(self, child: Instance) -> str | None:
        """The scoring in `topk(score(linear(x)))`, read from the last top-k (`_match_router`)."""
        names = {name for name, _ in named_state(child)}
        body = self.bodies.get(child.first_alike)
        if "weight" not in names or names - set(self.state) or body is None:
            return None
        choices = [step for step in body.steps if made(step, "topk")]
        if not choices:
            return None
        scorers = [step for step in upstream(body, choices[-1]) if made(step, *_SCORING)]
        if len(scorers) != 1:
            return None
        if not any(made(step, "linear") for step in upstream(body, scorers[0])):
            return None
        return scorers[0].name.rpartition(".")[2]

    @port_of(
        "vllm/model_executor/models/transformers/fusers/moe.py",
        "MoEBlockFuser._match_shared_experts",
    )
    def _shared(self, body: Body) -> tuple[str | None, str | None]:
        """The child that is added to the experts, and its gate (`_match_shared_experts`)."""
        names: dict[Value, str] = {
            value: name
            for name, value in body.owner.attributes.items()
            if isinstance(value, Instance)
        }
        experts = body.owner.attributes.get(self.experts)
        call = next((step for step in body.steps if step.module is experts), None)
        if call is None:
            return None, None
        routed = downstream(body, call.output)
        for total in body.steps:
            operands = [ValueId(x) for x in total.arguments.all() if isinstance(x, TensorValue)]
            sides = [value in routed for value in operands]
            if not made(total, "add") or len(sides) != 2 or sides.count(True) != 1:
                continue
            cone = list(upstream_of(body, operands[sides.index(False)]))
            calls = [step for step in cone if step.module is not None and step is not call]
            gate = next(filter(None, (_gated(body, step, calls) for step in cone)), None)
            shared = [step for step in calls if step is not gate]
            if len(shared) != 1:
                return None, None
            return _named(names, shared[0]), _named(names, gate)
        return None, None


def _named(names: Mapping[Value, str], call: Step | None) -> str | None:
    """The attribute that holds the called module; None if there is none."""
    return names.get(call.module) if call is not None and call.module is not None else None


@port_of("vllm/model_executor/models/transformers/fusers/moe.py", "named_state")
@port_of("vllm/model_executor/models/transformers/utils.py", "named_state")
def named_state(module: Instance) -> Iterator[tuple[str, TensorValue]]:
    """The parameters and buffers of a module and of what it holds, by dotted name."""
    waiting, seen = [("", module)], set[Instance]()
    while waiting:
        prefix, here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        for name, value in here.attributes.items():
            if isinstance(value, TensorValue):
                if value.is_parameter or name in here.buffers or "buffer" in value.tags:
                    yield prefix + name, value
            elif isinstance(value, Instance) and name not in here.hidden and name != "config":
                waiting.append((f"{prefix}{name}.", value))


def upstream(body: Body, step: Step) -> Iterator[Step]:
    """`step` and every step whose result it uses, directly or not."""
    yield step
    seen = {step}
    for value in step.inputs:
        for each in upstream_of(body, value):
            if each not in seen:
                seen.add(each)
                yield each


def upstream_of(body: Body, value: ValueId) -> Iterator[Step]:
    """Every step from which `value` is computed, directly or not."""
    by_output = {step.output: step for step in reversed(body.steps)}
    waiting, seen = [value], set[ValueId]()
    while waiting:
        here = waiting.pop()
        step = by_output.get(here) if here not in seen else None
        seen.add(here)
        if step is not None:
            yield step
            waiting += step.inputs


@port_of("vllm/model_executor/models/transformers/fusers/moe.py", "_reaches")
def downstream(body: Body, value: ValueId) -> set[ValueId]:
    """`value` and every value that is computed from it; steps are in the order of the run."""
    found = {value}
    for step in body.steps:
        if found & set(step.inputs):
            found.add(step.output)
    return found


def _gated(body: Body, step: Step, calls: Collection[Step]) -> Step | None:
    """The call of a module whose result is the input of this sigmoid; else None."""
    if not made(step, "sigmoid") or not step.inputs:
        return None
    value = step.inputs[0]
    source = body.made_by(value)
    while source is not None and source.name in CASTS and source.inputs:
        source = body.made_by(source.inputs[0])
    return source if source is not None and any(source is call for call in calls) else None


@port_of("vllm/model_executor/models/transformers/fusers/moe.py", "_is_scalar_gate")
def _is_scalar_gate(machine: Machine, module: object) -> bool:
    """Whether it is a Linear with a single output."""
    if not isinstance(module, Instance) or not machine.is_instance_of(module, LINEAR):
        return False
    weight = module.attributes.get("weight")
    shape = weight.shape if isinstance(weight, TensorValue) else None
    return shape is not None and len(shape) == 2 and shape[0] == 1
