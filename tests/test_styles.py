"""The rules on plan text know exactly the styles that the profiles of releases list."""

from __future__ import annotations

from forgather_lint.core.version import Version
from forgather_lint.engines.releases import known, newest
from forgather_lint.engines.transformers.profile import TransformersProfile
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.linting.support.styles import KNOWN, successor


def of_vllm(release: Version) -> set[str]:
    return set(VllmProfile(release).plan.styles.value)


def of_transformers(release: Version) -> set[str]:
    return set(TransformersProfile(release).plan.styles.value)


def test_known_styles_are_those_of_the_newest_releases() -> None:
    assert of_vllm(newest("vllm")) | of_transformers(newest("transformers")) == KNOWN


def test_what_older_releases_alone_know_has_a_successor() -> None:
    ever = set[str]().union(
        *map(of_vllm, known("vllm")), *map(of_transformers, known("transformers"))
    )
    retired = ever - KNOWN
    assert {successor(style) for style in retired} <= KNOWN
    assert "local_colwise" in retired
    assert not any(successor(style) for style in KNOWN)
