"""Ranges of releases between which no profiled fact changes."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from forgather_lint.core.version import Version
from forgather_lint.engines.fact import boundaries
from forgather_lint.engines.releases import known


class Range(NamedTuple):
    """Releases of a project, oldest first, between which no profiled fact changes."""

    project: str
    releases: tuple[Version, ...]

    @property
    def newest(self) -> Version:
        return self.releases[-1]

    def __str__(self) -> str:
        first, last = self.releases[0], self.releases[-1]
        return f"{self.project} {first}" if first == last else f"{self.project} {first} - {last}"


@cache
def ranges(project: str) -> tuple[Range, ...]:
    """The ranges of `project`, oldest first; reads all of its data files."""
    starts = boundaries(project)
    groups: list[list[Version]] = []
    for release in known(project):
        if not groups or any(groups[-1][-1] < start <= release for start in starts):
            groups.append([])
        groups[-1].append(release)
    return tuple(Range(project, tuple(group)) for group in groups)
