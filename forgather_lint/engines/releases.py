"""The releases that are known (`data/releases.toml`), and what vLLM requires of transformers."""

from __future__ import annotations

from functools import cache

from forgather_lint.engines.fact import tables
from forgather_lint.engines.version import Requirement, Version


@cache
def known(project: str) -> tuple[Version, ...]:
    """The releases of "vllm" or "transformers" that the profiles were read from, oldest first."""
    versions = tables("releases")[project]["versions"]
    assert isinstance(versions, list)
    return tuple(sorted(Version.parse(text) for text in versions))


def newest(project: str) -> Version:
    """The newest release of `project` with a profile."""
    return known(project)[-1]


def declared(vllm: Version) -> Requirement:
    """What the METADATA of the release `vllm` demands of transformers."""
    rows = _rows("requires")
    stated = [text for release, text in rows.items() if release <= vllm]
    return Requirement.parse(stated[-1] if stated else next(iter(rows.values())))


def requirement(vllm: Version) -> Requirement:
    """What the release `vllm` needs of transformers, declared or not."""
    needs = declared(vllm)
    more = _rows("also_requires").get(vllm)
    return Requirement((*needs.clauses, *Requirement.parse(more).clauses)) if more else needs


def _rows(name: str) -> dict[Version, str]:
    rows = tables("releases")["vllm"][name]
    assert isinstance(rows, dict)
    by_release = {Version.parse(release): str(text) for release, text in rows.items()}
    return dict(sorted(by_release.items()))
