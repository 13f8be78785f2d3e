"""The targets that the user asked for, or else those that are installed."""

from __future__ import annotations

from collections.abc import Sequence

from forgather_lint.core.remembered import remembered
from forgather_lint.core.settings import SettingsError
from forgather_lint.documents.commands.found import ServingCommand
from forgather_lint.engines.api import Target
from forgather_lint.engines.select import TargetError, TargetSelection, installed, select
from forgather_lint.model.release_sources import ReleaseSources


def chosen_targets(specifications: Sequence[str]) -> TargetSelection:
    """The targets of `--target`. Raises `SettingsError` with the reason of a refusal."""
    return _chosen(tuple(specifications))


def targets_of(found: ServingCommand, specifications: Sequence[str]) -> tuple[Target, ...]:
    """The targets to judge a command for: those chosen, else the release that its image names."""
    if not specifications and found.around.release is not None:
        try:
            return chosen_targets((f"{found.launch.project}=={found.around.release}",)).targets
        except SettingsError:
            pass  # older than what is profiled: the default says what is known
    project = found.launch.project
    chosen = chosen_targets(specifications).targets
    return tuple(each for each in chosen if each.release.project == project)


def read_release(targets: Sequence[Target]) -> str:
    """The transformers release whose classes are read for statements about all `targets` at once.

    It is the newest among them whose source is on this machine, else the newest.
    """
    releases = [str(each) for each in sorted({each.transformers.version for each in targets})]
    if len(releases) == 1:
        return releases[0]
    here = [each for each in releases if ReleaseSources(each).folder is not None]
    return (here or releases)[-1]


@remembered()
def _chosen(specifications: tuple[str, ...]) -> TargetSelection:
    try:
        return select(specifications, installed())
    except TargetError as error:
        raise SettingsError(str(error)) from error
