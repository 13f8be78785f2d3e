"""What `x[...]` selects: the shape of the region, and which dimensions it comes from."""

from __future__ import annotations

from collections.abc import Sequence

from forgather_lint.facts.cause import Cause
from forgather_lint.facts.causes.placement import PackedPartsMixed, PartMisused
from forgather_lint.libraries.dtypes import kind
from forgather_lint.libraries.operands import (
    Shape,
    Undetermined,
    is_none,
    is_sequence,
    items,
    plain_integer,
    reason_of,
    result,
    shape_of,
)
from forgather_lint.libraries.propagation import (
    Label,
    Operand,
    absorb,
    propagate,
)
from forgather_lint.libraries.shapes import broadcast, broadcast_labels, differ, shape_text
from forgather_lint.libraries.tokens import after_picking, after_reading_at, counted_from_first
from forgather_lint.libraries.torch.slices import extent
from forgather_lint.libraries.torch.strides import Strides, laid, strides_of, unknown
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.placement import ZEROS, Placement, Shard, Undecided, Wrong
from forgather_lint.python.values.value import (
    Known,
    SliceValue,
    TensorValue,
    TupleValue,
    Value,
    size_of,
)

FULL_SLICE = SliceValue(Known(None), Known(None), Known(None))


class Selection:
    """The region of a tensor that an index selects.

    Dimensions of the tensor are labelled by number. Of those in `_cut` a slice is taken, of
    those in `_taken` single positions.
    """

    def __init__(self, site: Site, source: TensorValue, index: Value) -> None:
        self.site = site
        self.source = source
        self.shape: Shape = ()
        self.labels: list[Label] = []
        self.tensors: list[Operand] = []
        self._cut: set[Label] = set()
        self._taken: set[Label] = set()
        self._steps: dict[Label, int] = {}
        self._settled: list[Placement] = []
        self._index_shapes: list[tuple[int, TensorValue | None, Shape]] = []
        self._select(_index_items(site, index))

    def region(self) -> TensorValue:
        """The region as a tensor."""
        made = result(self.site, self.shape, self.placement(), self.source.dtype)
        strides = self.strides()
        return made if strides is None else laid(made, strides, self.source)

    def placement(self) -> Placement:
        """The placement of the region."""
        rank = len(shape_of(self.source))
        own = propagate(
            self.site,
            [Operand(self.source, tuple(range(rank))), *self.tensors],
            tuple(self.labels),
            whole=self._cut | self._taken,
            wrong=self._complaint(),
        )
        return absorb([own, *self._settled]) or own

    def strides(self) -> Strides | None:
        """The strides of the region; None where it is a copy, or lies as it stands."""
        if self.tensors or self._index_shapes:
            return unknown(self.shape) if self.source.strides is not None else None
        own, strides = strides_of(self.source), list[Size | None]()
        for label in self.labels:
            stride = own[label] if isinstance(label, int) else 1
            step = self._steps.get(label, 1)
            strides.append(None if stride is None else dims.multiply(stride, step))
        return tuple(strides)

    def _complaint(self) -> Cause:
        placement = self.source.placement
        if isinstance(placement, Shard) and placement.dim in self._cut:
            return PackedPartsMixed("takes a slice of what a rank holds of a sharded dimension")
        return PartMisused("takes positions of a sharded dimension on a rank")

    def _select(self, given: list[Value]) -> None:
        source_shape = shape_of(self.source)
        region: list[Size | None] = []
        dim = 0
        for each in _with_full_slices(given, source_shape):
            if isinstance(each, SliceValue):
                region.append(self._slice(dim, each, source_shape[dim]))
            elif isinstance(each, TensorValue):
                self._index_shapes.append((len(region), *self._by_tensor(dim, each)))
            elif isinstance(each, Known) and each.value is None:
                self.labels.append(f"new {len(region)}")
                region.append(1)
            else:
                self._position(dim, each, source_shape[dim])
            dim += _dimensions_taken(each)
        self.shape = tuple(region)
        if self._index_shapes:
            self._insert_indexed()

    def _slice(self, dim: int, given: SliceValue, size: Size | None) -> Size | None:
        found = extent(given, size)
        if not is_none(given.step):
            self._steps[dim] = plain_integer(given.step)
        self.labels.append(dim)
        if found.cuts:
            self._cut.add(dim)
            self._settle_picked(dim, found.size)
            self._settle_counted(size, found.size)
        if found.doubt is not None:
            self._settled.append(Undecided(found.doubt, self.site.where))
        if found.differs:
            reason = "slices by the size of a part of a dimension"
            self._settled.append(Wrong(PartMisused(reason), self.site.where))
        return found.size

    def _position(self, dim: int, given: Value, size: Size | None) -> None:
        position = size_of(given)
        if position is None or (isinstance(given, Known) and isinstance(given.value, bool)):
            raise Undetermined(reason_of(given))
        if size is not None and _is_outside(position, size):
            raise OpFailure(
                "IndexError",
                f"index {dims.local(position)} is out of bounds for dimension {dim} with size "
                f"{dims.local(size)}",
            )
        self._taken.add(dim)
        self._settle_picked(dim, 1, position)
        if dims.depends_on_rank(position):
            reason = "takes a position that is the size of a part of a dimension"
            self._settled.append(Wrong(PartMisused(reason), self.site.where))

    def _settle_picked(self, dim: int, left: Size | None, first: Size | None = None) -> None:
        picked = after_picking(self.site, self.source, dim, left, first)
        if picked is not None:
            self._settled.append(picked)

    def _settle_counted(self, size: Size | None, left: Size | None) -> None:
        """Rows of a table, as many as there are tokens: each token is given that of its place."""
        by_tokens = left is not None and dims.counts_tokens(left)
        of_table = size is not None and not dims.counts_tokens(size)
        if by_tokens and of_table and ZEROS not in self.source.tags:
            self._settled.append(counted_from_first(self.site))

    def _by_tensor(self, dim: int, index: TensorValue) -> tuple[TensorValue | None, Shape]:
        """The indexing tensor and its shape.

        A mask selects as many elements as it has true ones.
        """
        shape = shape_of(index)
        if index.dtype is not None and kind(index.dtype) >= 2:
            raise OpFailure("IndexError", _NO_INDEX)
        if not is_mask(index):
            self._taken.add(dim)
            self._settle_read(index, [dim])
            return index, shape
        own = shape_of(self.source)[dim : dim + len(shape)]
        for offset, (size, expected) in enumerate(zip(shape, own, strict=False)):
            if differ(size, expected):
                raise OpFailure("IndexError", self._mask_text(index, dim + offset, offset))
        labels = tuple(range(dim, dim + len(shape)))
        self._taken.update(labels)
        self._settle_read(index, labels)
        self.tensors.append(Operand(index, labels, "argument"))
        return None, (None,)

    def _settle_read(self, index: TensorValue, along: Sequence[int]) -> None:
        read = after_reading_at(self.site, self.source, along, index)
        if read is not None:
            self._settled.append(read)

    def _mask_text(self, index: TensorValue, dim: int, offset: int) -> str:
        return (
            f"The shape of the mask {shape_text(shape_of(index))} at index {offset} does not match "
            f"the shape of the indexed tensor {shape_text(shape_of(self.source))} at index {dim}"
        )

    def _insert_indexed(self) -> None:
        """Insert the dimensions of the indexing tensors where torch does.

        That is at the first indexed dimension if the indexed ones are adjacent, else at the front.
        """
        shapes = [shape for _, _, shape in self._index_shapes]
        try:
            common = broadcast(*shapes)
        except OpFailure as failure:
            raise OpFailure(
                "IndexError",
                "shape mismatch: indexing tensors could not be broadcast together with shapes "
                + ", ".join(map(shape_text, shapes)),
            ) from failure
        places = {place for place, _, _ in self._index_shapes}
        at = places.pop() if len(places) == 1 else 0
        names: list[Label] = [f"index {dim}" for dim in range(len(common))]
        self.labels[at:at] = names
        self.shape = (*self.shape[:at], *common, *self.shape[at:])
        for _, index, shape in self._index_shapes:
            if index is not None:
                numbers = broadcast_labels(shape, len(common))
                labels = tuple(names[n] if isinstance(n, int) else None for n in numbers)
                self.tensors.append(Operand(index, labels, "argument"))


