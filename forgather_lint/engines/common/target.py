"""What every target is, whatever its engine: a release of it beside one of transformers."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from forgather_lint.core.record import record
from forgather_lint.core.version import Version
from forgather_lint.engines.transformers.profile import TransformersProfile
from forgather_lint.facts.release import Release


class EngineProfile(Protocol):
    """The facts of a release of an engine; `str` of it is what `--target` calls the release."""

    @property
    def version(self) -> Version: ...


Profile = TypeVar("Profile", bound=EngineProfile)


@record
class ReleaseBeside(Generic[Profile]):
    """A release of an engine, as findings name it and with its facts, beside one of transformers.

    Hashable and picklable. Questions about a model (`engines.api.Target`) are answered in
    subclasses, which import what they need only then: a run that only names targets loads none of
    it.
    """

    release: Release
    profile: Profile
    transformers: TransformersProfile

    @property
    def version(self) -> Version:
        """The number of the engine's release."""
        return self.profile.version

    def __str__(self) -> str:
        told = f" ({self.release.evidence})" if self.release.evidence else ""
        return f"{self.profile} {self.transformers}{told}"
