"""Which layers of a model are quantized, and what the release makes of them on several ranks.

*Serves* is claimed only for forms that the kernels of both GPUs and CPUs take; which kernel
computes a layer depends on the device, so that anything else is left undecided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.engines.fact import Effect, Fact, Reaction
from forgather_lint.engines.vllm.fact_values import Fuser
from forgather_lint.engines.vllm.fusers.fused import Fusion
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.quantized.description import Description
from forgather_lint.engines.vllm.quantized.scheme import (
    AWQ,
    BITS_AND_BYTES,
    CLASSES_OF_LINEAR,
    GPTQ,
    LINEAR,
    MODELOPT,
    PACKED,
    WORD,
    Form,
    ListedLayers,
    Match,
    Scheme,
)
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.layers import BY_COLUMN, BY_ROW
from forgather_lint.execution.outcome import Outcome, Verdict, undecided
from forgather_lint.facts.cause import Cause
from forgather_lint.facts.causes.quantization import GroupsCut, SchemesDiffer, WeightsNotSplit
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Raised
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
    for name, module in judge.subject.tree.instances.items():
        if module in assigned and name not in joined:
            yield _layer(f"{PREFIX}{name}", ((name, module),), assigned, ranks)


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


def judged(judge: VllmJudge, quantized: Quantized, ranks: int) -> Outcome | None:
    """Why the quantized layers cannot be served on `ranks` ranks; None: they can."""
    where = place_of(quantized)
    if quantized.scheme.method == BITS_AND_BYTES:
        return _not_split(judge, quantized) if ranks > 1 else None
    try:
        layers = list(layers_at(judge, ranks))
    except Raised:
        return None
    except BudgetExceeded as error:
        return undecided(error.reason, where)
    open_ones: list[Outcome] = []
    for layer in layers:
        found = quantized.is_quantized(layer)
        if isinstance(found, UnquantizedParts):
            refused = _schemes_differ(judge, quantized, layer, found)
            if refused is not None:
                return refused
            found = None
        if found is None:
            open_ones.append(undecided(f"whether {layer.name} is quantized is not known", where))
        elif found:
            outcome = _of_layer(judge, quantized, layer, ranks)
            if outcome is not None and outcome.verdict is not Verdict.UNKNOWN:
                return outcome
            open_ones += [outcome] if outcome is not None else []
    return open_ones[0] if open_ones else None


@port_of(
    "vllm/model_executor/model_loader/bitsandbytes_loader.py",
    "BitsAndBytesModelLoader._verify_model_compatibility",
)
def _not_split(judge: VllmJudge, quantized: Quantized) -> Outcome | None:
    """Weights of bitsandbytes have one description each, which is not for a share of them."""
    fact = judge.profile.quantization.prepared_not_split
    cause = WeightsNotSplit(quantized.scheme.method)
    return _outcome(quantized, fact, cause, "quant_method", {})


def place_of(quantized: Quantized, key: str = "") -> Place:
    """The place of `key` in the config, or where it would be; without `key`, of the description."""
    return quantized.described.place(*([key] if key else []))


def _schemes_differ(
    judge: VllmJudge, quantized: Quantized, layer: Layer, kept: UnquantizedParts
) -> Outcome | None:
    facts = judge.profile.quantization
    packed = quantized.scheme.method == PACKED
    fact = facts.schemes_differ if packed else facts.shards_differ
    leaves = tuple(part.name.rpartition(".")[2] for part in layer.parts)
    cause = SchemesDiffer(layer.name, leaves, tuple(each.rpartition(".")[2] for each in kept.parts))
    told = {"layer": layer.name, "parts": list(leaves)}
    return _outcome(quantized, fact, cause, quantized.scheme.listed, told)


def _of_layer(judge: VllmJudge, quantized: Quantized, layer: Layer, ranks: int) -> Outcome | None:
    """The problem with one quantized layer; None if there is none."""
    weights, where = quantized.scheme.weights, place_of(quantized)
    inputs, outputs = layer.inputs, layer.outputs
    if inputs is None or outputs is None:
        return undecided(f"the size of {layer.name} is not known", where)
    if weights.form is Form.FP8_BLOCK:
        return _blocks(judge, quantized, layer, ranks)
    if quantized.scheme.method == MODELOPT:
        return _of_modelopt(judge, quantized, layer, inputs)
    if weights.form is Form.AWQ and weights.group < 0 and layer.split:
        return undecided(f"{layer.name} has one scale for what several ranks share", where)
    if weights.group > 0 and inputs % weights.group:
        return _cut(judge, quantized, layer, inputs)
    most = judge.profile.quantization.kernels_take.value
    if inputs % most or outputs % most or not _fills_words(quantized, inputs, outputs):
        reason = f"{layer.name} of {outputs} times {inputs} is computed by some devices only"
        return undecided(reason, where)
    return None


@port_of("vllm/model_executor/layers/quantization/modelopt.py", "KNvfp4Static.create_weights")
@port_of("vllm/model_executor/layers/quantization/modelopt.py", "KFp8Block128.create_weights")
@port_of("vllm/model_executor/layers/quantization/modelopt.py", "KMxfp8Static.create_weights")
def _of_modelopt(
    judge: VllmJudge, quantized: Quantized, layer: Layer, inputs: int
) -> Outcome | None:
    """What a rank has of the input of a layer is held against the size of groups alone."""
    weights, facts = quantized.scheme.weights, judge.profile.quantization
    facts_of = {
        Form.NVFP4: facts.nvfp4_groups_cut,
        Form.MXFP8: facts.mxfp8_groups_cut,
        Form.FP8_PB_WO: facts.modelopt_tiles_cut,
    }
    fact = facts_of.get(weights.form)
    if fact is None or inputs % weights.group == 0:
        return None
    cause = GroupsCut(layer.name, inputs, weights.group)
    told = {"width": inputs, "layer": layer.name, "group": weights.group}
    where = place_of(quantized)
    undecided_one = undecided(f"the input of {layer.name} is no whole number of groups", where)
    return _outcome(quantized, fact, cause, "quant_algo", told) or undecided_one


def _fills_words(quantized: Quantized, inputs: int, outputs: int) -> bool:
    weights = quantized.scheme.weights
    per_word = WORD // weights.bits if weights.bits else WORD
    return not (inputs % per_word or outputs % per_word)


def _cut(judge: VllmJudge, quantized: Quantized, layer: Layer, inputs: int) -> Outcome | None:
    """The problem if the input, or a rank's share of it, is no whole number of groups."""
    facts, scheme = judge.profile.quantization, quantized.scheme
    fact = {GPTQ: facts.gptq_groups_cut, AWQ: facts.awq_groups_cut}.get(
        scheme.method, facts.packed_groups_cut
    )
    where, group = place_of(quantized), scheme.weights.group
    if (scheme.method != PACKED and not layer.split) or fact.value.effect is Effect.NONE:
        return undecided(f"the input of {layer.name} is no whole number of groups", where)
    cause = GroupsCut(layer.name, inputs, group)
    told = {"width": inputs, "layer": layer.name, "group": group}
    key = "group_size" if "group_size" in quantized.described.said else "q_group_size"
    return _outcome(quantized, fact, cause, key, told)


