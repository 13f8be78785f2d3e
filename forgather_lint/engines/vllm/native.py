"""Architectures that vLLM serves by a model of its own (`data/native_architectures.toml`)."""

from __future__ import annotations

from functools import cache

from forgather_lint.engines.fact import tables
from forgather_lint.engines.version import Requirement, Version


@cache
def is_native(architecture: str, version: Version) -> bool:
    """Whether the vLLM release `version` has its own model of that name."""
    return architecture in native_architectures(version)


@cache
def native_architectures(version: Version) -> frozenset[str]:
    """Every text model that the vLLM release `version` has, by architecture."""
    table = tables("native_architectures")
    always = table["every_release"]["names"]
    assert isinstance(always, list)
    some = {name for name, ranges in table["some_releases"].items() if _admits(ranges, version)}
    return frozenset(some.union(always))


def _admits(ranges: object, version: Version) -> bool:
    return any(Requirement.parse(text).admits(version) for text in str(ranges).split(" or "))
