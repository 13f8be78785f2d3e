"""The size of a slice, on a rank and in the whole model."""

from __future__ import annotations

from typing import NamedTuple

from forgather_lint.libraries.operands import is_none, plain_integer, reason_of
from forgather_lint.python.interpreter.library import OpFailure
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Poly, Size
from forgather_lint.python.values.value import SliceValue, Value, size_of


class Extent(NamedTuple):
    """The size that a slice takes of a dimension.

    `cuts`: it takes only a part, on a rank or in the whole model. `doubt`: it is not known what it
    takes. `differs`: its bounds are those of a part of some other dimension.
    """

    size: Size | None
    cuts: bool = True
    doubt: str | None = None
    differs: bool = False


def extent(given: SliceValue, size: Size | None) -> Extent:
    """What the slice `given` takes of a dimension of `size`."""
    step = 1 if is_none(given.step) else plain_integer(given.step)
    if step < 1:
        raise OpFailure("ValueError", "step must be greater than zero")
    if is_none(given.start) and is_none(given.stop) and step == 1:
        return Extent(size, cuts=False)
    bounds = [_bound(given.start, 0), _bound(given.stop, size)]
    for value, bound in zip((given.start, given.stop), bounds, strict=True):
        if bound is None and not is_none(value):
            return Extent(None, doubt=reason_of(value))
    start, stop = bounds
    if size is None or start is None or stop is None:
        return Extent(None)
    if any(dims.compare(bound, 0) is None for bound in bounds if bound is not None):
        return Extent(None)
    return _of_known(_from_left(start, size), _from_left(stop, size), step, size)


def _bound(value: Value, otherwise: Size | None) -> Size | None:
    return otherwise if is_none(value) else size_of(value)


def _of_known(start: Size, stop: Size, step: int, size: Size) -> Extent:
    if start == 0 and stop == size and step == 1:
        return Extent(size, cuts=False)
    interleaved = _interleaved(start, stop, step, size)
    if interleaved is not None:
        return Extent(interleaved, cuts=False)
    covers = start == 0 and step == 1 and dims.compare(stop, size) in (0, 1)
    if covers:
        doubt = "size-of-a-part-in-the-code" if dims.depends_on_rank(size) else None
        return Extent(size, cuts=False, doubt=doubt)
    differs = any(dims.depends_on_rank(bound) for bound in (start, stop) if bound != size)
    length = _length(at_most(start, size), at_most(stop, size))
    return Extent(_stepped(length, step), differs=differs)


def _interleaved(start: Size, stop: Size, step: int, size: Size) -> Size | None:
    """The size of every `step`-th element, if each rank's part divides by `step`; else None."""
    if step == 1 or stop != size or not isinstance(start, int) or not 0 <= start < step:
        return None
    return dims.divide_exactly(size, step)


def _from_left(bound: Size, size: Size) -> Size:
    if dims.compare(bound, 0) != -1:
        return bound
    moved = dims.add(bound, size)
    return 0 if dims.compare(moved, 0) == -1 else moved


def at_most(bound: Size, size: Size) -> Size | None:
    """`bound`, or `size` where that is smaller; a symbolic bound is assumed to be in range."""
    order = dims.compare(bound, size)
    if order is None:
        return bound if isinstance(dims.local(bound), Poly) else None
    return size if order > 0 else bound


def _length(start: Size | None, stop: Size | None) -> Size | None:
    if start is None or stop is None:
        return None
    length = dims.subtract(stop, start)
    return 0 if dims.compare(length, 0) == -1 else length


def _stepped(length: Size | None, step: int) -> Size | None:
    return None if length is None else dims.floor_divide(dims.add(length, step - 1), step)
