"""Names that the author probably meant: existing ones that resemble one that does not exist."""

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

    `sure`: a naming rule leads to them, not mere likeness.
    """

    names: tuple[str, ...]
    reason: str = ""
    sure: bool = False


def suggest(wanted: str, existing: Mapping[str, Module]) -> Suggestion:
    """The names in `existing` (folded) that the pattern `wanted` was probably meant for."""
    return (
        _other_root(wanted, existing)
        or _other_house(wanted, existing)
        or Suggestion(closest(wanted, existing))
    )


def closest(wanted: str, existing: Iterable[str]) -> tuple[str, ...]:
    """The names most similar to `wanted`, best first; empty if none is similar."""
    from difflib import get_close_matches  # a model without a slip does not pay for it

    return tuple(get_close_matches(wanted, list(existing), n=_LIMIT, cutoff=0.6))


def is_typo(wanted: str, name: str) -> bool:
    """Whether the two differ so little that one surely is a typo of the other."""
    return likeness(wanted, name) > _TYPO


def likeness(wanted: str, name: str) -> float:
    """How similar two names are, from 0 to 1."""
    from difflib import SequenceMatcher  # as above

    return SequenceMatcher(None, wanted, name).ratio()


def _other_root(wanted: str, existing: Mapping[str, Module]) -> Suggestion | None:
    """Names that equal `wanted` except for their first parts."""
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
