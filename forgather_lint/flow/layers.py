"""What vLLM's parallel layers do to a tensor on one rank.

Source: vllm/model_executor/layers/linear.py (ColumnParallelLinear, RowParallelLinear) and
vllm/distributed/utils.py (`divide`, `split_tensor_along_last_dim`).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from forgather_lint.interp.frame import Raised
from forgather_lint.interp.machine import Machine
from forgather_lint.source import Place
from forgather_lint.values import dims
from forgather_lint.values.dims import Size
from forgather_lint.values.objects import Instance
from forgather_lint.values.placement import (
    REPLICATE,
    Partial,
    Replicate,
    Shard,
    Undecided,
    Wrong,
)
from forgather_lint.values.value import NONE, Arguments, TensorValue, Value


class Role(StrEnum):
    """What replaces an `nn.Linear`; the words are those of `targets/data/vllm/plan.toml`."""

    COLUMN = "column"
    COLUMN_GATHERED = "column_gathered"
    ROW = "row"
    ROW_SPLITTING = "row_splitting"
    REPLICATED = "replicated"


BY_COLUMN = frozenset({Role.COLUMN, Role.COLUMN_GATHERED})
BY_ROW = frozenset({Role.ROW, Role.ROW_SPLITTING})


def divide(size: int, ranks: int, where: Place) -> int:
    """`size / ranks`. Raises what vLLM raises when that is no integer."""
    if size % ranks:
        raise Raised("AssertionError", f"{size} is not divisible by {ranks}", where)
    return size // ranks


def split_weights(linear: Instance, role: Role, ranks: int, since: Place) -> dict[str, Value]:
    """The attributes of `linear` as one of `ranks` ranks holds them."""
    weight, bias = linear.attributes["weight"], linear.attributes.get("bias", NONE)
    if not isinstance(weight, TensorValue) or weight.shape is None or len(weight.shape) != 2:
        return {}
    rows, columns = weight.shape
    if not isinstance(rows, int) or not isinstance(columns, int):
        return {}
    if role in BY_COLUMN:
        part = dims.sharded(divide(rows, ranks, since))
        split = {"weight": _sharded(weight, (part, columns), 0, since)}
        if isinstance(bias, TensorValue):
            split["bias"] = _sharded(bias, (part,), 0, since)
        return {**split}
    if role in BY_ROW:
        part = dims.sharded(divide(columns, ranks, since))
        return {"weight": _sharded(weight, (rows, part), 1, since)}
    return {}


def _sharded(tensor: TensorValue, shape: tuple[Size, ...], dim: int, since: Place) -> TensorValue:
    return TensorValue(shape, Shard(dim, since), tensor.dtype, tensor.origin, tensor.is_parameter)


def run_linear(
    machine: Machine, linear: Instance, role: Role, ranks: int, given: Value, where: Place
) -> Value:
    """The output of the layer that stands for `linear`, whose weights are split already."""
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
    return machine.library.call(machine, name, Arguments([given, weight, bias]), where)


def on_tensor(value: Value, act: Callable[[TensorValue], TensorValue]) -> Value:
    """`act` on a tensor; other values are left to the code that uses them."""
    return act(value) if isinstance(value, TensorValue) and value.shape is not None else value


def all_reduce(value: Value, where: Place) -> Value:
    """The sum over ranks: right for partial values, too large by the ranks for whole ones."""

    def act(tensor: TensorValue) -> TensorValue:
        placement = tensor.placement
        if isinstance(placement, Wrong | Undecided):
            return tensor
        if isinstance(placement, Partial):
            return _placed(tensor, tensor.shape, REPLICATE)
        reason = "a value that is not partial is summed over the ranks"
        return _placed(tensor, tensor.shape, Wrong("FGL209", reason, where))

    return on_tensor(value, act)


def gather_last(value: Value, ranks: int, where: Place) -> Value:
    """All ranks' last dimensions side by side."""

    def act(tensor: TensorValue) -> TensorValue:
        assert tensor.shape is not None
        last = tensor.shape[-1]
        shape = (*tensor.shape[:-1], None if last is None else gathered_size(last, ranks))
        placement = tensor.placement
        if isinstance(placement, Shard) and placement.dim == len(shape) - 1:
            placement = REPLICATE
        elif isinstance(placement, Replicate | Shard | Partial):
            reason = "a value that is not sharded by features is gathered by features"
            placement = Wrong("FGL209", reason, where)
        return _placed(tensor, shape, placement)

    return on_tensor(value, act)


def gathered_size(size: Size, ranks: int) -> Size:
    """The length of all ranks' parts of `size` together."""
    return dims.multiply(dims.local(size), ranks)


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
        wrong = Wrong("FGL209", "a value that is split already is split again", where)
        return _placed(tensor, shape, wrong)

    return on_tensor(value, act)


def _placed(
    tensor: TensorValue,
    shape: tuple[Size | None, ...] | None,
    placement: Replicate | Shard | Partial | Wrong | Undecided,
) -> TensorValue:
    return TensorValue(shape, placement, tensor.dtype, tensor.origin)
