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
    """The model has no plan for `kind` (of parallelism)."""

    kind: str


@record
class StackMissing(Cause):
    """The pipeline plan names no stack of layers, or `several`."""

    several: bool


@record
class ClassRefused(Cause):
    """There is no class that the backend can build, or its attention cannot be replaced."""

    architecture: str
    found: bool


@record
class ExpertsNotDescribed(Cause):
    """The model is taken for a mixture of experts, and its config has none of `fields`."""

    fields: tuple[str, ...]


@record
class WeightLost(Cause):
    """The tensor `saved` of the checkpoint is looked up under a name that no module has."""

    saved: str
