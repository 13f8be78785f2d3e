"""The targets that the user asked for, or those that are there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from forgather_lint.core.settings import SettingsError
from forgather_lint.engines.select import Selection, TargetError, installed, select


def chosen_targets(specifications: Sequence[str]) -> Selection:
    """The targets of `--target`. Raises `SettingsError` with the reason of a refusal."""
    return _chosen(tuple(specifications))


@cache
def _chosen(specifications: tuple[str, ...]) -> Selection:
    try:
        return select(specifications, installed())
    except TargetError as error:
        raise SettingsError(str(error)) from error
