"""What the ops claim of a rank's part is what two ranks compute.

For every expression and every way to spread its operands over two ranks: run it with torch on the
parts of either rank, and compare with the parts of what it gives on the whole tensors.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

import pytest

pytest.importorskip("torch")

import torch

from forgather_lint.python.interpreter.library import OpFailure
from forgather_lint.python.values import dims
from forgather_lint.python.values.placement import (
    REPLICATE,
    Partial,
    Placement,
    Shard,
    Undecided,
    Wrong,
)
from forgather_lint.python.values.value import TensorValue
from tests.abstract_ops import HERE, evaluate, substituted
from tests.op_cases import ALL, Case, Operand
from tests.real_ops import (
    DTYPES,
    ERRORS,
    error_text,
    random_tensor,
    run_real,
    whole_shape,
)

RANKS = 2
BLOCKS = 2


SAME_FOR_ALL_NUMBERS = ("torch.isnan(x)", "torch.isfinite(x)")
"""Cases whose result is one for all finite numbers, right or wrong."""

SPREAD = [case for case in ALL if case.operands and case.text not in SAME_FOR_ALL_NUMBERS]

Tensors = dict[str, torch.Tensor]


def placements(operand: Operand) -> list[Placement]:
    """Every way to spread the operand."""
    shape = whole_shape(operand)
    shards: list[Placement] = [
        Shard(dim, HERE) for dim, size in enumerate(shape) if size % RANKS == 0
    ]
    partial: list[Placement] = [Partial(HERE)] if DTYPES[operand.kind] == "float64" else []
    return [REPLICATE, *shards, *partial]


def spreads(case: Case) -> Iterator[dict[str, Placement]]:
    """Every way to spread up to two operands, and every way to spread more of them alike."""
    choices = [placements(operand) for operand in case.operands.values()]
    for chosen in product(*choices):
        spread = [placement for placement in chosen if placement != REPLICATE]
        if spread and (len(spread) <= 2 or len(set(spread)) == 1):
            yield dict(zip(case.operands, chosen, strict=True))


def packed_spreads(case: Case) -> Iterator[dict[str, Placement]]:
    """Operands packed in two blocks that are each spread: one, or two.

    And one beside a plain one.
    """
    whole = dict.fromkeys(case.operands, REPLICATE)
    found: list[tuple[str, Placement]] = [
        (name, Shard(dim, HERE, BLOCKS))
        for name, operand in case.operands.items()
        for dim, size in enumerate(whole_shape(operand))
        if size % (RANKS * BLOCKS) == 0
    ]
    for name, placement in found:
        yield {**whole, name: placement}
        for other, operand in case.operands.items():
            for beside in placements(operand) if other != name else ():
                yield {**whole, name: placement, other: beside}
    for (name, one), (other, two) in combinations(found, 2):
        if name != other:
            yield {**whole, name: one, other: two}


def abstract(operand: Operand, placement: Placement) -> TensorValue:
    shape: list[dims.Size] = list(whole_shape(operand))
    if isinstance(placement, Shard):
        size = shape[placement.dim]
        assert isinstance(size, int)
        shape[placement.dim] = dims.sharded(size // RANKS)
    return TensorValue(tuple(shape), placement, DTYPES[operand.kind])


def part(whole: torch.Tensor, placement: Placement, rank: int) -> torch.Tensor:
    """What the rank holds of an operand."""
    if isinstance(placement, Shard):
        assert isinstance(placement.blocks, int)
        blocks = whole.chunk(placement.blocks, placement.dim)
        parts = [block.chunk(RANKS, placement.dim)[rank] for block in blocks]
        return torch.cat(parts, placement.dim) if len(parts) > 1 else parts[0]
    if isinstance(placement, Partial):
        share = torch.cos(37.0 * whole) * 0.8
        return share if rank == 0 else whole - share
    return whole


def predicted(case: Case, spread: dict[str, Placement]) -> TensorValue | str:
    operands = {name: abstract(case.operands[name], how) for name, how in spread.items()}
    try:
        value = evaluate(case.text, operands)
    except OpFailure as failure:
        return f"{failure.error}: {failure.text}"
    return value if isinstance(value, TensorValue) else TensorValue(())


def computed(text: str, tensors: Tensors) -> torch.Tensor | str:
    try:
        return run_real(text, tensors)
    except ERRORS as error:
        return error_text(error)


def alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    tolerance = {torch.float16: 1e-2, torch.float32: 1e-4}.get(other.dtype, 1e-9)
    return one.shape == other.shape and bool(
        torch.allclose(
            one.to(torch.complex128),
            other.to(torch.complex128),
            rtol=tolerance,
            atol=tolerance,
            equal_nan=True,
        )
    )


def relation_holds(claim: Placement, parts: list[torch.Tensor], whole: torch.Tensor) -> bool:
    if isinstance(claim, Shard):
        assert isinstance(claim.blocks, int)
        if claim.dim >= whole.ndim or whole.shape[claim.dim] % (RANKS * claim.blocks):
            return False
        return all(alike(each, part(whole, claim, rank)) for rank, each in enumerate(parts))
    if isinstance(claim, Partial):
        one, other = (each.to(torch.complex128) for each in parts)
        return one.shape == other.shape and alike(one + other, whole)
    return all(alike(each, whole) for each in parts)


def every_relation(whole: torch.Tensor) -> list[Placement]:
    return [REPLICATE, Partial(), *(Shard(dim) for dim in range(whole.ndim))]


def disagreement(case: Case, spread: dict[str, Placement]) -> str | None:
    """What torch does against the prediction, None when they agree or nothing was predicted."""
    generator = torch.Generator().manual_seed(1)
    tensors = {name: random_tensor(each, generator) for name, each in case.operands.items()}
    whole = computed(case.text, tensors)
    if isinstance(whole, str):
        return None
    value = predicted(case, spread)
    ranks = [
        computed(case.text, {name: part(tensors[name], how, rank) for name, how in spread.items()})
        for rank in range(RANKS)
    ]
    if isinstance(value, str):
        return None if value == ranks[0] else f"predicted {value}, got {ranks[0]}"
    if isinstance(value.placement, Undecided):
        return None
    parts = [each for each in ranks if not isinstance(each, str)]
    if len(parts) < RANKS:
        texts = [each if isinstance(each, str) else "a result" for each in ranks]
        return f"predicted {value.placement}, got {texts}"
    return _shape_disagreement(value, parts[0]) or _claim_disagreement(
        value.placement, parts, whole
    )


def _shape_disagreement(value: TensorValue, local: torch.Tensor) -> str | None:
    assert value.shape is not None
    sizes = [substituted(size, {}) for size in value.shape]
    same = len(sizes) == local.ndim and all(
        size in (None, true) for size, true in zip(sizes, local.shape, strict=True)
    )
    return None if same else f"predicted {sizes}, got {tuple(local.shape)}"


def _claim_disagreement(
    claim: Placement, parts: list[torch.Tensor], whole: torch.Tensor
) -> str | None:
    if not isinstance(claim, Wrong):
        return None if relation_holds(claim, parts, whole) else f"{claim} does not hold"
    held = [each for each in every_relation(whole) if relation_holds(each, parts, whole)]
    return f"predicted wrong ({claim.cause.told}), but {held[0]} holds" if held else None


@pytest.mark.parametrize("case", SPREAD, ids=str)
def test_two_ranks(case: Case) -> None:
    """A claim holds, a wrong value differs from every claim, and a failure is torch's own."""
    found = [(spread, disagreement(case, spread)) for spread in spreads(case)]
    wrong = [f"{_text(spread)}: {text}" for spread, text in found if text is not None]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("case", SPREAD, ids=str)
def test_two_ranks_that_hold_parts_of_blocks(case: Case) -> None:
    """What is claimed to be right is; blocks that happen to fit may be called wrong."""
    found = [(spread, disagreement(case, spread)) for spread in packed_spreads(case)]
    wrong = [f"{_text(spread)}: {text}" for spread, text in found if text is not None]
    assert not [text for text in wrong if "predicted wrong" not in text]


def test_nearly_everything_is_decided() -> None:
    """Of all ways to spread the operands of all cases, at most one in fifty is undecided."""
    values = [predicted(case, spread) for case in SPREAD for spread in spreads(case)]
    undecided = [
        value
        for value in values
        if isinstance(value, TensorValue) and isinstance(value.placement, Undecided)
    ]
    assert len(values) > 5000
    assert len(undecided) < len(values) / 50


def _text(spread: dict[str, Placement]) -> str:
    return ", ".join(
        f"{name} {type(how).__name__}{(how.dim, how.blocks) if isinstance(how, Shard) else ''}"
        for name, how in spread.items()
    )