@port_of("vllm/model_executor/layers/quantization/utils/fp8_utils.py", "validate_fp8_block_shape")
def _blocks(judge: VllmJudge, quantized: Quantized, layer: Layer, ranks: int) -> Outcome | None:
    facts, (rows, columns) = judge.profile.quantization, quantized.scheme.weights.block
    inputs, where = layer.inputs or 0, place_of(quantized)
    key = "weight_block_size"
    if layer.split and inputs % columns:
        cause = GroupsCut(layer.name, inputs, columns)
        return _outcome(
            quantized, facts.block_columns_cut, cause, key, {"width": inputs, "block": columns}
        )
    assignment = judge.assignments(ranks).get(layer.parts[0].linear)
    by_column = assignment is not None and assignment.role in BY_COLUMN and ranks > 1
    checked = layer.parts if by_column else layer.parts[:-1]
    for part in checked:
        if part.outputs is not None and part.outputs % rows:
            cause = GroupsCut(layer.name, part.outputs, rows, rows=True)
            told = {"width": part.outputs, "block": rows}
            return _outcome(quantized, facts.block_rows_cut, cause, key, told)
    return undecided("which devices compute blocks of FP8 is not known", where)


_VERDICTS = {Effect.ERROR: Verdict.FAILS, Effect.SILENT: Verdict.WRONG}


def _outcome(
    quantized: Quantized,
    fact: Fact[Reaction],
    cause: Cause,
    key: str,
    told: Mapping[str, object],
) -> Outcome | None:
    says = fact.value
    verdict = _VERDICTS.get(says.effect)
    if verdict is None:
        return None
    text = f"{says.raises}: {says.say(**told)}" if says.raises else cause.told
    return Outcome(verdict, cause, text, place_of(quantized, key))
