"""The one way in which a command prints a line with text from a model, a path or a log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from forgather_lint.core.printable import beginning
from forgather_lint.core.record import record


@record
class Said:
    """A line to be printed, and the stream."""

    text: str
    err: bool
    color: bool = False

    def out(self) -> None:
        """Print it; its colours are taken out where nobody sees them, unless they are asked for."""
        click.echo(self.text, err=self.err, color=self.color or None)


_kept: list[Said] | None = None


@contextmanager
def kept() -> Iterator[list[Said]]:
    """Within the block nothing is printed but collected, for another process to print."""
    global _kept
    before, _kept = _kept, []
    try:
        yield _kept
    finally:
        _kept = before


def say(line: str, *, err: bool = False) -> None:
    """Print `line` as one line, with control characters made visible.

    A newline in a name would begin another line, which a CI might take for a command.
    """
    say_as_it_is(beginning(line), err=err)


def say_lines(text: str) -> None:
    """Print a text of several lines, each as `say` does."""
    for line in text.split("\n"):
        say(line)


def say_as_it_is(text: str, *, err: bool = False, color: bool = False) -> None:
    """Print a text that this tool made itself: JSON, or text with colours."""
    said = Said(text, err, color)
    if _kept is None:
        said.out()
    else:
        _kept.append(said)
