"""The releases that are known (`data/releases`), and which transformers an engine requires."""

from __future__ import annotations

from functools import cache

from forgather_lint.core.version import Requirement, Version
from forgather_lint.engines.fact import tables


@cache
def known(project: str) -> tuple[Version, ...]:
    """The releases of `project` from which its profile was read, oldest first."""
    versions: object = tables(f"releases/{project}")["versions"]
    assert isinstance(versions, list)
    return tuple(sorted(Version.parse(text) for text in versions))


def newest(project: str) -> Version:
    """The newest release of `project` with a profile."""
    return known(project)[-1]


def declared(project: str, release: Version) -> Requirement:
    """The requirement on transformers in the METADATA of `release`."""
    rows = _rows(project, "requires")
    stated = [text for since, text in rows.items() if since <= release]
    return Requirement.parse(stated[-1] if stated else next(iter(rows.values())))


def requirement(project: str, release: Version) -> Requirement:
    """The transformers that `release` really needs, whether or not its METADATA says so."""
    needs = declared(project, release)
    more = _rows(project, "also_requires").get(release)
    return Requirement((*needs.clauses, *Requirement.parse(more).clauses)) if more else needs


def torch_of(project: str, release: Version) -> str:
    """The release of torch that the METADATA of `release` requires; "" where it was not read."""
    stated = [text for since, text in _rows(project, "torch").items() if since <= release]
    return stated[-1] if stated else ""


def _rows(project: str, name: str) -> dict[Version, str]:
    rows = tables(f"releases/{project}").get(name, {})
    by_release = {Version.parse(release): str(text) for release, text in rows.items()}
    return dict(sorted(by_release.items()))
