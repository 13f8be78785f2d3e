"""Where the tokens of one forward are combined outside the engine's attention.

An engine passes the new tokens of several sequences side by side, and keeps nothing of earlier
tokens except keys and values. An op of the model's own along the tokens (a sum, a softmax, a
convolution, a shift) therefore mixes sequences, and after the first step does not see earlier
tokens at all. Positions, ids and masks also run along the tokens, but have no features, and an
engine ignores masks: combining them is a defect only where features are computed from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from forgather_lint.core.source import Place
from forgather_lint.facts.causes.tokens import TokensMeet
from forgather_lint.libraries.devices import tensors_in
from forgather_lint.libraries.dtypes import kind
from forgather_lint.libraries.propagation import Label, Labels, Operand, absorb, op_text
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Poly, Size
from forgather_lint.python.values.placement import ZEROS, Placement, Undecided, Wrong
from forgather_lint.python.values.value import (
    Arguments,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Value,
)

_FLOATING = 2

CHOSEN = "chosen"
"""The tag of numbers and truth values that depend on what tokens hold, as a router's choice."""


POSITIONS = "positions-counted"
"""Why a value is undecided that was counted from the first token that is handed over."""


def counted_from_first(site: Site) -> Undecided:
    """The placement of what is counted so: an engine hands over the new tokens alone."""
    return Undecided(POSITIONS, site.where)


def counts_from_first(placement: Placement) -> bool:
    """Whether this is what `counted_from_first` gives."""
    return isinstance(placement, Undecided) and placement.reason == POSITIONS


def after_meeting(
    site: Site, operands: Sequence[Operand], over: Collection[Label], placement: Placement
) -> Placement:
    """`placement`; wrong or undecided if `operands` combine tokens along the labels `over`.

    Weights that are counted by position do not change that tokens are combined.
    """
    placements = (operand.tensor.placement for operand in operands)
    if absorb(each for each in placements if not counts_from_first(each)) is not None:
        return placement
    met = [each for each in operands if any(label in over for label in _of_tokens(each))]
    if not met:
        return placement
    decided = [each for each in operands if not counts_from_first(each.tensor.placement)]
    if len(decided) < len(operands):
        return _weighed(site, [each for each in met if each in decided], placement)
    if any(_holds_states(operand) for operand in operands):
        return Wrong(TokensMeet(op_text(site)), site.where)
    if all(_is_choice(site, each) or len([*_of_tokens(each)]) > 1 for each in met):
        return placement  # scores between tokens: what sums over them with states says so
    return Undecided("positions-meet", site.where)


def _is_choice(site: Site, operand: Operand) -> bool:
    """Whether tokens are only counted by what they hold, as a router does for its experts.

    Numbers that run along the tokens, as a running sum does, and averages are none.
    """
    made_of = operand.tensor
    runs = op_text(site).startswith(("cum", "logcum"))
    return CHOSEN in made_of.tags and not runs and not _is_floating(made_of)


def with_counts(name: str, arguments: Arguments, made: Value) -> Value:
    """`made`; undecided where an op puts what other tokens hold into the features of each."""
    short = name.rpartition(".")[2].strip("_")
    if not isinstance(made, TensorValue) or not holds_states(made):
        return made
    if isinstance(made.placement, Wrong | Undecided) or not _is_of_an_engine(made):
        return made
    if short in _WITH_NUMBERS and any(map(_counts_tokens, arguments.all())):
        return replace(made, placement=Undecided("positions-meet", made.origin))
    if short not in _COMBINING:
        return made
    given = list(tensors_in(arguments.all()))
    counts = [each for each in given if CHOSEN in each.tags and _is_of_no_token(each)]
    if not counts or not any(map(holds_states, given)):
        return made
    return replace(made, placement=Undecided("tokens-counted", counts[0].origin or made.origin))


def _is_of_an_engine(tensor: TensorValue) -> bool:
    """Whether it holds the tokens that an engine passes: a run without one has others."""
    sizes = (size for size in tensor.shape or () if size is not None)
    return any(dims.counts_tokens(size) or dims.is_counted(size) for size in sizes)


def _counts_tokens(value: Value) -> bool:
    return isinstance(value, SymbolicInt) and dims.counts_tokens(value.size)


_WITH_NUMBERS = frozenset(
    "hardtanh softplus leaky_relu threshold nan_to_num elu celu fill hardshrink softshrink".split()
)
"""Functions of each element that numbers are given to."""


def _is_of_no_token(tensor: TensorValue) -> bool:
    shape = tensor.shape
    return shape is not None and not any(
        size is None or dims.counts_tokens(size) or dims.is_counted(size) for size in shape
    )


_COMBINING = frozenset(
    "add sub subtract rsub mul multiply div divide truediv true_divide floordiv floor_divide pow "
    "where masked_fill maximum minimum clamp fmod remainder lerp addcmul addcdiv fill".split()
)
"""Ops whose result has features that come of all their operands."""


def _weighed(site: Site, met: Sequence[Operand], placement: Placement) -> Placement:
    """`placement` of what is weighed by positions, unless features of the tokens `met` are."""
    if any(map(_holds_states, met)):
        return Wrong(TokensMeet(op_text(site)), site.where)
    return placement


