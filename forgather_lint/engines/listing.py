"""The profiles as `version --targets` lists them: each range, and what changes with it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import NamedTuple

from forgather_lint.core.version import Version
from forgather_lint.engines.fact import DATA, Fact, raw_facts
from forgather_lint.engines.ranges import Range, ranges
from forgather_lint.engines.registry import LIBRARY
from forgather_lint.engines.releases import requirement


class FactChange(NamedTuple):
    """A fact that changes with the first release of a range; `source` is where that was read."""

    fact: str
    before: str
    after: str
    source: str


class Requires(NamedTuple):
    """The transformers releases that some releases of an engine require."""

    releases: tuple[Version, ...]
    transformers: str


class Profile(NamedTuple):
    """A range of releases; the first of a project has no changes, as profiles begin with it."""

    span: Range
    requires: tuple[Requires, ...]
    changes: tuple[FactChange, ...]


def profiles(project: str) -> tuple[Profile, ...]:
    """Every profile of `project`, oldest first."""
    spans = ranges(project)
    pairs = zip((None, *spans), spans, strict=False)
    return tuple(Profile(span, _requires(span), _changes(last, span)) for last, span in pairs)


def _requires(span: Range) -> tuple[Requires, ...]:
    if span.project == LIBRARY:
        return ()
    grouped = groupby(span.releases, key=lambda release: str(requirement(span.project, release)))
    return tuple(Requires(tuple(releases), text) for text, releases in grouped)


def _changes(last: Range | None, span: Range) -> tuple[FactChange, ...]:
    if last is None:
        return ()
    topics = sorted((DATA / span.project).glob("*.toml"))
    return tuple(
        change
        for path in topics
        for change in _changed_in(f"{span.project}/{path.stem}", last.newest, span.newest)
    )


def _changed_in(topic: str, old: Version, new: Version) -> list[FactChange]:
    before, after = raw_facts(topic, old), raw_facts(topic, new)
    name = topic.partition("/")[2]
    return [
        FactChange(f"{name}.{fact}", *difference(before[fact], now), now.source)
        for fact, now in after.items()
        if before[fact].value != now.value
    ]


def difference(before: Fact[object], after: Fact[object]) -> tuple[str, str]:
    """Both values as text; for lists and tables only what is gone and what is new."""
    old, new = before.value, after.value
    if isinstance(old, list) and isinstance(new, list):
        gone, fresh = [x for x in old if x not in new], [x for x in new if x not in old]
        return (shown(gone), shown(fresh)) if gone or fresh else (shown(old), shown(new))
    if isinstance(old, Mapping) and isinstance(new, Mapping) and "effect" not in {*old, *new}:
        gone_items = {key: old[key] for key in old if old[key] != new.get(key)}
        return shown(gone_items), shown({key: new[key] for key in new if new[key] != old.get(key)})
    return shown(old), shown(new)


def shown(value: object) -> str:
    """A value of a data file on one line; `-` for nothing."""
    if isinstance(value, Mapping) and "effect" in value:
        text = ": ".join(filter(None, (str(value.get("raises", "")), str(value.get("text", "")))))
        told = f"{value['effect']} {text}".split()
        return "harmless" if value["effect"] == "none" else " ".join(told)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {each}" for key, each in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return str(value).lower() if isinstance(value, bool) else str(value) or "-"
