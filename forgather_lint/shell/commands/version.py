"""`version`: which release of the tool this is, and which releases it has profiles of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from forgather_lint.core.about import NAME, version

if TYPE_CHECKING:
    from forgather_lint.engines.listing import Profile

NOTHING = "-"
_WIDTH = 100


@click.command()
@click.option(
    "--targets", is_flag=True, help="List the profiles: ranges of releases that behave alike."
)
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text")
def command(targets: bool, output_format: str) -> None:
    """Print the version."""
    if output_format == "json":
        told: dict[str, object] = {"name": NAME, "version": version()}
        click.echo(json.dumps(told | ({"targets": _listed()} if targets else {}), indent=2))
        return
    click.echo(f"{NAME} {version()}")
    if targets:
        _print()


def _projects() -> tuple[str, ...]:
    from forgather_lint.engines.registry import projects  # what `--targets` alone is asked

    return projects()


def _profiles(project: str) -> tuple[Profile, ...]:
    from forgather_lint.engines.listing import profiles  # reads every data file

    return profiles(project)


def _listed() -> dict[str, list[dict[str, object]]]:
    return {project: [_as_json(each) for each in _profiles(project)] for project in _projects()}


def _as_json(profile: Profile) -> dict[str, object]:
    requires = {
        str(release): f"transformers{each.transformers}"
        for each in profile.requires
        for release in each.releases
    }
    return {
        "releases": [str(release) for release in profile.span.releases],
        **({"requires": requires} if requires else {}),
        "changes": [change._asdict() for change in profile.changes],
    }


def _print() -> None:
    for project in _projects():
        click.echo()
        for profile in _profiles(project):
            click.secho(str(profile.span), bold=True)
            for line in (*_requirements(profile), *_changes(profile)):
                click.echo(f"  {line}")


def _requirements(profile: Profile) -> Iterator[str]:
    for each in profile.requires:
        only = "" if len(profile.requires) == 1 else f"{', '.join(map(str, each.releases))}: "
        yield f"{only}requires transformers{each.transformers}"


def _changes(profile: Profile) -> Iterator[str]:
    for change in profile.changes:
        yield _cut(f"{change.fact}: {_told(change.before, change.after)}")


def _told(before: str, after: str) -> str:
    if after == NOTHING:
        return f"no longer {before}"
    return after if before == NOTHING else f"{after} (was {before})"


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
