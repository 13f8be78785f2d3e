"""Lists of names as English text, each name in backquotes."""

from __future__ import annotations

from collections.abc import Iterable


def one_of(names: Iterable[str]) -> str:
    """The form "`a`, `b` or `c`"."""
    return _listed(names, "or")


def all_of(names: Iterable[str]) -> str:
    """The form "`a`, `b` and `c`"."""
    return _listed(names, "and")


def are(names: Iterable[str]) -> str:
    """The form "`a` is" or "`a` and `b` are"."""
    listed = list(names)
    return f"{all_of(listed)} {'is' if len(listed) == 1 else 'are'}"


def _listed(names: Iterable[str], conjunction: str) -> str:
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} {conjunction} {last}" if others else last
