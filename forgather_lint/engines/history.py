"""The values of a fact by release, for the page of a rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from forgather_lint.core.version import Version
from forgather_lint.engines.fact import histories, raw_facts
from forgather_lint.engines.listing import difference, shown
from forgather_lint.engines.registry import DEFAULT, LIBRARY, project
from forgather_lint.engines.releases import known, newest


def releases_section(facts: Sequence[str]) -> str:
    """The section "Releases" of a page: the values of each of `facts` in the known releases.

    A fact is named by its project, file and key: `vllm/plan.styles`.
    """
    named = dict.fromkeys((DEFAULT, LIBRARY, *(fact.partition("/")[0] for fact in facts)))
    spans = [_span(name) for name in named]
    if not facts:
        return f"## Releases\nEvery one that is known: {' and '.join(spans)}."
    lines = [line for fact in facts for line in _told(fact)]
    head = f"What the rule rests on, by release; known are {' and '.join(spans)}."
    return "\n".join([f"## Releases\n{head}\n", *lines])


def _span(name: str) -> str:
    first, last = known(name)[0], newest(name)
    span = f"{first} to {last}" if first != last else str(first)
    return f"{project(name).title} {span}"


def _told(fact: str) -> Iterator[str]:
    """A fact with one value on one line; one that changed with a line for each value."""
    topic, _, name = fact.partition(".")
    owner, _, file = topic.partition("/")
    title = f"- {project(owner).title}, `{file}.{name}`:"
    first, *later = [raw_facts(topic, release)[name] for release in changes(topic, name)]
    if not later:
        yield f"{title} {_words(first.value)}"
        return
    yield title
    yield f"  - before {later[0].since}: {_words(first.value)}"
    for before, after in pairwise((first, *later)):
        gone, fresh = difference(before, after)
        listed = isinstance(after.value, list) or fresh == "-"
        lost = f"without {gone}" if listed and gone != "-" else ""
        told = ", ".join(filter(None, (fresh if fresh != "-" else "", lost)))
        yield f"  - from {after.since}: {told}"


def _words(value: object) -> str:
    return "none" if (text := shown(value)) == "-" else text


def changes(topic: str, name: str) -> list[Version]:
    """The releases with which the value of a fact changes, and the first that is known."""
    return [row.release for row in histories(topic)[name] if row.states("is")]
