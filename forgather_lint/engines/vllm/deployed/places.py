"""The slots for tensors in what a release builds, by the names under which it looks them up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from enum import Enum, auto

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.engines.vllm.checks.checked_model import HEAD, CheckedModel
from forgather_lint.engines.vllm.checks.weights import is_batch_norm, is_saved
from forgather_lint.engines.vllm.deployed.forms import Stored
from forgather_lint.engines.vllm.fact_values import Fuser
from forgather_lint.engines.vllm.fusers.fusion import with_fusions
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.layers import BY_COLUMN, BY_ROW, split_dimension
from forgather_lint.facts import Parameter
from forgather_lint.libraries.names import EMBEDDING, LINEAR
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import Instance

BASE = "model"
"""The engine's name for the model that AutoModel builds."""


class Kind(Enum):
    """By which code a parameter is loaded."""

    PLAIN = auto()
    WHOLE_LAYER = auto()
    SPLIT_LAYER = auto()
    TABLE = auto()
    EXPERTS = auto()

    @property
    def may_be_missing(self) -> bool:
        """Whether it is of a layer that processes its weights after loading."""
        return self is not Kind.PLAIN


@record
class TensorSlot:
    """A slot for one tensor. `split` is the dimension that ranks share out, None when whole."""

    name: str
    shape: tuple[int | None, ...] | None
    where: Place
    kind: Kind
    split: int | None = None
    certain: bool = True


@record(eq=False)
class Slots:
    """All slots of a model; `aliases` are second names of slots, `buffers` may be missing.

    `modules` are the names of all modules; nothing is known of names below `open_at`, nor of
    further names below `experts`. `fused` maps layers that a release merges to the merged one.
    `quantized` are the slots of quantized layers; below `quantized_experts` are experts that are,
    or may be.
    """

    parameters: Mapping[str, TensorSlot]
    aliases: Mapping[str, str]
    buffers: Mapping[str, TensorSlot]
    modules: frozenset[str]
    open_at: tuple[str, ...]
    experts: tuple[str, ...]
    fused: Mapping[str, str]
    quantized: Mapping[str, Stored] = field(default_factory=dict)
    quantized_experts: tuple[str, ...] = ()

    def get(self, name: str) -> TensorSlot | None:
        """The slot of that name; None if there is none."""
        return self.parameters.get(self.aliases.get(name, name)) or self.buffers.get(name)

    def first_unknown(self, name: str) -> str:
        """The shortest beginning of `name` at which the engine finds nothing."""
        parts = name.split(".")
        for size in range(1, len(parts)):
            if (beginning := ".".join(parts[:size])) not in self.modules:
                return beginning
        return name


def slots_of(seen: CheckedModel, *, tied: bool) -> Slots:
    """The slots for tensors in what the release of `seen` builds."""
    assert seen.judge is not None
    tree = seen.judge.subject.tree
    structure = tree.structure
    experts = tuple(f"{BASE}.{block.name}." for block in seen.judge.subject.experts)
    assigned, fused = _assigned(seen)
    parameters: dict[str, TensorSlot] = {}
    aliases: dict[str, str] = {}
    for each in structure.parameters:
        name = f"{BASE}.{each.name}"
        if each.same_as is not None:
            aliases[name] = f"{BASE}.{each.same_as}"
            continue
        parameters[name] = _slot(seen, name, each, assigned, experts)
    if not tied:
        parameters[f"{HEAD}.weight"] = _head(seen)
    buffers = {slot.name: slot for slot in _buffers(seen)}
    quantized, quantized_experts = _quantize(seen, parameters, buffers)
    modules = frozenset(f"{BASE}.{each.name}".rstrip(".") for each in structure.modules)
    return Slots(
        parameters,
        aliases,
        buffers,
        modules | {HEAD},
        tuple(f"{BASE}.{name}".rstrip(".") for name in structure.open_at),
        experts,
        {f"{BASE}.{name}": layer for name, layer in fused.items()},
        quantized,
        quantized_experts,
    )


