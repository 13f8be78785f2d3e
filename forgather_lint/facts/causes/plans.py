"""Plans that the engine reads otherwise than their author meant."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class StyleRenamed(Cause):
    """The release calls the style `old` of the entry `key` by the name `new`."""

    key: str
    old: str
    new: str


@record
class PlanReadDifferently(Cause):
    """The engine applies another entry of the plan to `module` than transformers does."""

    module: str
    here: str
    there: str
