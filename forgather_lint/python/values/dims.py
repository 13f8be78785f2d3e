"""Sizes of tensors: integers, and polynomials over sizes that are not known numbers.

`batch * sequence * 64` is `{("batch", "sequence"): 64}`. Equality and exact division are decided on
this form, which is all that views, reshapes and slices need.

Under tensor parallelism the code on a rank sees a part of a dimension. Such a size has the factor
`@` (the symbol `RANKS`), which is 1 on the rank and the number of ranks in the whole model. So 96
of 192 features are `96*@`, and `96*@ // 24` is `4*@`: four heads here and eight in all. `local` and
`whole` give the two readings; whether shapes fit is decided on `local`, what they mean on `whole`.
"""

from __future__ import annotations

import re
from collections import Counter

from forgather_lint.core.record import record

Monomial = tuple[str, ...]


@record
class Poly:
    """A sum of products of symbols, each with an integer factor; never a plain integer."""

    terms: tuple[tuple[Monomial, int], ...]

    def __str__(self) -> str:
        return " + ".join(_monomial_text(names, factor) for names, factor in self.terms)


Size = int | Poly

_TOKENS = re.compile(r"\bS\b")

RANKS = "@"
UNLIKE = "@?"
"""A symbol that is 1 on a rank; in the whole model the size is some other number."""


TOKENS = "S"
"""The symbol for the number of tokens that an engine passes in one forward."""

ANY = "~"
"""Part of the name of a symbol that may be any integer, including zero and negative ones."""


def anything(name: str) -> Poly:
    """An integer that is not known: a loop index, or an element of a tensor."""
    return symbol(f"{ANY}{name}")


def symbol(name: str) -> Poly:
    """The size called `name`, at least 1 and otherwise unknown."""
    return Poly((((name,), 1),))


def sharded(size: Size) -> Size:
    """The size of a part of a dimension of which one rank holds `size`."""
    return multiply(size, symbol(RANKS))


def local(size: Size) -> Size:
    """The size as code on one rank sees it."""
    return whole(size, 1)


def whole(size: Size, ranks: int) -> Size:
    """The size in the whole model, over `ranks` ranks."""
    if isinstance(size, int):
        return size
    total: Counter[Monomial] = Counter()
    for names, factor in size.terms:
        rest = tuple(name for name in names if name not in (RANKS, UNLIKE))
        total[rest] += factor * ranks ** names.count(RANKS)
    return _size(total)


def depends_on_rank(size: Size) -> bool:
    """Whether the size is that of a part of a dimension."""
    return isinstance(size, Poly) and any(
        RANKS in names or UNLIKE in names for names, _ in size.terms
    )


def add(left: Size, right: Size) -> Size:
    """`left + right`."""
    if isinstance(left, int) and isinstance(right, int):  # nearly always, as for all operators here
        return left + right
    total = Counter(_terms(left))
    for names, factor in _terms(right).items():
        total[names] += factor
    return _size(total)


def negate(size: Size) -> Size:
    """`-size`."""
    if isinstance(size, int):
        return -size
    return _size({names: -factor for names, factor in _terms(size).items()})


def subtract(left: Size, right: Size) -> Size:
    """`left - right`."""
    return add(left, negate(right))


def multiply(left: Size, right: Size) -> Size:
    """`left * right`."""
    if isinstance(left, int) and isinstance(right, int):
        return left * right
    total: Counter[Monomial] = Counter()
    for left_names, left_factor in _terms(left).items():
        for right_names, right_factor in _terms(right).items():
            total[tuple(sorted(left_names + right_names))] += left_factor * right_factor
    return _size(total)


def product(sizes: tuple[Size, ...]) -> Size:
    """All of `sizes` multiplied; 1 for none."""
    result: Size = 1
    for size in sizes:
        result = multiply(result, size)
    return result


