"""What the author probably meant: names that exist and resemble one that does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from forgather_lint.core.record import record
from forgather_lint.facts import Module
from forgather_lint.linting.support.naming import counterpart

_LIMIT = 3
_TYPO = 0.9
_ROOT_REASON = "the names of a config plan start at the base model"


@record
class Suggestion:
    """Names to use instead, best first, and why they are thought to be meant.

    `sure` is true when a rule of naming leads to them, not mere likeness.
    """

    names: tuple[str, ...]
    reason: str = ""
    sure: bool = False


def suggest(wanted: str, existing: Mapping[str, Module]) -> Suggestion:
    """Which of the (folded) names `existing` the pattern `wanted` was meant for."""
    return (
        _other_root(wanted, existing)
        or _other_house(wanted, existing)
        or Suggestion(closest(wanted, existing))
    )


def closest(wanted: str, existing: Iterable[str]) -> tuple[str, ...]:
    """The names that resemble `wanted` most, best first; none if none is alike."""
    from difflib import get_close_matches  # a model without a slip does not pay for it

    return tuple(get_close_matches(wanted, list(existing), n=_LIMIT, cutoff=0.6))


def is_typo(wanted: str, name: str) -> bool:
    """Whether the two differ by so little that one is surely a slip for the other."""
    return likeness(wanted, name) > _TYPO


def likeness(wanted: str, name: str) -> float:
    """How much alike two names are, from 0 to 1."""
    from difflib import SequenceMatcher  # as above

    return SequenceMatcher(None, wanted, name).ratio()


def _other_root(wanted: str, existing: Mapping[str, Module]) -> Suggestion | None:
    """Names that agree with `wanted` but for what stands in front of them."""
    components = wanted.split(".")
    for dropped in range(len(components)):
        tail = ".".join(components[dropped:])
        if tail in existing:
            return Suggestion((tail,), _ROOT_REASON, sure=True)
        names = tuple(name for name in existing if name.endswith(f".{tail}"))
        if names and "." in tail:
            return Suggestion(names[:_LIMIT], _ROOT_REASON, sure=not dropped and len(names) == 1)
    return None


def _other_house(wanted: str, existing: Mapping[str, Module]) -> Suggestion | None:
    translated = counterpart(wanted)
    if translated is None:
        return None
    tail, house = translated
    names = tuple(name for name in existing if name == tail or name.endswith(f".{tail}"))
    if not names:
        return None
    theirs = ".".join(wanted.split(".")[-2:])
    reason = f"`{theirs}` is called `{tail}` in a {house} model"
    return Suggestion(names[:_LIMIT], reason, sure=len(names) == 1)
