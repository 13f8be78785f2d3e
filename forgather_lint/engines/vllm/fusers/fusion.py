"""Projections that newer releases recognise and shard by themselves, whatever the plan says.

Source: vllm/model_executor/models/transformers/fusers (0.25 and later): glu.py, qkv.py,
merged_column.py, and since 0.27 packed_qkv.py. They are tried here in the same order; the first of
all, for latent attention, is in latent.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from forgather_lint.core.port import port_of
from forgather_lint.engines.common.forward_text import definition_of
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.vllm.fact_values import Fuser, Hoisting, OutputProjection
from forgather_lint.engines.vllm.fusers.fused import (
    Fusion,
    linear_calls,
    mergeable,
    modules_of,
    returned_linear,
    width,
)
from forgather_lint.engines.vllm.fusers.fuser_text import calls_of
from forgather_lint.engines.vllm.fusers.glu import gated_unit
from forgather_lint.engines.vllm.fusers.packed import packed_qkv
from forgather_lint.engines.vllm.fusers.traced import seen_by_trace
from forgather_lint.engines.vllm.latent import Latent
from forgather_lint.engines.vllm.release import VllmEngine
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.dataflow import Body, Step
from forgather_lint.execution.engine import Heads
from forgather_lint.execution.layers import Role
from forgather_lint.facts.causes.placement import SizeDoesNotDivide
from forgather_lint.libraries.names import LINEAR
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import NONE, Known, Value


def traced_calls(machine: Machine, bodies: Mapping[Instance, Body]) -> dict[Instance, list[Step]]:
    """The calls of Linears that torch.fx reaches in each kind of module that has two or more.

    A Linear that is called twice is left out. They are the same at every number of ranks.
    """
    several = {
        kind: body for kind, body in bodies.items() if len(_linears(machine, body.owner)) > 1
    }
    return {
        kind: seen_by_trace(machine, body, _called_once(machine, body))
        for kind, body in several.items()
    }


def traced_alone(
    machine: Machine, tree: Tree, called: Mapping[Instance, Body]
) -> dict[Instance, int]:
    """The kinds of modules with Linears to fuse that the forward of the model does not call.

    With each the number of arguments that its own forward needs. The release traces every class in
    the tree, whoever calls it.
    """
    found: dict[Instance, int] = {}
    for module in tree.instances.values():
        kind = module.first_alike
        if kind in called or kind in found or len(_linears(machine, kind)) < 2:
            continue
        forward = definition_of(machine, kind)
        if forward is not None:
            needed = [each for each in forward.params.params if each.default is None]
            found[kind] = len(needed) - 1
    return found


def fusions(
    machine: Machine,
    bodies: Mapping[Instance, Body],
    traced: Mapping[Instance, list[Step]],
    engine: VllmEngine,
    heads: Heads | None,
    ranks: int,
    taken: Mapping[Instance, Latent],
) -> dict[Instance, Fusion]:
    """The group in each kind of module (its first instance), of the calls that are `traced` in it.

    Modules in `taken`, as latent attention, are not tried for another.
    """
    found = {
        kind: taken[kind].fusion
        if kind in taken
        else _first_fusion(machine, body, traced.get(kind, []), engine, heads, ranks)
        for kind, body in bodies.items()
    }
    return {kind: fusion for kind, fusion in found.items() if fusion is not None}


@port_of("vllm/model_executor/models/transformers/fuser.py", "get_fusers")
def _first_fusion(
    machine: Machine,
    body: Body,
    calls: list[Step],
    engine: VllmEngine,
    heads: Heads | None,
    ranks: int,
) -> Fusion | None:
    if not calls:
        return None
    size = _head_size(body.owner, heads, engine)
    if engine.fuses(Fuser.GLU) and (glu := gated_unit(machine, body, calls, engine, ranks)):
        return glu
    if engine.fuses(Fuser.QKV) and (qkv := _qkv(machine, body, calls, engine, size, ranks)):
        return qkv
    if engine.fuses(Fuser.PACKED_QKV):
        modules = list(_linears(machine, body.owner).values())
        packed = packed_qkv(machine, body, calls, modules, size, ranks)
        if packed is not None:
            return packed
    return _merged(machine, body, calls, engine, ranks) if engine.fuses(Fuser.COLUMNS) else None


def _called_once(machine: Machine, body: Body) -> list[Step]:
    calls = linear_calls(machine, body)
    return [c for c in calls if sum(other.module is c.module for other in calls) == 1]


@port_of("vllm/model_executor/models/transformers/fusers/qkv.py", "QKVFuser.match")
def _qkv(
    machine: Machine,
    body: Body,
    calls: list[Step],
    engine: VllmEngine,
    size: int,
    ranks: int,
) -> Fusion | None:
    """Three Linears with the same input: keys and values of equal width, queries the widest."""
    for placeholder in body.placeholders:
        group = [call for call in calls if call.inputs[:1] == (placeholder,)]
        if len(group) != 3:
            continue
        modules = modules_of(*group)
        if _is_qkv(modules, size) and _is_one_call(machine, body, modules, engine):
            row = _output_projection(machine, body, modules, engine)
            copies = _copies(modules, size, ranks)
            kv = min(width(module, "out_features") for module in modules) // (size or 1)
            return Fusion("QKV", modules, row, copies, head_size=size, kv_heads=kv)
    return None


@port_of("vllm/model_executor/models/transformers/fusers/base.py", "fused_head_size")
def _head_size(module: Instance, heads: Heads | None, engine: VllmEngine) -> int:
    """The size that widths are divided by; 0 when it is not known."""
    of_module = engine.profile.fusers.head_size_of_module.value
    own = module.attributes.get("head_dim") if of_module else None
    if isinstance(own, Known) and isinstance(own.value, int) and own.value:
        return own.value
    return heads.size if heads is not None and own in (None, NONE) else 0


def _is_one_call(
    machine: Machine, body: Body, modules: tuple[Instance, ...], engine: VllmEngine
) -> bool:
    """Whether one call can replace the three, and no other Linear has the same input."""
    hoisting = engine.profile.fusers.hoisting.value
    calls = calls_of(machine, body.owner, modules, hoisting)
    if calls is None or not calls.alike():
        return False
    if not calls.exclusive(_linears(machine, body.owner)):
        return False
    return calls.stable() if hoisting is Hoisting.INPUT_STABLE else calls.in_one_block()


def _linears(machine: Machine, owner: Instance) -> dict[str, Instance]:
    """The Linears among a module's children, by name."""
    return {
        name: value
        for name, value in owner.attributes.items()
        if isinstance(value, Instance) and machine.is_instance_of(value, LINEAR)
    }