def divide_exactly(size: Size, divisor: Size) -> Size | None:
    """`size / divisor` when that is a size again, else None."""
    if isinstance(size, int) and isinstance(divisor, int) and divisor:
        return None if size % divisor else size // divisor
    terms = _terms(divisor)
    if len(terms) != 1:
        return 1 if size == divisor else None
    ((names, factor),) = terms.items()
    quotient: dict[Monomial, int] = {}
    for size_names, size_factor in _terms(size).items():
        remaining = Counter(size_names)
        remaining.subtract(names)
        if size_factor % factor or min(remaining.values(), default=0) < 0:
            return None
        quotient[tuple(sorted(remaining.elements()))] = size_factor // factor
    return _size(quotient)


def floor_divide(size: Size, divisor: Size) -> Size:
    """`size // divisor`; where that is no polynomial, a symbol named after the expression."""
    exact = divide_exactly(size, divisor) if divisor != 0 else None
    if exact is not None:
        return exact
    if depends_on_rank(size) or depends_on_rank(divisor):
        return multiply(floor_divide(local(size), local(divisor)), symbol(UNLIKE))
    if isinstance(size, int) and isinstance(divisor, int) and divisor:
        return size // divisor
    return symbol(f"({size})//({divisor})")


def counts_tokens(size: Size) -> bool:
    """Whether the size grows with the number of tokens of a forward."""
    return isinstance(size, Poly) and any(
        not name.startswith(ANY) and _TOKENS.search(name)
        for names, _ in size.terms
        for name in names
    )


def is_counted(size: Size) -> bool:
    """Whether the size contains a number of items that only the data decides."""
    return isinstance(size, Poly) and any(ANY in name for names, _ in size.terms for name in names)


def compare(left: Size, right: Size) -> int | None:
    """The sign of `left - right` on a rank, for all symbols of at least 2; None when it varies."""
    difference = _terms(local(subtract(left, right)))
    if not difference:
        return 0
    if any(ANY in name for names in difference for name in names):
        return None
    if all(factor > 0 for factor in difference.values()):
        return 1
    if all(factor < 0 for factor in difference.values()):
        return -1
    return _sign_by_growth(difference)


def compare_any(left: Size, right: Size) -> int | None:
    """Like `compare`, also for a single token in a forward."""
    sign = compare(left, right)
    if sign is None or not counts_tokens(subtract(left, right)):
        return sign
    alone = compare(_of_one_token(left), _of_one_token(right))
    return sign if alone == sign else None


def _of_one_token(size: Size) -> Size:
    """The size for a single token; None where a quotient or the like contains that number."""
    terms = Counter[Monomial]()
    for names, factor in _terms(size).items():
        terms[tuple(name for name in names if name != TOKENS)] += factor
    return _size(terms)


def equal_for_few(left: Size, right: Size) -> bool:
    """Whether the two are equal at most for a few numbers of tokens, such as `S` and 4."""
    difference = _terms(local(subtract(left, right)))
    return set(difference) > {()} and all(set(names) <= {TOKENS} for names in difference)


def _sign_by_growth(difference: dict[Monomial, int]) -> int | None:
    """The sign of sums like `2*s - 1`: a constant that is outweighed by symbols of at least 2."""
    constant = difference.get((), 0)
    others = {names: factor for names, factor in difference.items() if names}
    if all(factor > 0 for factor in others.values()):
        least = sum(factor * 2 ** len(names) for names, factor in others.items())
        return 1 if least + constant > 0 else None
    if all(factor < 0 for factor in others.values()):
        most = sum(factor * 2 ** len(names) for names, factor in others.items())
        return -1 if most + constant < 0 else None
    return None


def _terms(size: Size) -> dict[Monomial, int]:
    if isinstance(size, int):
        return {(): size} if size else {}
    return dict(size.terms)


def _size(terms: dict[Monomial, int] | Counter[Monomial]) -> Size:
    kept = {names: factor for names, factor in terms.items() if factor}
    if not kept:
        return 0
    if set(kept) == {()}:
        return kept[()]
    return Poly(tuple(sorted(kept.items())))


def _monomial_text(names: Monomial, factor: int) -> str:
    if not names:
        return str(factor)
    text = "*".join(names)
    return text if factor == 1 else f"{factor}*{text}"
