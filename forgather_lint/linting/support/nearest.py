"""Names that the author probably meant: existing ones that resemble one that does not exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from forgather_lint.core.diagnostics import OneCause
from forgather_lint.core.record import record
from forgather_lint.facts import Module
from forgather_lint.linting.support.naming import FORGATHER, HUGGING_FACE, counterpart

_LIMIT = 3
_TYPO = 0.9
_ROOT_REASON = "the names of a config plan start at the base model"


@record
class Slip:
    """What is wrong with a name, as other names may have it too: said of all, with what helps."""

    text: str
    help: str = ""

    def cause(self, said: str) -> OneCause:
        """The cause of the findings on names that have it; `said` is what becomes of them."""
        return OneCause(f"{said}: {self.text}", self.help)


@record
class Suggestion:
    """Names to use instead, best first, and why they are thought to be meant.

    `sure`: a naming rule leads to them, not mere likeness.
    """

    names: tuple[str, ...]
    reason: str = ""
    sure: bool = False
    slip: Slip | None = None


def suggest(wanted: str, existing: Mapping[str, Module]) -> Suggestion:
    """The names in `existing` (folded) that the pattern `wanted` was probably meant for."""
    return (
        _other_root(wanted, existing)
        or _other_house(wanted, existing)
        or Suggestion(_most_alike(wanted, existing), slip=_no_such_part(wanted, existing))
    )


def _most_alike(wanted: str, existing: Iterable[str]) -> tuple[str, ...]:
    """The names that resemble `wanted`; if that is a slip for the first, that one alone."""
    names = closest(wanted, existing)
    likely = [likeness(wanted, name) for name in names[:2]]
    sure = likely[:1] > [_TYPO] and likely[:1] > likely[1:]
    return names[:1] if sure else names


def closest(wanted: str, existing: Iterable[str]) -> tuple[str, ...]:
    """The names most similar to `wanted`, best first; empty if none is similar."""
    from difflib import get_close_matches  # a model without a slip does not pay for it

    return tuple(get_close_matches(wanted, list(existing), n=_LIMIT, cutoff=0.6))


def is_typo(wanted: str, name: str) -> bool:
    """Whether the two differ so little that one surely is a typo of the other."""
    return likeness(wanted, name) > _TYPO or _are_swapped(wanted, name)


def _are_swapped(wanted: str, name: str) -> bool:
    """Whether two letters that stand side by side are swapped, which in a short name is much."""
    if len(wanted) != len(name):
        return False
    pairs = enumerate(zip(wanted, name, strict=True))
    differing = [place for place, (one, other) in pairs if one != other]
    if len(differing) != 2:
        return False
    first, second = differing
    return second == first + 1 and wanted[first : second + 1] == name[second] + name[first]


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
            return Suggestion((tail,), _ROOT_REASON, sure=True, slip=_other_front(wanted, tail))
        names = tuple(name for name in existing if name.endswith(f".{tail}"))
        if names and "." in tail:
            sure = not dropped and len(names) == 1
            slip = _other_front(wanted, names[0]) if len(names) == 1 else None
            return Suggestion(names[:_LIMIT], _ROOT_REASON, sure=sure, slip=slip)
    return None


def _other_front(wanted: str, name: str) -> Slip:
    """What stands in front of `wanted` and is not in front of `name`, and the reverse."""
    alike = 0
    for one, other in zip(wanted.split(".")[::-1], name.split(".")[::-1], strict=False):
        if one != other:
            break
        alike += 1
    written, right = (".".join(each.split(".")[:-alike]) for each in (wanted, name))
    if not written:
        return Slip(f"`{right}.` is missing in front", f"begin them with `{right}.`")
    if not right:
        return Slip(f"they begin with `{written}.`", f"leave out `{written}.`")
    text = f"they begin with `{written}.`, the modules with `{right}.`"
    return Slip(text, f"begin them with `{right}.`")


def _no_such_part(wanted: str, existing: Iterable[str]) -> Slip | None:
    """The beginning of `wanted` that no name has, if there is more behind it."""
    components = wanted.split(".")
    names = list(existing)
    for count in range(1, len(components)):
        part = ".".join(components[:count])
        if not any(name == part or name.startswith(f"{part}.") for name in names):
            return Slip(f"there is no `{part}`")
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
    other = HUGGING_FACE if house == FORGATHER else FORGATHER
    slip = Slip(f"they are {other}'s names, the model has {house}'s")
    return Suggestion(names[:_LIMIT], reason, sure=len(names) == 1, slip=slip)
