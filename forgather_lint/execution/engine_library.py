"""The standard library, with an engine's attention behind transformers' attention interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.execution.attention_runs import AttentionRuns
from forgather_lint.execution.engine import (
    ATTENTION_INSTANCES,
    Compressed,
    Engine,
    EngineAttention,
    Heads,
)
from forgather_lint.execution.kept_state import KeptByForward
from forgather_lint.execution.narrow_ids import WHOLE_IDS, note_narrow_ids, require_whole_ids
from forgather_lint.facts.causes.attention import BiasLeftOut, KeywordLost, NoAttentionForLayer
from forgather_lint.facts.causes.experts import ExpertsUsedAsList
from forgather_lint.facts.causes.placement import (
    HeadSizeDiffers,
    NotSplitByHeads,
    PartialUsed,
    ReshapeDoesNotFit,
    SizesDiffer,
    TooManyHeads,
)
from forgather_lint.facts.release import Effect
from forgather_lint.libraries.aliases import Aliases
from forgather_lint.libraries.element_types import leave_to_types, refusal
from forgather_lint.libraries.masks import is_causal
from forgather_lint.libraries.names import ATTENTION_INTERFACE, FUSED_EXPERTS, MASK_FUNCTIONS
from forgather_lint.libraries.operands import is_none
from forgather_lint.libraries.positions import is_bias
from forgather_lint.libraries.propagation import since
from forgather_lint.libraries.standard import StandardLibrary
from forgather_lint.libraries.torch.rows_apart import WITHIN_HEADS, rows_apart
from forgather_lint.model.tree import Tree, class_name
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.loop_index import decide
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.placement import (
    Partial,
    Placement,
    Replicate,
    Shard,
    Undecided,
    Wrong,
)
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    External,
    Known,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
)

EXPANSION = "engine.latent_expansion"
"""Replaces the method that expands compressed keys and values: it returns them as they are."""
_NAMES = ("query", "key", "value")
_CAUSAL = frozenset(
    f"transformers.create_{each}" for each in ("causal_mask", "sliding_window_causal_mask")
)
"""Functions whose masks are causal, but for windows of the config."""
_OTHER_MASKS = frozenset(("or_mask_function", "and_mask_function", "block_sequence_ids"))
"""Keywords of these functions by which a mask shows or hides something else."""
_ROWS_APART = (
    "view size is not compatible with input tensor's size and stride (at least one dimension spans "
    "across two contiguous subspaces). Use .reshape(...) instead."
)
_KEYWORD_LOST = "'NoneType' object is not subscriptable"
"""The error of the attention when its keyword has not been passed on to it."""


_OTHER_TYPE = "expected scalar type {left} but found {right}"
"""The error of the kernel that keeps keys and values."""


def leave_out_expansions(machine: Machine, tree: Tree, heads: Heads | None) -> None:
    """Replace the methods that the engine skips by `EXPANSION`, until the trail is rolled back."""
    if heads is None or heads.compressed is None:
        return
    for instance in tree.instances.values():
        name = heads.compressed.expansions.get(instance.first_alike)
        if name is not None:
            machine.trail.stand_in(instance, name, External(EXPANSION))


@record(frozen=False)
class EngineLibrary(StandardLibrary):
    """The standard library with the engine's attention behind transformers' interface."""

    engine: Engine
    ranks: int
    heads: Heads | None
    attention_runs: AttentionRuns = field(default_factory=AttentionRuns)
    mask_left_out: bool = False
    """Whether transformers would have made a mask: it makes none for the engine's attention."""
    regrouped: HeadSizeDiffers | None = None
    """Set where the attention has heads of another size than those it was given."""
    kept: tuple[Value, Value] | None = None
    """The arguments of the last call of `EXPANSION`: what the engine caches."""
    state: KeptByForward | None = None
    aliases: Aliases = field(default_factory=Aliases)

    def __post_init__(self) -> None:
        StandardLibrary.__init__(self)

    def call(self, machine: Machine, name: str, arguments: Arguments, where: Place) -> Value:
        arguments = self.aliases.current(arguments)
        if name == EXPANSION:
            self.kept = arguments.positional[0], arguments.positional[1]
            return TupleValue(self.kept)
        if name == ATTENTION_INTERFACE and self.engine.attention:
            self.attention_runs.attends()
            return self._attention(machine, self.engine.attention, arguments, where)
        narrow = self.engine.handed_on.ids != WHOLE_IDS
        try:
            if narrow:
                require_whole_ids(name, arguments, where)
            made = StandardLibrary.call(self, machine, name, arguments, where)
        except Raised as error:
            if isinstance(error.cause, SizesDiffer) and any(
                map(_is_bare_parameter, arguments.all())
            ):
                error.cause = error.cause.with_parameter()
            if name.startswith(FUSED_EXPERTS):
                error.cause = ExpertsUsedAsList()
            raise
        if narrow:
            note_narrow_ids(machine, name, arguments, made, where)
        made = self.aliases.called(name, arguments, made, where)
        if self.state is not None:
            self.state.called(name, arguments, made, where)
        if name not in MASK_FUNCTIONS or not self.engine.attention:
            return made
        self.mask_left_out = self.mask_left_out or made is not NONE
        if name not in _CAUSAL or not _OTHER_MASKS.isdisjoint(arguments.keywords):
            machine.leave_unproved(Unknown("mask-not-known-to-be-causal", where))
        return NONE

    def on_written(self, target: Value, made: Value, where: Place) -> Value:
        if not isinstance(target, TensorValue):
            return made
        made = StandardLibrary.on_written(self, target, made, where)
        if self.state is not None:
            self.state.called("Tensor.add_", Arguments([target]), made, where)
        return self.aliases.written(target, made, where)

    def on_replaced(
        self, machine: Machine, target: Value, name: str, value: Value, where: Place
    ) -> None:
        """What `x.data = y` leaves in `x` is not known, and outlasts the forward where `x` does."""
        if name != "data" or not isinstance(target, TensorValue):
            return
        self.aliases.overwritten(target, where)
        if self.state is not None:
            self.state.called("Tensor.set_", Arguments([target]), NONE, where)

    @port_of("vllm/model_executor/models/transformers/__init__.py", "vllm_attention_forward")
    def _attention(
        self, machine: Machine, own: EngineAttention, arguments: Arguments, where: Place
    ) -> Value:
        """Takes `[1, heads, tokens, head size]`, returns `[tokens, heads * head size]` and None."""
        if self.engine.handed_on.attention:
            self._require_keyword(arguments, where)
        if any(name not in arguments.keywords for name in self.engine.handed_on.others):
            return Unknown("engine-argument-not-handed-on", where)
        self._require_layer(own, arguments, where)
        names = ("module", "query", "key", "value", "attention_mask")
        given = dict(zip(names, arguments.positional, strict=False)) | arguments.keywords
        parts = [given.get(name, NONE) for name in _NAMES]
        if self.heads is None:
            return Unknown("unknown-head-count", where)
        if self.heads.compressed is not None:
            return self._attend_compressed(given, self.heads.compressed, where)
        tensors = [part for part in parts if isinstance(part, TensorValue)]
        if len(tensors) != 3 or any(t.shape is None or len(t.shape) != 4 for t in tensors):
            return _unknown_output(tensors, where)
        _require_types(machine, tensors, where)
        made = self._attend(own, tensors, self.heads, where)
        if not isinstance(made.placement, Wrong) and not _of_same_tokens(tensors):
            made = replace(made, placement=Undecided("keys-beside-the-tokens", where))
        mask = given.get("attention_mask", NONE)
        if isinstance(made.placement, Wrong):
            return TupleValue((made, NONE))
        if is_bias(mask):
            made = replace(made, placement=Wrong(BiasLeftOut(), where))
        elif _differs_by_head(mask):
            made = replace(made, placement=Undecided("mask-for-each-head-not-used", where))
        elif not is_none(mask) and not is_causal(mask):
            made = replace(made, placement=Undecided("mask-not-known-to-be-causal", where))
        return TupleValue((made, NONE))

    @port_of("vllm/model_executor/models/transformers/__init__.py", "vllm_mla_attention_forward")
    def _attend_compressed(
        self, given: Mapping[str, Value], sizes: Compressed, where: Place
    ) -> Value:
        """Attention of queries by heads over the compressed cache, the same on every rank."""
        module = given.get("module")
        if not isinstance(module, Instance) or module.first_alike not in sizes.expansions:
            return Unknown("attention-beside-latent", where)
        query, kept, rotary = (given.get(name, NONE) for name in ("query", "key", "value"))
        if self.kept is None or kept is not self.kept[0] or rotary is not self.kept[1]:
            # What the model does with expanded keys happens to what is kept instead.
            return Unknown("compressed-keys-changed", where)
        if (
            not isinstance(query, TensorValue)
            or query.shape is None
            or len(query.shape) != 4
            or dims.compare(dims.local(query.shape[3] or 0), sizes.whole) != 0
            or not _is_one_for_all(kept, sizes.rank)
            or not _is_one_for_all(rotary, sizes.rotary)
        ):
            return Unknown("latent-attention-input", where)
        placement = query.placement
        if self.ranks > 1 and not (isinstance(placement, Shard) and placement.dim == 1):
            return Unknown("latent-attention-input", where)
        heads = query.shape[1]
        width = None if heads is None else dims.multiply(dims.local(heads), sizes.value)
        if isinstance(placement, Shard):
            placement = Shard(1, placement.since)
            width = None if width is None else dims.sharded(width)
        output = TensorValue((query.shape[2], width), placement, query.dtype, where)
        return TupleValue((output, NONE))

    def _require_layer(self, own: EngineAttention, arguments: Arguments, where: Place) -> None:
        """Raise what the engine raises for a layer that the config does not count."""
        module = arguments.all()[0] if arguments.all() else None
        layers = self.heads.layers if self.heads is not None else None
        if own.of_no_layer.effect is not Effect.ERROR or layers is None:
            return
        said = module.attributes.get("layer_idx") if isinstance(module, Instance) else None
        if not isinstance(module, Instance) or not isinstance(said, Known):
            return
        index = said.value
        if isinstance(index, int) and decide(lambda number: number >= layers, said):
            cause = NoAttentionForLayer(class_name(module), index, layers)
            text = own.of_no_layer.say(**{"class": cause.name, "layer": index})
            raise Raised(own.of_no_layer.raises, text, where, cause=cause)

    def _require_keyword(self, arguments: Arguments, where: Place) -> None:
        found = arguments.keywords.get(ATTENTION_INSTANCES)
        lost = found is None or (isinstance(found, Known) and found.value is None)
        if lost and arguments.rest is None:
            raise Raised("TypeError", _KEYWORD_LOST, where, cause=KeywordLost())

    def _attend(
        self, own: EngineAttention, tensors: list[TensorValue], heads: Heads, where: Place
    ) -> TensorValue:
        here = Heads(heads.query // self.ranks, max(1, heads.kv // self.ranks), heads.size)
        query = tensors[0]
        assert query.shape is not None
        wanted = (here.query, here.kv, here.kv)
        padded = [*tensors[:2], tensors[2]]
        if own.pads_values:
            padded[2] = _padded(tensors[2], tensors[0])
        narrow = padded[2] is not tensors[2]
        if narrow and rows_apart(tensors[2]) == 2:
            raise Raised("RuntimeError", _ROWS_APART, where)
        sizes = list(map(_head_size, padded))
        alike = all(size == here.size for size in sizes)
        if not alike and (None in sizes or not heads.uniform):
            return TensorValue(None, Undecided("unknown-head-size", where), query.dtype, where)
        surplus = [
            _check_heads(tensor, count, here.size, where)
            for tensor, count in zip(padded, wanted, strict=True)
        ]
        for name, tensor, more in zip(_NAMES, tensors, surplus, strict=True):
            _require_one_row(name, tensor, more, where)
        width = _width(query) if own.surplus_heads_pass else _output_width(here, tensors, padded[2])
        placement = self._placement(tensors, surplus, where)
        if not alike:
            placement = self._regrouped(tensors, here.size, where)
        if narrow and not isinstance(placement, Wrong) and WITHIN_HEADS not in tensors[2].tags:
            # What the engine pads it first views by heads, which a part of wider rows is not fit
            # for; and projections of one input may be parts of one.
            placement = Undecided("values-narrower-than-keys", where)
        if isinstance(placement, Shard) and isinstance(width, int):
            width = dims.sharded(width)
        return TensorValue((query.shape[2], width), placement, query.dtype, where)

    def _regrouped(self, tensors: list[TensorValue], size: int, where: Place) -> Placement:
        """The placement where the attention cuts the features into other heads."""
        own = next((each for t in tensors if (each := _head_size(t)) != size), None)
        self.regrouped = HeadSizeDiffers(str(own), size)
        settled = next((t.placement for t in tensors if isinstance(t.placement, Wrong)), None)
        return settled or Wrong(self.regrouped, where)

    def _placement(
        self, tensors: list[TensorValue], surplus: list[bool | None], where: Place
    ) -> Placement:
        settled = next((t.placement for t in tensors if isinstance(t.placement, Wrong)), None)
        if settled is not None:
            return settled
        undecided = [t.placement for t in tensors if isinstance(t.placement, Undecided)]
        if undecided or None in surplus:
            return undecided[0] if undecided else Undecided("unknown-head-count", where)
        if any(surplus):
            return self._too_many(tensors, surplus, where)
        if self.ranks == 1:
            return Replicate()
        return self._of_parts(tensors, where)

    def _too_many(
        self, tensors: list[TensorValue], surplus: list[bool | None], where: Place
    ) -> Placement:
        whole = tuple(n for n, more in zip(_NAMES, surplus, strict=True) if more)
        sharded = (since(tensor.placement) for tensor in tensors)
        return Wrong(TooManyHeads(whole), where, next(filter(None, sharded), None))

    def _of_parts(self, tensors: list[TensorValue], where: Place) -> Placement:
        """The placement of this rank's heads; keys and values may be one replicated head."""
        query, key, value = (tensor.placement for tensor in tensors)
        if not isinstance(query, Shard) or query.dim != 1:
            return _not_heads("query", query, where)
        for name, placement in (("key", key), ("value", value)):
            if isinstance(placement, Shard) and placement.dim == 1:
                continue
            replicated = isinstance(placement, Replicate) and self.heads and self.heads.kv == 1
            if not replicated:
                return _not_heads(name, placement, where)
        return Shard(1, query.since)


def _require_types(machine: Machine, tensors: list[TensorValue], where: Place) -> None:
    """Raise what the cache does with keys or values that are not of its type, the model's.

    Queries alone of another type are taken by some kernels and refused by others.
    """
    query, *kept = (tensor.dtype for tensor in tensors)
    cached = machine.environment.dtype
    for dtype in kept:
        refused = refusal(machine, dtype, cached, _OTHER_TYPE, where)
        if refused is not None:
            raise Raised("RuntimeError", refused.text, where, cause=refused.cause)
    if query not in (None, cached):
        leave_to_types(machine, _OTHER_TYPE.format(left=cached, right=query), where)


def _is_bare_parameter(value: Value) -> bool:
    """Whether the value is a parameter that no layer holds, so that each rank has it whole."""
    return isinstance(value, TensorValue) and value.is_parameter


def _of_same_tokens(tensors: Sequence[TensorValue]) -> bool:
    """Whether there surely is one key and one value for each query, as the engine takes them."""
    counts = [tensor.shape[2] if tensor.shape else None for tensor in tensors]
    return all(count is not None and dims.compare(count, counts[0] or 0) == 0 for count in counts)


def _not_heads(name: str, placement: Placement, where: Place) -> Placement:
    if isinstance(placement, Partial):
        return Wrong(PartialUsed(f"{name} is a partial sum"), where, placement.since)
    return Wrong(NotSplitByHeads(name), where, since(placement))


def _width(tensor: TensorValue) -> Size | None:
    assert tensor.shape is not None
    heads, size = tensor.shape[1], tensor.shape[3]
    if heads is None or size is None:
        return None
    return dims.multiply(dims.local(heads), dims.local(size))


@port_of("vllm/model_executor/layers/attention/attention.py", "Attention.forward")
def _output_width(here: Heads, tensors: list[TensorValue], padded: TensorValue) -> Size | None:
    """The features that the attention returns for a token; None where that is not known.

    Values that were `padded` to the width of the queries are cut again.
    """
    query, value = tensors[0], tensors[2]
    whole = here.query * here.size
    if padded is value:
        return whole
    assert query.shape is not None
    assert value.shape is not None
    heads = dims.divide_exactly(whole, dims.local(query.shape[3] or 0))
    return None if heads is None else dims.multiply(heads, dims.local(value.shape[3] or 0))


def _padded(value: TensorValue, query: TensorValue) -> TensorValue:
    """`value`, padded to the width of the queries where it is narrower."""
    assert value.shape is not None
    assert query.shape is not None
    narrow, size = value.shape[3], query.shape[3]
    if narrow is None or size is None or dims.compare(narrow, size) != -1:
        return value
    return TensorValue((*value.shape[:3], size), value.placement, value.dtype, value.origin)


def _is_one_for_all(kept: Value, size: int) -> bool:
    """Whether the tensor is `[1, 1, tokens, size]` and the same on every rank."""
    shape = kept.shape if isinstance(kept, TensorValue) else None
    return (
        isinstance(kept, TensorValue)
        and isinstance(kept.placement, Replicate)
        and shape is not None
        and len(shape) == 4
        and shape[1] == 1
        and shape[3] == size
    )


def _check_heads(tensor: TensorValue, count: int, size: int, where: Place) -> bool | None:
    """Whether the tensor holds more heads than `count`, None when that is not known.

    The engine views it as `[-1, count, size]`, whatever its heads were. Raises what torch raises
    when it holds fewer.
    """
    width = _width(tensor)
    if not isinstance(width, int):
        return None
    if width % (count * size):
        cause = ReshapeDoesNotFit(("-1", str(count), str(size)), f"{width}*S")
        raise Raised("RuntimeError", cause.error, where, cause=cause)
    return width > count * size


@port_of("vllm/model_executor/layers/attention/attention.py", "Attention.forward")
def _require_one_row(name: str, tensor: TensorValue, more: bool | None, where: Place) -> None:
    """Raises what torch raises when the view by heads merges rows that are apart in memory."""
    if more and rows_apart(tensor) == 2 and not isinstance(tensor.placement, Undecided):
        raise Raised("RuntimeError", _ROWS_APART, where, cause=TooManyHeads((name,)))


def _head_size(tensor: TensorValue) -> Size | None:
    size = tensor.shape[3] if tensor.shape else None
    return None if size is None else dims.local(size)


def _differs_by_head(mask: Value) -> bool:
    """Whether a mask `[batch, heads, queries, keys]` differs by head, as an ALiBi bias does.

    vLLM never looks at the mask: it knows what is causal, but no bias.
    """
    shape = mask.shape if isinstance(mask, TensorValue) else None
    if shape is None or len(shape) != 4 or shape[1] is None:
        return False
    planes = dims.local(shape[1])
    return isinstance(planes, int) and planes > 1


def _unknown_output(tensors: list[TensorValue], where: Place) -> Value:
    wrong = next((t.placement for t in tensors if isinstance(t.placement, Wrong)), None)
    placement = wrong or Undecided("unknown-attention-input", where)
    return TupleValue((TensorValue(None, placement, origin=where), NONE))
