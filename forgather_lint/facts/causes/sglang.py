"""Why SGLang's Transformers backend does not serve a model."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class StyleRefused(Cause):
    """The entry `key` of the plan has a style that the backend does not know."""

    key: str
    style: str


@record
class PlanMissing(Cause):
    """No plan says how the model is split; `kind` is what it would be split for."""

    kind: str


@record
class StackMissing(Cause):
    """The plan of the pipeline does not name one stack of layers."""


@record
class ClassRefused(Cause):
    """There is no class for the backend to build, or one whose attention may not be replaced."""

    architecture: str
    found: bool


@record
class ExpertsNotDescribed(Cause):
    """A model that is taken for a mixture of experts says nothing under any of `fields`."""

    fields: tuple[str, ...]


@record
class WeightLost(Cause):
    """A weight of the checkpoint, `saved`, is looked for where nothing is."""

    saved: str
