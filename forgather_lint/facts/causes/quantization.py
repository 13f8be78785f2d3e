"""What keeps quantised weights from being served."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class MethodUnknown(Cause):
    """The release has no quantisation of that name, or no longer takes it: `deprecated`."""

    method: str
    deprecated: bool = False


@record
class GroupsCut(Cause):
    """The `width` of a rank's share of the input of `layer` is no whole number of groups."""

    layer: str
    width: int
    group: int


@record
class SchemesDiffer(Cause):
    """Of the `parts` of one layer that the release fuses, `ignore` lists only some."""

    layer: str
    parts: tuple[str, ...]
    ignored: tuple[str, ...]
