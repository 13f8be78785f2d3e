"""Which layers the release builds for the Linears of a model, and which of them are quantized."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.engines.vllm.fact_values import Fuser
from forgather_lint.engines.vllm.fusers.fused import Fusion
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.quantized.description import Description
from forgather_lint.engines.vllm.quantized.scheme import (
    CLASSES_OF_LINEAR,
    GPTQ,
    LINEAR,
    MODELOPT,
    PACKED,
    ListedLayers,
    Match,
    Scheme,
)
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.layers import BY_COLUMN, BY_ROW
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Known

PREFIX = "model."
"""The release's name for the base model: names of layers begin with it."""
_MERGED = {"QKV": "qkv_proj", "GLU": "gate_up_proj", "MLA": "fused_qkv_a_proj"}
"""The name of the layer into which the release merges several, by the kind of group."""


@record
class LayerPart:
    """One Linear of the model in a layer of the release, with the number of its rows on a rank."""

    name: str
    linear: Instance
    outputs: int | None


@record
class Layer:
    """A layer that the release builds, from one Linear or from several that it merges.

    `inputs` is the number of columns on a rank, `whole` that over all ranks.
    """

    name: str
    parts: tuple[LayerPart, ...]
    inputs: int | None
    whole: int | None
    split: bool

    @property
    def outputs(self) -> int | None:
        sizes = [part.outputs for part in self.parts]
        return None if None in sizes else sum(size for size in sizes if size is not None)


@record
class UnquantizedParts:
    """The parts of a merged layer that are not quantized, while others are."""

    parts: tuple[str, ...]


@record(eq=False)
class Quantized:
    """The quantized layers of one model.

    `stored` are layers with quantized tensors in the checkpoint, `plain` layers without; None where
    there is no checkpoint to look at.
    """

    scheme: Scheme
    described: Description
    stored: frozenset[str] | None = None
    plain: frozenset[str] | None = None

    @property
    def compared(self) -> bool:
        """Whether the tensors of a checkpoint can be held against the layers."""
        return self.scheme.weights.layout_known

    def is_quantized(self, layer: Layer) -> bool | UnquantizedParts | None:
        """Whether `layer` is.

        Its unquantized parts if it is in part, None where it is not known.
        """
        scheme = self.scheme
        if scheme.method == PACKED:
            return self._targeted(layer)
        if scheme.method == MODELOPT:
            return self._not_excluded(layer)
        if scheme.method == GPTQ:
            taken = scheme.taken or self._stored_layers()
            return _all_or_kept(layer, taken, wanted=True) if taken is not None else True
        kept = scheme.kept
        if scheme.listed_by_checkpoint and self.plain is not None:
            kept = ListedLayers(tuple(sorted(self.plain)), Match.PART, {})
        if kept is None or not kept.names:
            return True
        if len(layer.parts) > 1 and kept.has(layer.name):
            return False
        return _all_or_kept(layer, kept, wanted=False)

    def _stored_layers(self) -> ListedLayers | None:
        """For GPTQ: the layers in the checkpoint; None if there is none."""
        return ListedLayers(tuple(sorted(self.stored)), Match.PART, {}) if self.stored else None

    @port_of(
        "vllm/model_executor/layers/quantization/modelopt.py",
        "ModelOptQuantConfigBase.is_layer_excluded",
    )
    def _not_excluded(self, layer: Layer) -> bool | UnquantizedParts | None:
        """ModelOpt: whole names of the parts first, then wildcards for the layer."""
        kept = self.scheme.kept
        assert kept is not None
        found = _all_or_kept(layer, ListedLayers(kept.names, Match.WHOLE, {}), wanted=False)
        return found if found is not True else not kept.has(layer.name)

    @port_of(
        "vllm/model_executor/layers/quantization/compressed_tensors/utils.py",
        "should_ignore_layer",
    )
    def _targeted(self, layer: Layer) -> bool | UnquantizedParts | None:
        """For compressed-tensors: an exclusion takes precedence over a target."""
        kept, taken = self.scheme.kept, self.scheme.taken
        assert kept is not None and taken is not None
        if (whole := kept.has(layer.name)) is not False:
            return None if whole is None else False
        if len(layer.parts) > 1:
            found = _all_or_kept(layer, kept, wanted=False)
            if found is not True:
                return found
        names = [layer.name, *([part.name for part in layer.parts] if layer.parts[1:] else [])]
        there = [taken.has(name) for name in names]
        if None in there:
            return None
        by_name = there[0] or (len(names) > 1 and all(there[1:]))
        return bool(by_name or self.scheme.all_linear or _by_class(taken))


