"""Modules of `torch.nn` compute what torch computes, and attention as transformers lays it out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from forgather_lint.facts.causes.placement import PartialUsed, ReducesParts
from forgather_lint.python.interpreter.library import OpFailure
from forgather_lint.python.values import dims
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.placement import Partial, Shard, Undecided, Wrong
from forgather_lint.python.values.value import (
    NONE,
    External,
    Known,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    known,
)
from tests.abstract_ops import HERE, call
from tests.real_ops import ERRORS, error_text

FEATURES = 24
MODULES: list[tuple[nn.Module, tuple[int, ...]]] = [
    (nn.Linear(FEATURES, 32), (2, 5, FEATURES)),
    (nn.Linear(FEATURES, 32, bias=False), (FEATURES,)),
    (nn.Linear(FEATURES, 32), (2, 5, 12)),
    (nn.LayerNorm(FEATURES), (2, 5, FEATURES)),
    (nn.LayerNorm((5, FEATURES), bias=False), (2, 5, FEATURES)),
    (nn.LayerNorm(FEATURES, elementwise_affine=False), (2, 5, 12)),
    (nn.RMSNorm(FEATURES), (2, 5, FEATURES)),
    (nn.GroupNorm(4, FEATURES), (2, FEATURES, 5)),
    (nn.GroupNorm(4, FEATURES), (2, 12, 5)),
    (nn.Conv1d(FEATURES, 32, 3, stride=2, padding=1), (2, FEATURES, 9)),
    (nn.Conv1d(FEATURES, FEATURES, 4, groups=FEATURES, padding=3), (2, FEATURES, 9)),
    (nn.Conv2d(3, 8, (4, 2), stride=(4, 2)), (2, 3, 16, 8)),
    (nn.Dropout(0.1), (2, 5)),
    (nn.Identity(), (2, 5)),
    (nn.SiLU(), (2, 5)),
    (nn.GELU(approximate="tanh"), (2, 5)),
    (nn.Softmax(dim=-1), (2, 5)),
    (nn.GLU(dim=-1), (2, 6)),
]


def instance(module: nn.Module) -> Instance:
    """The module as the constructors of the linter would have left it."""
    attributes: dict[str, Value] = {
        name: NONE
        if parameter is None
        else TensorValue(tuple(parameter.shape), dtype="float32", is_parameter=True)
        for name, parameter in module._parameters.items()
    }
    for name, value in vars(module).items():
        if isinstance(value, int | float | str):
            attributes[name] = known(value)
        elif isinstance(value, tuple):
            attributes[name] = TupleValue(tuple(map(known, value)))
    return Instance(External(f"torch.nn.{type(module).__name__}"), attributes, HERE)


def forward(module: nn.Module, operand: TensorValue) -> TensorValue:
    value = call(f"torch.nn.{type(module).__name__}.forward", instance(module), operand)
    assert isinstance(value, TensorValue)
    return value


@pytest.mark.parametrize(("module", "shape"), MODULES, ids=str)
def test_shapes_and_errors(module: nn.Module, shape: tuple[int, ...]) -> None:
    operand = TensorValue(shape, dtype="float32")
    try:
        truth: object = tuple(module.eval()(torch.randn(shape)).shape)
    except ERRORS as error:
        truth = error_text(error)
    try:
        value: object = forward(module, operand).shape
    except OpFailure as failure:
        value = f"{failure.error}: {failure.text}"
    assert value == truth


def test_embedding() -> None:
    module = nn.Embedding(16, FEATURES)
    numbers = TensorValue((2, dims.symbol("S")), dtype="int64")
    assert forward(module, numbers).shape == (2, dims.symbol("S"), FEATURES)


def test_linear_of_parts_is_a_partial_sum_without_bias_and_wrong_with_it() -> None:
    """The bias of a row of layers is added once by the engine, by plain code on every rank."""
    operand = TensorValue((5, dims.sharded(FEATURES)), Shard(1))
    both = nn.Linear(FEATURES, 32)
    sharded = instance(both)
    weight = TensorValue((32, dims.sharded(FEATURES)), Shard(1))
    sharded = replace(sharded, attributes={**sharded.attributes, "weight": weight})
    with_bias = call("torch.nn.Linear.forward", sharded, operand)
    sharded = replace(sharded, attributes={**sharded.attributes, "bias": NONE})
    without = call("torch.nn.Linear.forward", sharded, operand)
    assert isinstance(without, TensorValue) and without.placement == Partial()
    assert isinstance(with_bias, TensorValue) and isinstance(with_bias.placement, Wrong)
    assert with_bias.placement.cause == PartialUsed(
        "a partial sum meets a whole value, which every rank then adds"
    )


def test_norm_over_a_part_of_its_features_fails_on_the_size() -> None:
    operand = TensorValue((2, 5, dims.sharded(12)), Shard(2))
    with pytest.raises(OpFailure, match=r"Given normalized_shape=\[24\]"):
        forward(nn.LayerNorm(FEATURES), operand)


def attention(query: TensorValue, key: TensorValue) -> TensorValue:
    """What transformers' attention functions give for keys that are the values too."""
    value = call("transformers.attention_interface", NONE, query, key, key, scaling=Known(0.5))
    assert isinstance(value, TupleValue)
    attended, weights = value.items
    assert weights == NONE and isinstance(attended, TensorValue)
    return attended