def _quantize(
    seen: CheckedModel, parameters: dict[str, TensorSlot], buffers: dict[str, TensorSlot]
) -> tuple[Mapping[str, Stored], tuple[str, ...]]:
    """Replace the slots of weights of quantized layers by those of what is stored.

    Returns these, and the names below which there are quantized experts.
    """
    assert seen.judge is not None
    if seen.judge.quantized is None:
        return {}, ()
    # Few models pay for these.
    from forgather_lint.engines.vllm.quantized.experts import experts_quantized
    from forgather_lint.engines.vllm.quantized.layers import Quantized
    from forgather_lint.engines.vllm.quantized.tensors import stored_layers

    quantized = seen.judge.quantized
    if not isinstance(quantized, Quantized):
        return {}, ()
    experts = tuple(
        f"{BASE}.{block.name}."
        for block in seen.judge.subject.experts
        if experts_quantized(seen.judge, quantized, block) is not False
    )
    made: dict[str, Stored] = {}
    for name, tensors in stored_layers(seen.judge, quantized):
        weight = parameters.pop(f"{name}.weight", None)
        if weight is None:
            continue
        for end, stored in tensors.items():
            slot = replace(weight, name=f"{name}.{end}", shape=stored.shape)
            (parameters if stored.needed else buffers)[slot.name] = slot
            made[slot.name] = stored
    return made, experts


def _assigned(seen: CheckedModel) -> tuple[Mapping[Instance, Assignment], dict[str, str]]:
    """What replaces each Linear at any size, and the names of those that are merged."""
    assert seen.judge is not None
    judge = seen.judge
    try:
        planned = judge.planned
        if not judge.engine.fuses(Fuser.GLU):
            return planned, {}
        groups, tree = judge.groups(1), judge.subject.tree
        assigned = with_fusions(planned, tree, judge.bodies, groups)
    except (Raised, BudgetExceeded):
        return {}, {}
    joined: dict[str, str] = {}
    for name, instance in tree.instances.items():
        owner, _, leaf = name.rpartition(".")
        holder = tree.instances.get(owner)
        group = groups.get(holder.first_alike) if holder is not None else None
        if holder is None or group is None or not _is_linear(seen, instance):
            continue
        first = judge.bodies[holder.first_alike].owner.attributes.get(leaf)
        if any(first is module for module in group.stacked):
            joined[name] = (
                "QKVParallelLinear" if group.kind == "QKV" else "MergedColumnParallelLinear"
            )
    return assigned, joined


def _slot(
    seen: CheckedModel,
    name: str,
    parameter: Parameter,
    assigned: Mapping[Instance, Assignment],
    experts: tuple[str, ...],
) -> TensorSlot:
    assert seen.judge is not None
    owner, _, leaf = parameter.name.rpartition(".")
    module = seen.judge.subject.tree.instances.get(owner)
    kind, split = Kind.PLAIN, None
    assignment = assigned.get(module) if module is not None else None
    if name.startswith(experts) and experts:
        kind = Kind.EXPERTS
    elif assignment is not None:
        role = assignment.role_of(leaf)
        shape = parameter.shape
        if role in BY_COLUMN | BY_ROW and shape:
            split = split_dimension(leaf, len(shape), role)
        kind = Kind.WHOLE_LAYER if split is None else Kind.SPLIT_LAYER
    elif module is not None and _is_table(seen, module):
        kind = Kind.TABLE
    elif module is not None and _is_linear(seen, module):
        kind = Kind.WHOLE_LAYER
    return TensorSlot(name, parameter.shape, parameter.where, kind, split, parameter.certain)


def _is_linear(seen: CheckedModel, module: Instance) -> bool:
    return seen.builder.machine.is_instance_of(module, LINEAR)


def _is_table(seen: CheckedModel, module: Instance) -> bool:
    """Whether the engine treats `module` as a vocabulary table."""
    if not seen.builder.machine.is_instance_of(module, EMBEDDING):
        return False
    structure = seen.judge.subject.tree.structure if seen.judge else None
    name = seen.judge.subject.tree.name_of(module) if seen.judge else None
    found = structure.module(name) if structure and name is not None else None
    return found is not None and found.sizes.get("num_embeddings") == seen.number("vocab_size")


def _head(seen: CheckedModel) -> TensorSlot:
    """The slot of the output layer that the engine builds beside the base model."""
    shape = (seen.number("vocab_size"), seen.number("hidden_size"))
    where = seen.place_of_setting("vocab_size")
    return TensorSlot(f"{HEAD}.weight", shape, where, Kind.TABLE)


def _buffers(seen: CheckedModel) -> Iterator[TensorSlot]:
    """The slots of persistent buffers that the release loads."""
    assert seen.judge is not None
    tree = seen.judge.subject.tree
    loaded = seen.target.vllm.weights.buffers_loaded.value
    for each in tree.structure.buffers:
        owner, _, leaf = each.name.rpartition(".")
        module = tree.instances.get(owner)
        if module is None or not is_saved(module, leaf):
            continue
        if loaded or is_batch_norm(module):
            name = f"{BASE}.{each.name}"
            yield TensorSlot(name, each.shape, each.where, Kind.PLAIN, None, each.certain)