@port_of("vllm/model_executor/layers/linear.py", "QKVParallelLinear.__init__")
def require_heads_to_divide(group: Fusion, engine: VllmEngine, ranks: int) -> None:
    """Raise what a fused projection raises for KV heads that the ranks cannot share out.

    With at least as many ranks as heads, each head is on several ranks.
    """
    fact = engine.profile.fusers.kv_heads_uneven.value
    if not group.head_size or fact.effect is not Effect.ERROR:
        return
    narrowest = min(group.columns, key=lambda module: width(module, "out_features"))
    large, small = max(group.kv_heads, ranks), min(group.kv_heads, ranks)
    if small > 0 and large % small:
        text = fact.say(heads=large, size=small)
        cause = SizeDoesNotDivide(group.kv_heads, "KV heads")
        raise Raised(fact.raises, text, narrowest.where, cause=cause)


def _copies(modules: tuple[Instance, ...], size: int, ranks: int) -> tuple[int, ...]:
    """How many ranks share one head of each layer (linear.py, QKVParallelLinear)."""
    if not size:
        return (1,) * len(modules)
    counts = [width(module, "out_features") // size for module in modules]
    return tuple(ranks // n if 0 < n < ranks and ranks % n == 0 else 1 for n in counts)


@port_of("vllm/model_executor/models/transformers/fusers/qkv.py", "QKVFuser.validate")
def _is_qkv(modules: tuple[Instance, ...], size: int) -> bool:
    widths = [width(module, "out_features") for module in modules]
    largest = max(widths)
    others = sorted(widths)[:2]
    sized = not size or all(width % size == 0 for width in widths)
    return mergeable(modules) and sized and others[0] == others[1] and largest >= others[1] > 0


@port_of("vllm/model_executor/models/transformers/fusers/qkv.py", "QKVFuser.update_attrs")
def _output_projection(
    machine: Machine, body: Body, modules: tuple[Instance, ...], engine: VllmEngine
) -> Instance | None:
    """The projection behind the attention, if the release recognises it; else None.

    Up to 0.26 it is the only other Linear as wide as the queries; later the one that computes the
    returned value, if torch.fx traces the whole forward.
    """
    widest = max(width(module, "out_features") for module in modules)
    linears = _linears(machine, body.owner).values()
    others = [value for value in linears if not any(value is module for module in modules)]
    if engine.profile.fusers.output_projection.value is not OutputProjection.RETURNED:
        fitting = [other for other in others if width(other, "in_features") == widest]
        return fitting[0] if len(fitting) == 1 else None
    return returned_linear(machine, body, others)


@port_of(
    "vllm/model_executor/models/transformers/fusers/merged_column.py",
    "MergedColumnParallelFuser.match",
)
@port_of(
    "vllm/model_executor/models/transformers/fusers/merged_column.py",
    "MergedColumnParallelFuser.validate",
)
def _merged(
    machine: Machine, body: Body, calls: list[Step], engine: VllmEngine, ranks: int
) -> Fusion | None:
    """The one group of Linears with the same input.

    Their row-parallel partner is left to the plan.
    """
    groups = [
        [call for call in calls if call.inputs[:1] == (placeholder,)]
        for placeholder in body.placeholders
    ]
    large = [group for group in groups if len(group) >= 2]
    if len(large) != 1:
        return None
    modules = modules_of(*large[0])
    divides = all(width(module, "out_features") % ranks == 0 for module in modules)
    text = calls_of(machine, body.owner, modules, engine.profile.fusers.hoisting.value)
    if text is None or not divides or not mergeable(modules):
        return None
    fits = text.alike() and text.in_one_block() and text.stable()
    return Fusion("merged columns", modules) if fits else None


def with_fusions(
    assignments: Mapping[Instance, Assignment],
    tree: Tree,
    bodies: Mapping[Instance, Body],
    groups: Mapping[Instance, Fusion],
) -> dict[Instance, Assignment]:
    """The plan's assignments, overridden where the engine shards by itself."""
    result = dict(assignments)
    for instance in tree.instances.values():
        group = groups.get(instance.first_alike)
        if group is None:
            continue
        names = {v: name for name, v in bodies[instance.first_alike].owner.attributes.items()}
        for module, copies in group.shares():
            named = instance.attributes[names[module]]
            _overrule(result, named, Role.COLUMN, copies, group.parts)
        for module in group.whole:
            _overrule(result, instance.attributes[names[module]], Role.REPLICATED)
        if group.row is not None:
            _overrule(result, instance.attributes[names[group.row]], Role.ROW)
    return result


def _overrule(
    result: dict[Instance, Assignment],
    module: Value,
    role: Role,
    copies: int = 1,
    parts: tuple[int, ...] = (),
) -> None:
    assert isinstance(module, Instance)
    before = result.get(module)
    result[module] = Assignment(role, before.where if before else None, copies=copies, parts=parts)
