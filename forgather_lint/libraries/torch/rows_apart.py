"""Whether the rows of a tensor are not adjacent in memory, as pieces of wider rows are not.

A view that merges rows (`x.view(-1, heads, size)` with fewer heads than there are) raises for such
a tensor; for one of its own memory it silently forms other rows. Only what is sure is recorded: a
piece along the features, and views of it that keep the rows.
"""

from __future__ import annotations

from dataclasses import replace

from forgather_lint.libraries.operands import Shape, shape_of
from forgather_lint.python.values.value import TensorValue

_TAG = "rows-apart-at-"
WITHIN_HEADS = "cut-within-heads"
"""The tag of a piece of the features of each head: joining its heads again copies it."""


def apart(piece: TensorValue) -> TensorValue:
    """A piece of the last dimension, of which there are several: its rows are not adjacent."""
    return _marked(piece, len(shape_of(piece)) - 2)


def rows_apart(tensor: TensorValue) -> int | None:
    """The dimension that counts rows which surely are not adjacent; None: there is none."""
    tags = (tag for tag in tensor.tags if tag.startswith(_TAG))
    return next((int(tag.removeprefix(_TAG)) for tag in tags), None)


def regrouped(source: TensorValue, made: TensorValue, before: Shape, after: Shape) -> TensorValue:
    """The result of a view; its rows stay apart where it only regroups the features."""
    axis = rows_apart(source)
    same = axis is not None and before[: axis + 1] == after[: axis + 1]
    return _marked(made, axis) if axis is not None and same else made


def reordered(source: TensorValue, made: TensorValue, order: list[int]) -> TensorValue:
    """The result of a permutation: the same rows, counted by another dimension."""
    axis = rows_apart(source)
    return made if axis is None else _marked(made, order.index(axis))


def copied(source: TensorValue) -> TensorValue:
    """A copy, whose rows are adjacent."""
    if rows_apart(source) is None:
        return source
    return replace(source, tags=frozenset(t for t in source.tags if not t.startswith(_TAG)))


def _marked(made: TensorValue, axis: int) -> TensorValue:
    return replace(made, tags=made.tags | {f"{_TAG}{axis}"}) if axis >= 0 else made
