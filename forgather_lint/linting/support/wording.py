"""Names as English text, each in backquotes."""

from __future__ import annotations

from collections.abc import Iterable


def one_of(names: Iterable[str]) -> str:
    """As in: `a`, `b` or `c`."""
    return _listed(names, "or")


def all_of(names: Iterable[str]) -> str:
    """As in: `a`, `b` and `c`."""
    return _listed(names, "and")


def are(names: Iterable[str]) -> str:
    """As in: `a` is; `a` and `b` are."""
    listed = list(names)
    return f"{all_of(listed)} {'is' if len(listed) == 1 else 'are'}"


def _listed(names: Iterable[str], conjunction: str) -> str:
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} {conjunction} {last}" if others else last
