"""What is wrong with config.json."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class FieldIsNull(Cause):
    """The field `name` is null where the engine reads a number; of KV heads with `counts_heads`."""

    name: str
    counts_heads: bool = False


@record
class NoArchitecture(Cause):
    """Neither `architectures` nor a type says which class the model has."""


@record
class ReferenceMalformed(Cause):
    """The entry `name` of `auto_map`, or all of it, is no text."""

    name: str


@record
class LayerTypesUnusable(Cause):
    """`layer_types` is null, or too short; `found` says what it is instead."""

    found: str


@record
class LengthExceedsPositions(Cause):
    """The length `asked` for is above what the field `name` allows."""

    name: str
    asked: int
    limit: int