def _by_class(taken: ListedLayers) -> bool:
    """Whether a target is part of the class name that the release has for all its layers."""
    plain = [name.lower() for name in taken.names if name not in taken.patterns]
    return any(all(name in each for each in CLASSES_OF_LINEAR) for name in (*plain, LINEAR)[:-1])


@port_of("vllm/model_executor/layers/quantization/utils/quant_utils.py", "is_layer_skipped")
def _all_or_kept(
    layer: Layer, listed: ListedLayers, *, wanted: bool
) -> bool | UnquantizedParts | None:
    """Whether all parts are quantized: those listed, or with `wanted` false those not listed."""
    found = [listed.has(part.name) for part in layer.parts]
    if None in found:
        return None
    quantized = [bool(each) is wanted for each in found]
    if len(set(quantized)) == 1:
        return quantized[0]
    pairs = zip(layer.parts, quantized, strict=True)
    return UnquantizedParts(tuple(part.name for part, is_so in pairs if not is_so))


def layers_at(judge: VllmJudge, ranks: int) -> Iterator[Layer]:
    """The layers that the release builds to replace all Linears. May raise."""
    assigned = judge.assignments(ranks)
    fuses = judge.engine.fuses(Fuser.GLU) or judge.engine.fuses(Fuser.QKV)
    groups = judge.groups(ranks) if fuses else {}
    joined: set[str] = set()
    for name, module in judge.subject.tree.instances.items():
        fusion = groups.get(module.first_alike)
        parts = tuple(_parts(judge, name, module, fusion)) if fusion is not None else ()
        if fusion is None or len(parts) < 2:
            continue
        merged = _MERGED.get(fusion.kind) or _columns(parts)
        joined |= {part for part, _ in parts}
        yield _layer(f"{PREFIX}{name}.{merged}".replace("..", "."), parts, assigned, ranks)
    own = frozenset(_run_by_engine(judge))
    for name, module in judge.subject.tree.instances.items():
        if module in assigned and name not in joined and name not in own:
            yield _layer(f"{PREFIX}{name}", ((name, module),), assigned, ranks)


@port_of("vllm/model_executor/models/transformers/fusers/moe.py", "MoEBlockFuser.gate")
@port_of("vllm/model_executor/models/transformers/fusers/moe.py", "MoEBlockFuser.shared_experts")
def _run_by_engine(judge: VllmJudge) -> Iterator[str]:
    """The routers and gates that the layer of experts runs, which are never quantized."""
    for block in judge.subject.experts:
        if block.replaced is not None:
            above = block.name.rpartition(".")[0]
            inner = (
                block.replaced.router.name if block.replaced.router.scoring else None,
                block.replaced.shared_gate,
            )
            yield from (f"{above}.{name}".lstrip(".") for name in inner if name is not None)


def _parts(
    judge: VllmJudge, name: str, module: Instance, fusion: Fusion
) -> Iterator[tuple[str, Instance]]:
    """The Linears of `module` that are merged, by their names in it."""
    owner = judge.bodies[module.first_alike].owner
    names = {value: key for key, value in owner.attributes.items() if isinstance(value, Instance)}
    for each in fusion.stacked:
        found = f"{name}.{names.get(each)}".lstrip(".")
        linear = judge.subject.tree.instances.get(found)
        if linear is not None:
            yield found, linear


@port_of(
    "vllm/model_executor/models/transformers/fusers/merged_column.py",
    "MergedColumnParallelFuser.merged_name",
)
def _columns(parts: tuple[tuple[str, Instance], ...]) -> str:
    leaves = [name.rpartition(".")[2] for name, _ in parts]
    return "merged_proj_" + "_".join(f"{len(leaf)}_{leaf}" for leaf in leaves)


def _layer(
    name: str,
    parts: tuple[tuple[str, Instance], ...],
    assigned: dict[Instance, Assignment],
    ranks: int,
) -> Layer:
    built = tuple(
        LayerPart(f"{PREFIX}{each}", linear, _outputs(linear, assigned.get(linear), ranks))
        for each, linear in parts
    )
    first = parts[0][1]
    whole, assignment = _size(first, "in_features"), assigned.get(first)
    split = assignment is not None and assignment.role in BY_ROW and ranks > 1
    inputs = whole if not split else None if whole is None or whole % ranks else whole // ranks
    return Layer(name, built, inputs, whole, split)


def _outputs(linear: Instance, assignment: Assignment | None, ranks: int) -> int | None:
    size = _size(linear, "out_features")
    if size is None or assignment is None or assignment.role not in BY_COLUMN:
        return size
    if assignment.parts:
        return sum(assignment.parts)
    held = size * assignment.copies
    return None if held % ranks else held // ranks


def _size(linear: Instance, name: str) -> int | None:
    value = linear.attributes.get(name)
    found = value.value if isinstance(value, Known) else None
    return found if isinstance(found, int) else None
