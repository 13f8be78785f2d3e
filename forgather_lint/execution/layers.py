"""What an engine's parallel layers do to a tensor on one rank."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from forgather_lint.core.port import port_of
from forgather_lint.core.source import Place
from forgather_lint.facts.causes.placement import PartMisused, SizeDoesNotDivide
from forgather_lint.libraries.torch.split import with_packed_parts
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.placement import (
    REPLICATE,
    Partial,
    Replicate,
    Shard,
    Undecided,
    Wrong,
)
from forgather_lint.python.values.value import NONE, Arguments, TensorValue, Value


class Role(StrEnum):
    """The kind of parallel layer that replaces a module; words as in `engines/data/vllm/plan.toml`.

    From `PACKED_COLUMN` on are roles that only transformers itself has, for other modules and for
    parameters: blocks side by side that are each split (`PACKED_`), an embedding whose look-ups
    come out whole, a module whose output is summed over the ranks, one whose input is divided by
    their number.
    """

    COLUMN = "column"
    COLUMN_GATHERED = "column_gathered"
    ROW = "row"
    ROW_SPLITTING = "row_splitting"
    REPLICATED = "replicated"
    PACKED_COLUMN = "packed_column"
    PACKED_ROW = "packed_row"
    TABLE = "table"
    SUMMED = "summed"
    DIVIDED = "divided"


VOCABULARY_STEP = 64
"""Engines pad the rows of a vocabulary to a multiple of this (vocab_parallel_embedding.py)."""
BY_COLUMN = frozenset({Role.COLUMN, Role.COLUMN_GATHERED})
BY_ROW = frozenset({Role.ROW, Role.ROW_SPLITTING})
PACKED = frozenset({Role.PACKED_COLUMN, Role.PACKED_ROW})


@port_of("vllm/distributed/utils.py", "divide")
def divide(size: int, ranks: int, where: Place) -> int:
    """`size / ranks`. Raises what vLLM raises when that is no integer."""
    if size % ranks:
        text = f"{size} is not divisible by {ranks}"
        raise Raised("AssertionError", text, where, cause=SizeDoesNotDivide(size, "features"))
    return size // ranks


def split_parameter(
    name: str,
    value: Value,
    role: Role,
    ranks: int,
    since: Place,
    *,
    unevenly: bool = False,
    copies: int = 1,
    parts: tuple[int, ...] = (),
) -> TensorValue | None:
    """The part of a parameter that one of `ranks` ranks holds; None when that is the whole.

    Source of the dimensions: `shard_param` of the styles in transformers/distributed/
    tensor_parallel.py; those of vLLM's two layers are the same. `unevenly`: what does not divide is
    split all the same, and its size on a rank is not known. `copies`: each key-value head is held
    by so many ranks (vLLM's QKVParallelLinear). `parts`: the widths on a rank of queries, keys and
    values that are packed in one parameter.
    """
    if not isinstance(value, TensorValue) or not value.shape:
        return None
    dim = split_dimension(name, len(value.shape), role)
    size = None if dim is None else value.shape[dim]
    if dim is None or not isinstance(size, int):
        return None
    blocks = 2 if role in PACKED and len(value.shape) > 1 else 1
    part = sum(parts) or _part_of(size * copies, blocks, ranks, since, unevenly)
    shape = (*value.shape[:dim], dims.sharded(part), *value.shape[dim + 1 :])
    placement = Shard(dim, since, parts or blocks)
    return TensorValue(shape, placement, value.dtype, value.origin, value.is_parameter)


def _part_of(size: int, blocks: int, ranks: int, since: Place, unevenly: bool) -> Size:
    if unevenly and size % blocks == 0 and size // blocks % ranks:
        return dims.multiply(dims.symbol(f"{size // blocks}/{ranks}"), blocks)
    return divide(size, ranks, since)


def split_dimension(name: str, rank: int, role: Role) -> int | None:
    """The dimension, of a parameter with `rank` dimensions, that `role` splits; None: none."""
    if role in BY_COLUMN or role is Role.PACKED_COLUMN:
        return max(0, rank - 2)
    if role in BY_ROW and name != "bias":
        return rank - 1
    return rank - 1 if role is Role.PACKED_ROW and rank > 1 else None


@port_of("vllm/model_executor/layers/linear.py", "ColumnParallelLinear.forward")
@port_of("vllm/model_executor/layers/linear.py", "RowParallelLinear.forward")
def run_linear(
    machine: Machine, linear: Instance, role: Role, ranks: int, given: Value, where: Place
) -> Value:
    """The output of the layer that replaces `linear`, whose weights are split already."""
    weight, bias = linear.attributes["weight"], linear.attributes.get("bias", NONE)
    if role is Role.ROW_SPLITTING:
        given = split_last(given, ranks, where)
    own_bias = NONE if role in BY_ROW else bias
    made = _apply(machine, given, weight, own_bias, where)
    if role is Role.COLUMN_GATHERED:
        return gather_last(made, ranks, where)
    if role not in BY_ROW:
        return made
    reduced = all_reduce(made, where)
    if bias is NONE:
        return reduced
    return machine.library.call(machine, "operator.add", Arguments([reduced, bias]), where)


def _apply(machine: Machine, given: Value, weight: Value, bias: Value, where: Place) -> Value:
    name = "torch.nn.functional.linear"
    made = machine.library.call(machine, name, Arguments([given, weight, bias]), where)
    if isinstance(made, TensorValue) and isinstance(weight, TensorValue):
        return with_packed_parts(made, weight)
    return made


def on_tensor(value: Value, act: Callable[[TensorValue], TensorValue]) -> Value:
    """`act` applied to a tensor; any other value is returned as it is."""
    return act(value) if isinstance(value, TensorValue) and value.shape is not None else value


def all_reduce(value: Value, where: Place) -> Value:
    """The sum over ranks: right for partial values, too large by their number for whole ones."""

    def act(tensor: TensorValue) -> TensorValue:
        placement = tensor.placement
        if isinstance(placement, Wrong | Undecided):
            return tensor
        if isinstance(placement, Partial):
            return _placed(tensor, tensor.shape, REPLICATE)
        reason = "a value that is not partial is summed over the ranks"
        return _placed(tensor, tensor.shape, Wrong(PartMisused(reason), where))

    return on_tensor(value, act)


def of_masked_sum(value: Value, where: Place) -> Value:
    """The look-ups in a split embedding, as the module that holds it may go on with them.

    They are partial sums with a mask that may be used only once: torch/distributed/tensor/
    placement_types.py, `_MaskPartial._reduce_value`. Whether a module uses them twice is not
    modelled.
    """

    def act(tensor: TensorValue) -> TensorValue:
        return _placed(tensor, tensor.shape, Undecided("masked-sum-in-a-table", where))

    return on_tensor(value, act)


def gather_last(value: Value, ranks: int, where: Place) -> Value:
    """The last dimensions of all ranks, concatenated."""

    def act(tensor: TensorValue) -> TensorValue:
        assert tensor.shape is not None
        last = tensor.shape[-1]
        shape = (*tensor.shape[:-1], None if last is None else gathered_size(last, ranks))
        placement = tensor.placement
        if placement == Shard(len(shape) - 1):
            placement = REPLICATE
        elif isinstance(placement, Replicate | Shard | Partial):
            reason = "a value that is not sharded by features is gathered by features"
            placement = Wrong(PartMisused(reason), where)
        return _placed(tensor, shape, placement)

    return on_tensor(value, act)


def gathered_size(size: Size, ranks: int) -> Size:
    """The sum of `size` over all ranks."""
    return dims.multiply(dims.local(size), ranks)


@port_of("vllm/distributed/utils.py", "split_tensor_along_last_dim")
def split_last(value: Value, ranks: int, where: Place) -> Value:
    """This rank's part of the last dimension."""

    def act(tensor: TensorValue) -> TensorValue:
        assert tensor.shape is not None
        last = tensor.shape[-1]
        here = None if last is None else dims.divide_exactly(dims.local(last), ranks)
        if here is None:
            return _placed(tensor, None, Undecided("split-of-unknown-size", where))
        shape = (*tensor.shape[:-1], dims.sharded(here))
        if isinstance(tensor.placement, Replicate):
            return _placed(tensor, shape, Shard(len(shape) - 1, where))
        if isinstance(tensor.placement, Undecided | Wrong):
            return _placed(tensor, shape, tensor.placement)
        wrong = Wrong(PartMisused("a value that is split already is split again"), where)
        return _placed(tensor, shape, wrong)

    return on_tensor(value, act)


def _placed(
    tensor: TensorValue,
    shape: tuple[Size | None, ...] | None,
    placement: Replicate | Shard | Partial | Wrong | Undecided,
) -> TensorValue:
    return TensorValue(shape, placement, tensor.dtype, tensor.origin)


def share(arguments: Arguments, where: Place) -> Value:
    """The input divided by the number of ranks: the output of a module that all ranks have whole.

    Summed over the ranks it is the input again.
    """

    def act(tensor: TensorValue) -> TensorValue:
        if isinstance(tensor.placement, Replicate):
            return _placed(tensor, tensor.shape, Partial(where))
        return _placed(tensor, tensor.shape, Undecided("share-of-a-part", where))

    return on_tensor(arguments.all()[0], act)
