"""The releases that are known (`data/releases.toml`), and vLLM's requirement on transformers."""

from __future__ import annotations

from functools import cache

from forgather_lint.targets.facts import tables
from forgather_lint.targets.version import Requirement, Version


@cache
def known(project: str) -> tuple[Version, ...]:
    """The releases of "vllm" or "transformers" that the profiles were read from, oldest first."""
    versions = tables("releases")[project]["versions"]
    assert isinstance(versions, list)
    return tuple(sorted(Version.parse(text) for text in versions))


def newest(project: str) -> Version:
    """The newest release of `project` with a profile."""
    return known(project)[-1]


def requirement(vllm: Version) -> Requirement:
    """What the release `vllm` demands of transformers, in its METADATA."""
    rows = tables("releases")["vllm"]["requires"]
    assert isinstance(rows, dict)
    history = sorted((Version.parse(release), str(text)) for release, text in rows.items())
    stated = [text for release, text in history if release <= vllm]
    return Requirement.parse(stated[-1] if stated else history[0][1])
