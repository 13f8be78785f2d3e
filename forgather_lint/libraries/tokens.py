"""Where the tokens of one forward meet outside an engine's attention.

An engine hands over the new tokens of several sequences side by side, and keeps nothing of them but
keys and values. What a model computes along the tokens with an op of its own (a sum, a softmax, a
convolution, a shift) takes other sequences for earlier tokens, and after the first step finds no
earlier token at all. Positions, ids and masks are counted along the tokens too: they have no
features, and an engine reads no mask, so that it matters only where they come to more than that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from forgather_lint.facts.causes.tokens import TokensMeet
from forgather_lint.libraries.devices import tensors_in
from forgather_lint.libraries.dtypes import kind
from forgather_lint.libraries.propagation import Label, Labels, Operand, absorb, op_text
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Poly, Size
from forgather_lint.python.values.placement import ZEROS, Placement, Undecided, Wrong
from forgather_lint.python.values.value import Arguments, TensorValue, TupleValue, Value

_FLOATING = 2

CHOSEN = "chosen"
"""Tag of numbers and truth values that depend on what tokens hold: the choice of a router."""


def after_meeting(
    site: Site, operands: Sequence[Operand], over: Collection[Label], placement: Placement
) -> Placement:
    """`placement`, unless tokens meet where `operands` are put together along the labels `over`."""
    if absorb(operand.tensor.placement for operand in operands) is not None:
        return placement
    met = [each for each in operands if any(label in over for label in _of_tokens(each))]
    if not met:
        return placement
    if any(_holds_states(operand) for operand in operands):
        return Wrong(TokensMeet(op_text(site)), site.where)
    if all(CHOSEN in each.tensor.tags or len([*_of_tokens(each)]) > 1 for each in met):
        return placement  # scores between tokens: what sums over them with states says so
    return Undecided("positions-meet", site.where)


def after_product(
    site: Site, operands: Sequence[Operand], result: Labels, placement: Placement
) -> Placement:
    """`placement`, unless tokens meet in a product: it sums over the labels its `result` lacks.

    Only of one with scores between tokens it is sure: a sum over the tokens that an expert takes,
    which are handed back, leaves every token by itself.
    """
    over = {label for operand in operands for label in operand.labels} - {*result}
    found = after_meeting(site, operands, over, placement)
    if found is placement or any(len([*_of_tokens(operand)]) > 1 for operand in operands):
        return found
    return Undecided("tokens-summed", site.where)


def after_joining(
    site: Site, parts: Sequence[TensorValue], axis: int, placement: Placement
) -> Placement:
    """`placement`, unless tokens meet in tensors one behind the other that hold some of them each.

    Zeros in front of all tokens but the last ones move each by as many; where a part stood before
    is not known otherwise.
    """
    shapes = [part.shape for part in parts if part.shape is not None]
    along = [shape[axis] for shape in shapes]
    if not any(size is not None and _is_cut(size) for size in along):
        return placement
    labels = tuple(range(len(shapes[0])))
    found = after_meeting(site, [Operand(part, labels) for part in parts], [axis], placement)
    if found is placement or ZEROS in parts[0].tags:
        return found
    return Undecided("tokens-joined", site.where)


def after_picking(
    site: Site, source: TensorValue, axis: int, left: Size | None, first: Size | None = None
) -> Placement | None:
    """The placement of tokens by their position along `axis`: `left` of them, from the `first` on.

    The first or the last token that an engine hands over is one of some other sequence, or of the
    same step. Whether it meets others is for those to say who read it.
    """
    size = (source.shape or ())[axis]
    told = _holds_states_of(source) or CHOSEN not in source.tags
    picks = size is not None and dims.counts_tokens(size) and told
    if not picks or (left is not None and dims.counts_tokens(left)):
        return None
    alone = left == 1 and isinstance(first, int) and first >= 0
    return Undecided("token-picked", site.where, first if alone else None)  # type: ignore[arg-type]


def after_reading_at(
    site: Site, source: TensorValue, axes: Iterable[int], positions: TensorValue
) -> Placement | None:
    """The placement of what stands at `positions` along `axes`, which tell apart the tokens.

    A router picks tokens by what they hold, for an expert that takes each by itself. Positions that
    are counted name a token by its place among those that an engine hands over.
    """
    shape = source.shape or ()
    along = any((size := shape[axis]) is not None and dims.counts_tokens(size) for axis in axes)
    if not along or not _holds_states_of(source) or CHOSEN in positions.tags:
        return None
    return Undecided("token-picked", site.where)


def after_ranking(site: Site, source: TensorValue, axis: int, placement: Placement) -> Placement:
    """`placement` of an order along `axis`, unless a token has its place there by other tokens."""
    operand = Operand(source, tuple(range(len(source.shape or ()))))
    found = after_meeting(site, [operand], [axis], placement)
    return placement if found is placement else Undecided("tokens-ranked", site.where)


def with_choice(name: str, arguments: Arguments, made: Value) -> Value:
    """What the op `name` made, marked where its numbers are chosen by what tokens hold."""
    if isinstance(made, TupleValue):
        items = tuple(with_choice(name, arguments, each) for each in made.items)
        same = all(new is old for new, old in zip(items, made.items, strict=True))
        return made if same else replace(made, items=items)
    if not isinstance(made, TensorValue) or CHOSEN in made.tags or _is_floating(made):
        return made
    if name.endswith("_like") or name.startswith("Tensor.new_"):
        return made
    # `x.expand_as(y)` takes only a shape from `y`.
    given = tensors_in(arguments.positional[:1] if name.endswith("_as") else arguments.all())
    if any(CHOSEN in each.tags or _holds_states_of(each) for each in given):
        return replace(made, tags=made.tags | {CHOSEN})
    return made


def _is_cut(size: Size) -> bool:
    """Whether it is the number of tokens less some."""
    return (
        isinstance(size, Poly)
        and dims.counts_tokens(size)
        and any(factor < 0 for names, factor in size.terms if not names)
    )


def _holds_states(operand: Operand) -> bool:
    """Whether it has features of tokens, and is not about their positions alone."""
    return _holds_states_of(operand.tensor)


def _is_floating(tensor: TensorValue) -> bool:
    return tensor.dtype is not None and kind(tensor.dtype) >= _FLOATING


def _holds_states_of(tensor: TensorValue) -> bool:
    shape = tensor.shape or ()
    if tensor.dtype is not None and not _is_floating(tensor):
        return False
    return any(size is None or (size != 1 and not dims.counts_tokens(size)) for size in shape)


def _of_tokens(operand: Operand) -> Iterator[Label]:
    shape = operand.tensor.shape or ()
    for size, label in zip(shape, operand.labels, strict=True):
        if size is not None and label is not None and dims.counts_tokens(size):
            yield label