_NO_INDEX = "tensors used as indices must be long, int, byte or bool tensors"


def is_mask(index: TensorValue) -> bool:
    """Whether the tensor indexes by truth values and not by positions."""
    if index.dtype is None:
        raise Undetermined("unknown-dtype")
    return kind(index.dtype) == 0


def _index_items(site: Site, index: Value) -> list[Value]:
    given = items(site, index) if isinstance(index, TupleValue) else [index]
    return [_as_index(site, each) for each in given]


def _as_index(site: Site, given: Value) -> Value:
    """`given`; a list of positions as an indexing tensor."""
    if not is_sequence(given):
        return given
    positions = items(site, given)
    if any(size_of(position) is None for position in positions):
        raise Undetermined("index-by-list")
    return TensorValue((len(positions),), dtype="int64")


def _dimensions_taken(given: Value) -> int:
    if isinstance(given, TensorValue) and is_mask(given):
        return len(shape_of(given))
    return 0 if isinstance(given, Known) and given.value in (None, ...) else 1


def _with_full_slices(given: Sequence[Value], shape: Shape) -> list[Value]:
    """`given` with `...` expanded, and full slices for dimensions omitted at the end."""
    missing = len(shape) - sum(map(_dimensions_taken, given))
    if missing < 0:
        raise OpFailure("IndexError", f"too many indices for tensor of dimension {len(shape)}")
    written = list(given)
    at = next((n for n, each in enumerate(written) if each == Known(...)), None)
    if at is None:
        return written + [FULL_SLICE] * missing
    return [*written[:at], *[FULL_SLICE] * missing, *written[at + 1 :]]


def _is_outside(position: Size, size: Size) -> bool:
    too_far = dims.compare(position, size) in (0, 1)
    return too_far or dims.compare(dims.add(position, size), 0) == -1
