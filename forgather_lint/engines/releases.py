"""The releases that are known (`data/releases`), and what an engine requires of transformers."""

from __future__ import annotations

from functools import cache

from forgather_lint.core.version import Requirement, Version
from forgather_lint.engines.fact import tables


@cache
def known(project: str) -> tuple[Version, ...]:
    """The releases of `project` that its profile was read from, oldest first."""
    versions: object = tables(f"releases/{project}")["versions"]
    assert isinstance(versions, list)
    return tuple(sorted(Version.parse(text) for text in versions))


def newest(project: str) -> Version:
    """The newest release of `project` with a profile."""
    return known(project)[-1]


def declared(project: str, release: Version) -> Requirement:
    """What the METADATA of `release` demands of transformers."""
    rows = _rows(project, "requires")
    stated = [text for since, text in rows.items() if since <= release]
    return Requirement.parse(stated[-1] if stated else next(iter(rows.values())))


def requirement(project: str, release: Version) -> Requirement:
    """What `release` needs of transformers, declared or not."""
    needs = declared(project, release)
    more = _rows(project, "also_requires").get(release)
    return Requirement((*needs.clauses, *Requirement.parse(more).clauses)) if more else needs


def torch_of(project: str, release: Version) -> str:
    """The release of torch that the METADATA of `release` demands, "" where it was not read."""
    stated = [text for since, text in _rows(project, "torch").items() if since <= release]
    return stated[-1] if stated else ""


def _rows(project: str, name: str) -> dict[Version, str]:
    rows = tables(f"releases/{project}").get(name, {})
    by_release = {Version.parse(release): str(text) for release, text in rows.items()}
    return dict(sorted(by_release.items()))