def test_attention_puts_the_heads_behind_the_tokens() -> None:
    length = dims.symbol("S")
    attended = attention(TensorValue((1, 8, length, 6)), TensorValue((1, 2, length, 6)))
    assert attended.shape == (1, length, 8, 6)


def test_attention_on_parts_of_the_heads() -> None:
    query = TensorValue((1, dims.sharded(4), 5, 6), Shard(1))
    attended = attention(query, TensorValue((1, dims.sharded(1), 5, 6), Shard(1)))
    assert attended.shape == (1, 5, dims.sharded(4), 6)
    assert attended.placement == Shard(2)


def test_attention_with_whole_keys_pairs_heads_that_do_not_belong_together() -> None:
    query = TensorValue((1, dims.sharded(4), 5, 6), Shard(1))
    assert isinstance(attention(query, TensorValue((1, 2, 5, 6))).placement, Wrong)


def test_attention_of_many_query_heads_to_one_whole_key_head() -> None:
    query = TensorValue((1, dims.sharded(4), 5, 6), Shard(1))
    assert attention(query, TensorValue((1, 1, 5, 6))).placement == Shard(2)


def test_the_size_of_a_part_is_no_divisor() -> None:
    """A mean by hand: the sum over all ranks, divided by what one rank holds."""
    operand = TensorValue((2, dims.sharded(12)), Shard(1))
    total = call("Tensor.sum", operand, Known(-1))
    assert isinstance(total, TensorValue) and total.placement == Partial()
    mean = call("operator.truediv", total, SymbolicInt(dims.symbol(dims.RANKS)))
    assert isinstance(mean, TensorValue) and isinstance(mean.placement, Wrong)
    assert "size of a rank's part" in mean.placement.cause.told


def test_what_is_not_known_is_undecided_unless_it_is_wrong_already() -> None:
    unknown = Unknown("data-dependent")
    undecided = call("operator.add", TensorValue((2, 3)), unknown)
    assert isinstance(undecided, TensorValue)
    assert undecided.placement == Undecided("data-dependent", HERE)
    broken = Wrong(ReducesParts("softmax"))
    wrong = call("operator.add", TensorValue((2, 3), broken), unknown)
    assert isinstance(wrong, TensorValue) and wrong.placement == broken


def test_a_quantile_is_taken_of_each_element() -> None:
    parameters: dict[str, Value] = {"loc": Known(0), "scale": Known(1)}
    normal = Instance(External("torch.distributions.normal.Normal"), parameters, HERE)
    whole = call("torch.distributions.normal.Normal.icdf", normal, TensorValue((2, 3)))
    distribution: Any = torch.distributions.Normal(0, 1)
    truth = distribution.icdf(torch.full((2, 3), 0.5))
    assert isinstance(whole, TensorValue) and whole.shape == tuple(truth.shape)
    part = TensorValue((2, dims.sharded(4)), Shard(1))
    found = call("torch.distributions.normal.Normal.icdf", normal, part)
    assert isinstance(found, TensorValue) and found.placement == Shard(1)
