"""Projections that newer releases find and shard by themselves, whatever the plan says.

Source: vllm/model_executor/models/transformers/fusers (0.25 and later): glu.py, qkv.py,
merged_column.py, and since 0.27 packed_qkv.py. The order of the tries is theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forgather_lint.flow.assign import Assignment
from forgather_lint.flow.dataflow import Body, Step, kind_of
from forgather_lint.flow.engine import Engine, Heads
from forgather_lint.flow.forward_text import traces_completely, written_alike
from forgather_lint.flow.layers import Role
from forgather_lint.interp.machine import Machine
from forgather_lint.model.tree import Tree
from forgather_lint.record import record
from forgather_lint.semantics.names import LINEAR, MODULE
from forgather_lint.values.objects import Instance
from forgather_lint.values.value import Known, TensorValue, Value


@record
class Fusion:
    """One group that the engine shards: column-parallel layers and their row-parallel partner.

    `copies` has, for each of the columns, how often its heads are there before they are shared out.
    """

    kind: str
    columns: tuple[Instance, ...]
    row: Instance | None = None
    copies: tuple[int, ...] = ()

    def shares(self) -> Iterator[tuple[Instance, int]]:
        """Each column with its copies."""
        return zip(self.columns, self.copies or (1,) * len(self.columns), strict=True)


def fusions(
    machine: Machine, bodies: dict[int, Body], engine: Engine, heads: Heads | None, ranks: int
) -> dict[int, Fusion]:
    """The group in each kind of module, by the identity that `dataflow.kind_of` gives."""
    found = {
        kind: _first_fusion(machine, body, engine, heads, ranks) for kind, body in bodies.items()
    }
    return {kind: fusion for kind, fusion in found.items() if fusion is not None}


def _first_fusion(
    machine: Machine, body: Body, engine: Engine, heads: Heads | None, ranks: int
) -> Fusion | None:
    calls = _linear_calls(machine, body)
    if len(calls) < 2:
        return None
    if engine.fuses_glu and (glu := _glu(machine, body, calls)):
        return glu
    if engine.fuses_qkv and (qkv := _qkv(machine, body, calls, engine, heads, ranks)):
        return qkv
    return _merged(machine, body, calls, ranks) if engine.merges_columns else None


def _linear_calls(machine: Machine, body: Body) -> list[Step]:
    """Calls of the module's own Linears; one that is called twice is left out."""
    own = {id(v) for v in body.owner.attributes.values() if isinstance(v, Instance)}
    calls = [
        step
        for step in body.steps
        if step.module is not None
        and id(step.module) in own
        and machine.is_instance_of(step.module, LINEAR)
    ]
    return [c for c in calls if sum(other.module is c.module for other in calls) == 1]


def _glu(machine: Machine, body: Body, calls: list[Step]) -> Fusion | None:
    """`act(self.gate(x)) * self.up(x)`, with `act` a module; the product may feed one Linear."""
    for step in body.steps:
        if step.name != "operator.mul" or len(step.inputs) != 2:
            continue
        for activated, other in (step.inputs, step.inputs[::-1]):
            gate = _behind_activation(machine, body, activated, calls)
            up = next((call for call in calls if call.output == other), None)
            if gate is None or up is None or gate.inputs[:1] != up.inputs[:1]:
                continue
            modules = _modules(gate, up)
            if written_alike(machine, body, modules):
                return Fusion("GLU", modules, _fed_directly(body, step.output, calls))
    return None


def _behind_activation(machine: Machine, body: Body, value: int, calls: list[Step]) -> Step | None:
    """The Linear whose output an activation module turned into `value`."""
    made = body.made_by(value)
    if made is None or made.module is None or machine.is_instance_of(made.module, LINEAR):
        return None
    if not machine.is_instance_of(made.module, MODULE) or len(made.inputs) != 1:
        return None
    return next((call for call in calls if call.output == made.inputs[0]), None)


_CASTS = frozenset({"Tensor.to", "Tensor.type_as", "Tensor.float", "Tensor.half"})


def _fed_directly(body: Body, value: int, calls: list[Step]) -> Instance | None:
    """The Linear that takes `value`, with nothing but casts between."""
    for step in body.uses_of(value):
        if step.name in _CASTS:
            return _fed_directly(body, step.output, calls)
        if any(step is call for call in calls):
            return step.module
    return None


