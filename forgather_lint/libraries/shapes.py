"""Sizes and shapes of several tensors together, and how torch prints them."""

from __future__ import annotations

from collections.abc import Sequence

from forgather_lint.facts.causes.placement import SizesDiffer
from forgather_lint.libraries.operands import Shape
from forgather_lint.libraries.propagation import Labels
from forgather_lint.python.interpreter.library import OpFailure
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Size


def shape_text(shape: Sequence[Size | None]) -> str:
    """The shape as torch prints it on a rank: `[1, 16, 96]`."""
    return f"[{', '.join(map(size_text, shape))}]"


def size_text(size: Size | None) -> str:
    """The size on a rank; a sum in brackets, to be part of a product."""
    return "?" if size is None else str(dims.local(size))


def numel(shape: Sequence[Size | None]) -> Size | None:
    """The number of elements; None when a size is unknown."""
    total: Size = 1
    for size in shape:
        if size is None:
            return None
        total = dims.multiply(total, size)
    return total


def equal_on_rank(left: Size | None, right: Size | None) -> bool | None:
    """Whether the two sizes are equal on a rank; None when that is not known."""
    if left is None or right is None:
        return None
    order = dims.compare(left, right)
    return None if order is None else order == 0


def differ(left: Size | None, right: Size | None) -> bool:
    """Whether the two sizes surely differ on a rank."""
    return equal_on_rank(left, right) is False


def is_one(size: Size | None) -> bool:
    """Whether the size is one in the whole model, so that the dimension broadcasts."""
    return size == 1


def one_on_rank(size: Size | None) -> bool:
    """Whether the size is one on a rank, so that the dimension broadcasts there."""
    return size is not None and dims.local(size) == 1


def broadcast(*shapes: Shape) -> Shape:
    """The shape to which tensors are broadcast together.

    Raises torch's RuntimeError for sizes that surely differ on a rank.
    """
    common: Shape = ()
    for shape in shapes:
        rank = max(len(common), len(shape))
        left, right = with_leading_ones(common, rank), with_leading_ones(shape, rank)
        common = tuple(map(common_size, left[::-1], right[::-1], range(rank)[::-1]))[::-1]
    return common


def with_leading_ones(shape: Sequence[Size | None], rank: int) -> Shape:
    """`shape` extended at the front to `rank` dimensions."""
    return (1,) * (rank - len(shape)) + tuple(shape)


def common_size(left: Size | None, right: Size | None, dim: int) -> Size | None:
    """The size to which two operands are broadcast at dimension `dim`; None when it is not known.

    Raises torch's RuntimeError when they surely differ on a rank.
    """
    if left == right or is_one(right):
        return left
    if is_one(left):
        return right
    if left is None or right is None:
        return _known_of(left, right)
    if one_on_rank(left) or one_on_rank(right):
        return right if one_on_rank(left) else left
    if differ(left, right):
        raise _must_match(left, right, dim)
    if dims.equal_for_few(left, right):
        # The prompts that people send are of any length, and a decoded token is one.
        raise _must_match(left, right, dim)
    if equal_on_rank(left, right) is None:
        return None
    return left if dims.depends_on_rank(left) else right


def _must_match(left: Size, right: Size, dim: int) -> OpFailure:
    return OpFailure(
        "RuntimeError",
        f"The size of tensor a ({size_text(left)}) must match the size of tensor b "
        f"({size_text(right)}) at non-singleton dimension {dim}",
        SizesDiffer(size_text(left), size_text(right)),
    )


def _known_of(left: Size | None, right: Size | None) -> Size | None:
    """The result of broadcasting a known with an unknown size: that is equal to it, or one."""
    size = right if left is None else left
    return size if size is None or not one_on_rank(size) else None


def may_differ(shapes: Sequence[Shape]) -> bool:
    """Whether the shapes fit for some numbers of tokens only, such as `S` with 48."""
    rank = max(map(len, shapes), default=0)
    for sizes in zip(*(with_leading_ones(shape, rank) for shape in shapes), strict=True):
        told = (each for each in sizes if each is not None and not is_one(each))
        known = [each for each in told if not dims.is_counted(each)]
        if any(equal_on_rank(known[0], each) is None for each in known[1:]):
            return True
    return False


def broadcast_labels(shape: Shape, rank: int) -> Labels:
    """Labels 0 to rank-1 for a tensor that is broadcast to `rank` dimensions."""
    first = rank - len(shape)
    return tuple(None if is_one(size) else first + dim for dim, size in enumerate(shape))


def check_stretches(shape: Shape, target: Shape, written: Shape | None = None) -> None:
    """Raise torch's RuntimeError unless `shape` broadcasts to `target`.

    `written` is for the message.
    """
    written = written or target
    offset = len(target) - len(shape)
    if offset < 0:
        raise OpFailure(
            "RuntimeError",
            f"expand(torch.FloatTensor{{{shape_text(shape)}}}, size={shape_text(written)}): the "
            f"number of sizes provided ({len(target)}) must be greater or equal to the number of "
            f"dimensions in the tensor ({len(shape)})",
        )
    for dim in range(len(shape) - 1, -1, -1):
        if not one_on_rank(shape[dim]) and differ(shape[dim], target[offset + dim]):
            raise OpFailure(
                "RuntimeError",
                f"The expanded size of the tensor ({size_text(target[offset + dim])}) must match "
                f"the existing size ({size_text(shape[dim])}) at non-singleton dimension "
                f"{offset + dim}.  Target sizes: {shape_text(written)}.  "
                f"Tensor sizes: {shape_text(shape)}",
            )
