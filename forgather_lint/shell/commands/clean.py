"""`clean`: deletes the answers of earlier runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click

from forgather_lint.answers.places import FOLDER, folder_for, user_folder
from forgather_lint.answers.sealed import clean
from forgather_lint.shell import configuration, options
from forgather_lint.shell.say import say


@click.command()
@options.paths
@options.configuration
@click.option(
    "--cache-dir",
    metavar="DIR",
    envvar="FORGATHER_LINT_CACHE_DIR",
    help="Where answers are kept (default: .forgather_lint_cache beside the project).",
)
def command(
    paths: tuple[Path, ...], config: Path | None, isolated: bool, cache_dir: str | None
) -> None:
    """Remove the answers that earlier runs have kept.

    Those of the projects of PATHS (default: the current folder) and of all below them, and those
    that lie in the cache of the user as a project could not be written to. Sources of releases
    stay: `target remove` takes those.
    """
    with options.misuse_told():
        paths = paths or (Path(),)
        groups = configuration.grouped(paths, config, isolated, {"cache_dir": cache_dir})
        folders = [folder_for(settings) for settings in groups]
        if cache_dir is None:
            folders += [*_below(paths), user_folder()]
        removed = [each for each in dict.fromkeys(folders) if each is not None and clean(each)]
    for folder in removed:
        say(f"removed the answers in {folder}")
    if not removed:
        say("no answers are kept here")


def _below(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The caches below `paths`; links are not followed."""
    for path in paths:
        for folder, names, _ in os.walk(path):
            if FOLDER in names:
                yield Path(folder, FOLDER).absolute()
            names[:] = [name for name in names if not name.startswith(".")]
