"""The one way in which a command says a line that holds text of a model, a path or a log."""

from __future__ import annotations

import click

from forgather_lint.core.printable import printable


def say(line: str, *, err: bool = False) -> None:
    """Print `line` as one line, with control characters made visible.

    A newline in a name would begin a line of its own, which a CI log may take for a command.
    """
    click.echo(printable(line), err=err)


def say_lines(text: str) -> None:
    """Print a text of several lines, each as `say` does."""
    for line in text.split("\n"):
        say(line)