def after_product(
    site: Site, operands: Sequence[Operand], result: Labels, placement: Placement
) -> Placement:
    """`placement`; wrong or undecided if a product sums over tokens: over labels `result` lacks.

    It is surely wrong only with scores between tokens. A sum over the tokens that one expert takes,
    which are then put back, leaves every token by itself.
    """
    over = {label for operand in operands for label in operand.labels} - {*result}
    found = after_meeting(site, operands, over, placement)
    if found is placement or any(len([*_of_tokens(operand)]) > 1 for operand in operands):
        return found
    return Undecided("tokens-summed", site.where)


def after_joining(
    site: Site, parts: Sequence[TensorValue], axis: int, placement: Placement
) -> Placement:
    """`placement`; wrong or undecided if tensors that are joined along `axis` shift tokens.

    Zeros in front of all but the last tokens shift each token; in any other case it is not known
    where a part was before.
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
    """The placement of tokens picked by position along `axis`: `left` of them, from `first` on.

    The first or last token that an engine passes belongs to some other sequence, or to the same
    step. Whether it is combined with others is decided where it is used. None where no tokens are
    picked.
    """
    size = (source.shape or ())[axis]
    told = holds_states(source) or CHOSEN not in source.tags
    picks = size is not None and dims.counts_tokens(size) and told
    if not picks or (left is not None and dims.counts_tokens(left)):
        return None
    alone = left == 1 and isinstance(first, int) and first >= 0
    return Undecided("token-picked", site.where, first if alone else None)  # type: ignore[arg-type]


def after_reading_at(
    site: Site, source: TensorValue, axes: Iterable[int], positions: TensorValue
) -> Placement | None:
    """The placement of what is read at `positions` along `axes`, some of which are of tokens.

    A router picks tokens by their content, for an expert that takes each by itself; that is
    harmless. Positions that are counted pick a token by its place among those that an engine
    passes.
    """
    shape = source.shape or ()
    along = any((size := shape[axis]) is not None and dims.counts_tokens(size) for axis in axes)
    if not along or not holds_states(source) or CHOSEN in positions.tags:
        return None
    return Undecided("token-picked", site.where)


def after_ranking(site: Site, source: TensorValue, axis: int, placement: Placement) -> Placement:
    """`placement` of an order along `axis`; wrong or undecided if it orders tokens."""
    operand = Operand(source, tuple(range(len(source.shape or ()))))
    found = after_meeting(site, [operand], [axis], placement)
    return placement if found is placement else Undecided("tokens-ranked", site.where)


def with_choice(name: str, arguments: Arguments, made: Value) -> Value:
    """`made`, the result of the op `name`, tagged if it depends on the content of tokens."""
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
    if any(CHOSEN in each.tags or holds_states(each) for each in given):
        return replace(made, tags=made.tags | {CHOSEN})
    return made


def _is_cut(size: Size) -> bool:
    """Whether the size is the number of tokens minus a constant."""
    return (
        isinstance(size, Poly)
        and dims.counts_tokens(size)
        and any(factor < 0 for names, factor in size.terms if not names)
    )


def _holds_states(operand: Operand) -> bool:
    """Whether the operand has features of tokens, and not just positions or ids."""
    return holds_states(operand.tensor)


def _is_floating(tensor: TensorValue) -> bool:
    return tensor.dtype is not None and kind(tensor.dtype) >= _FLOATING


def holds_states(tensor: TensorValue) -> bool:
    """Whether it has features of tokens, and is not about their positions alone."""
    shape = tensor.shape or ()
    if tensor.dtype is not None and not _is_floating(tensor):
        return False
    return any(size is None or (size != 1 and not dims.counts_tokens(size)) for size in shape)


def keeps_all_tokens(whole: TensorValue, part: Sequence[Size | None] | None) -> bool:
    """Whether a part of `whole` of the shape `part` surely has something of every token.

    A part that only the data decides, as the tokens of an expert, is none by position.
    """
    counted = [size for size in whole.shape or () if size is not None and dims.counts_tokens(size)]
    sizes = [size for size in part or () if size is not None]
    if any(map(dims.is_counted, sizes)):
        return True
    return all(
        any(dims.divide_exactly(size, each) is not None for size in sizes) for each in counted
    )


def regroups_tokens(before: Sequence[Size], after: Sequence[Size]) -> bool:
    """Whether a view of features puts other elements beside a token than its own.

    It does not where the elements of a token stay together: the dimension of tokens is there after
    it too, with the same sizes in front.
    """
    for place, size in enumerate(before):
        if size not in _ALL_TOKENS:
            continue
        front = dims.product(tuple(before[:place]))
        places = [n for n, each in enumerate(after) if dims.divide_exactly(each, size) is not None]
        fronts = [dims.product(tuple(after[:n])) for n in places]
        if not any(dims.divide_exactly(front, each) is not None for each in fronts):
            return True
    return False


_ALL_TOKENS = (dims.symbol("T"), dims.symbol(dims.TOKENS))


def written_by_position(where: Place) -> Undecided:
    """The placement of what is written to some tokens alone, chosen by their place."""
    return Undecided("written-by-position", where)


def _of_tokens(operand: Operand) -> Iterator[Label]:
    shape = operand.tensor.shape or ()
    for size, label in zip(shape, operand.labels, strict=True):
        if size is not None and label is not None and dims.counts_tokens(size):
            yield label
