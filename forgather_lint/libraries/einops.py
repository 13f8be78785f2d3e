"""einops, which every release of the engines installs: views, transpositions and copies by name.

Source: einops/einops.py and einops/parsing.py of 0.8. A pattern is translated into what its backend
does: splitting into single axes, reordering, copying, merging.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from forgather_lint.core.record import record
from forgather_lint.libraries.operands import (
    Shape,
    Undetermined,
    integer,
    result,
    shape_of,
    tensor,
    tensor_op,
)
from forgather_lint.libraries.shapes import differ, shape_text, size_text
from forgather_lint.libraries.torch.permute import permuted
from forgather_lint.libraries.torch.views import reshaped
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.placement import Partial, Shard
from forgather_lint.python.values.value import Known, TensorValue, Value

_TOKEN = re.compile(r"\(([^()]*)\)|(\.\.\.|…)|(\w+)")
_REST = "..."
Groups = tuple[tuple[str, ...], ...]


@record
class _Pattern:
    """Both sides: for each dimension the axes that it consists of; `text` as it is written."""

    text: str
    left: Groups
    right: Groups


@tensor_op("einops.rearrange")
def rearrange(site: Site, tensor: Value, pattern: Value, **lengths: Value) -> Value:
    """`rearrange(x, "b t (h d) -> b h t d", d=64)`."""
    return _transformed(site, tensor, pattern, lengths)


@tensor_op("einops.repeat")
def repeat(site: Site, tensor: Value, pattern: Value, **lengths: Value) -> Value:
    """`repeat(x, "b h -> b (h r)", r=2)`: an axis that is only on the right is made of copies."""
    return _transformed(site, tensor, pattern, lengths)


def _transformed(
    site: Site, given: Value, pattern: Value, lengths: Mapping[str, Value]
) -> TensorValue:
    source = tensor(site, given)
    if not isinstance(pattern, Known) or not isinstance(pattern.value, str):
        raise Undetermined("unknown-pattern")
    shape = shape_of(source)
    sizes = {name: integer(length) for name, length in lengths.items()}
    found = _parsed(site, pattern.value, shape)
    axes = [axis for group in found.left for axis in group]
    single = reshaped(site, source, tuple(_taken_apart(site, found, shape, sizes)))
    known = dict(zip(axes, shape_of(single), strict=True))
    wanted = [axis for group in found.right for axis in group]
    kept = [axis for axis in wanted if axis in known]
    new = [axis for axis in wanted if axis not in known]
    if sorted(kept) != sorted(axes) or any(axis not in sizes for axis in new):
        raise Undetermined("einops-pattern")
    made = permuted(site, single, [axes.index(axis) for axis in kept])
    if new:
        made = _with_copies(site, made, wanted, {axis: sizes[axis] for axis in new})
    by_axis = dict(zip(wanted, shape_of(made), strict=True))
    return reshaped(site, made, tuple(_merged(group, by_axis) for group in found.right))


def _parsed(site: Site, text: str, shape: Shape) -> _Pattern:
    """Both sides of `text`, with `...` expanded to axes. Raises what einops raises."""
    sides = text.split("->")
    if len(sides) != 2 or any(_TOKEN.sub("", side).strip() for side in sides):
        raise Undetermined("einops-pattern")
    left, right = (list(_groups(side)) for side in sides)
    count = len(left) - (1 if (_REST,) in left else 0)
    least = (_REST,) in left
    if len(shape) < count or (not least and len(shape) != count):
        wanted = f">={count}" if least else str(count)
        _refuse(
            text, shape, f"Wrong shape: expected {wanted} dims. Received {len(shape)}-dim tensor."
        )
    rest = [f"{_REST}{number}" for number in range(len(shape) - count)]
    return _Pattern(text, tuple(_spread(left, rest)), tuple(_spread(right, rest)))


def _groups(side: str) -> Iterator[tuple[str, ...]]:
    for inner, dots, name in _TOKEN.findall(side):
        if dots:
            yield (_REST,)
        elif name:
            yield () if name == "1" else (name,)
        else:
            yield tuple(axis for axis in inner.replace("…", _REST).split() if axis != "1")


def _spread(groups: Sequence[tuple[str, ...]], rest: list[str]) -> Iterator[tuple[str, ...]]:
    for group in groups:
        if group == (_REST,):
            yield from ((axis,) for axis in rest)
        else:
            yield tuple(axis for each in group for axis in (rest if each == _REST else [each]))


def _taken_apart(
    site: Site, pattern: _Pattern, shape: Shape, lengths: Mapping[str, Size]
) -> Iterator[Size | None]:
    """The length of each axis on the left; one that is not given follows from the others."""
    for group, size in zip(pattern.left, shape, strict=True):
        said = [lengths.get(axis) for axis in group]
        if not group and differ(size, 1):
            _refuse(pattern.text, shape, f"Shape mismatch, {size_text(size)} != 1")
        if said.count(None) > 1:
            raise Undetermined("einops-pattern")
        product = dims.product(tuple(each for each in said if each is not None))
        if None not in said:
            if differ(size, product):
                text = f"Shape mismatch, {size_text(size)} != {size_text(product)}"
                _refuse(pattern.text, shape, text)
            yield from said
            continue
        if len(group) == 1:
            yield size
            continue
        if size is None:
            raise Undetermined("unknown-size")
        left = dims.divide_exactly(size, product)
        if left is None:
            here = dims.local(size)
            if isinstance(here, int) and isinstance(product, int):
                text = f"Shape mismatch, can't divide axis of length {here} in chunks of {product}"
                _refuse(pattern.text, shape, text)
            raise Undetermined("symbolic-size")
        yield from (left if each is None else each for each in said)


def _with_copies(
    site: Site, made: TensorValue, wanted: Sequence[str], new: Mapping[str, Size]
) -> TensorValue:
    """The tensor with a further axis of copies for each new name on the right."""
    if isinstance(made.placement, Partial):
        raise Undetermined("copies-of-a-partial-sum")
    old = iter(shape_of(made))
    shape = tuple(new[axis] if axis in new else next(old) for axis in wanted)
    placement = made.placement
    if isinstance(placement, Shard):
        places = [place for place, axis in enumerate(wanted) if axis not in new]
        placement = Shard(places[placement.dim], placement.since, placement.blocks)
    return result(site, shape, placement, made.dtype)


def _merged(group: Sequence[str], sizes: Mapping[str, Size | None]) -> Size | None:
    found = [sizes[axis] for axis in group]
    known = tuple(size for size in found if size is not None)
    return dims.product(known) if len(known) == len(found) else None


def _refuse(pattern: str, shape: Shape, why: str) -> None:
    raise OpFailure(
        "EinopsError",
        f'Error while processing rearrange-reduction pattern "{pattern}". Input tensor shape: '
        f"torch.Size({shape_text(shape)}). {why}",
    )
