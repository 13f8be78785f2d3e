"""`version`: which release of the tool this is."""

from __future__ import annotations

import json

import click

from forgather_lint.about import NAME, version


@click.command()
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text")
def command(output_format: str) -> None:
    """Print the version."""
    if output_format == "json":
        click.echo(json.dumps({"name": NAME, "version": version()}))
    else:
        click.echo(f"{NAME} {version()}")