def _qkv(
    machine: Machine,
    body: Body,
    calls: list[Step],
    engine: Engine,
    heads: Heads | None,
    ranks: int,
) -> Fusion | None:
    """Three Linears on one placeholder: keys and values of one width, queries the widest."""
    for placeholder in body.placeholders:
        group = [call for call in calls if call.inputs[:1] == (placeholder,)]
        if len(group) != 3:
            continue
        modules = _modules(*group)
        if _is_qkv(modules, heads) and written_alike(machine, body, modules):
            row = _output_projection(machine, body, modules, engine)
            return Fusion("QKV", modules, row, _copies(modules, heads, ranks))
    return None


def _copies(modules: tuple[Instance, ...], heads: Heads | None, ranks: int) -> tuple[int, ...]:
    """How many ranks share one head of each layer (linear.py, QKVParallelLinear)."""
    if heads is None:
        return (1,) * len(modules)
    counts = [_width(module, "out_features") // heads.size for module in modules]
    return tuple(ranks // n if 0 < n < ranks and ranks % n == 0 else 1 for n in counts)


def _is_qkv(modules: tuple[Instance, ...], heads: Heads | None) -> bool:
    widths = [_width(module, "out_features") for module in modules]
    largest = max(widths)
    others = sorted(widths)[:2]
    alike = len({_width(m, "in_features") for m in modules}) == 1
    biased = len({_has_bias(module) for module in modules}) == 1
    sized = heads is None or all(width % heads.size == 0 for width in widths)
    return alike and biased and sized and others[0] == others[1] and largest >= others[1] > 0


def _width(module: Instance, name: str) -> int:
    value = module.attributes.get(name)
    return value.value if isinstance(value, Known) and isinstance(value.value, int) else 0


def _has_bias(module: Instance) -> bool:
    return isinstance(module.attributes.get("bias"), TensorValue)


def _output_projection(
    machine: Machine, body: Body, modules: tuple[Instance, ...], engine: Engine
) -> Instance | None:
    """The projection behind the attention, where the release can tell which one it is.

    Up to 0.26 the only other Linear as wide as the queries; then the one that makes the returned
    value, if the trace of the forward is complete.
    """
    widest = max(_width(module, "out_features") for module in modules)
    others = [
        value
        for value in body.owner.attributes.values()
        if isinstance(value, Instance)
        and machine.is_instance_of(value, LINEAR)
        and not any(value is module for module in modules)
    ]
    if not engine.output_by_return:
        fitting = [other for other in others if _width(other, "in_features") == widest]
        return fitting[0] if len(fitting) == 1 else None
    if not traces_completely(machine, body.owner):
        return None
    last = [step for step in body.steps if any(step.module is other for other in others)]
    return last[-1].module if last else None


def _merged(machine: Machine, body: Body, calls: list[Step], ranks: int) -> Fusion | None:
    """The one group of Linears on one placeholder; nobody takes care of a partner."""
    groups = [
        [call for call in calls if call.inputs[:1] == (placeholder,)]
        for placeholder in body.placeholders
    ]
    large = [group for group in groups if len(group) >= 2]
    if len(large) != 1:
        return None
    modules = _modules(*large[0])
    divides = all(_width(module, "out_features") % ranks == 0 for module in modules)
    biased = len({_has_bias(module) for module in modules}) == 1
    alike = written_alike(machine, body, modules)
    return Fusion("merged columns", modules) if divides and biased and alike else None


def _modules(*steps: Step) -> tuple[Instance, ...]:
    return tuple(step.module for step in steps if step.module is not None)


def with_fusions(
    assignments: Mapping[int, Assignment],
    tree: Tree,
    bodies: Mapping[int, Body],
    groups: Mapping[int, Fusion],
) -> dict[int, Assignment]:
    """The plan's assignments, overruled where the engine shards by itself."""
    result = dict(assignments)
    for instance in tree.instances.values():
        group = groups.get(kind_of(instance))
        if group is None:
            continue
        names = {id(v): name for name, v in bodies[kind_of(instance)].owner.attributes.items()}
        for module, copies in group.shares():
            _overrule(result, instance.attributes[names[id(module)]], Role.COLUMN, copies)
        if group.row is not None:
            _overrule(result, instance.attributes[names[id(group.row)]], Role.ROW)
    return result


def _overrule(result: dict[int, Assignment], module: Value, role: Role, copies: int = 1) -> None:
    before = result.get(id(module))
    result[id(module)] = Assignment(role, before.where if before else None, copies=copies)
