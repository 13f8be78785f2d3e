"""The one way in which a command says a line that holds text of a model, a path or a log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from forgather_lint.core.printable import beginning
from forgather_lint.core.record import record


@record
class Said:
    """A line on its way to a stream."""

    text: str
    err: bool

    def out(self) -> None:
        """Print it."""
        click.echo(self.text, err=self.err)


_kept: list[Said] | None = None


@contextmanager
def kept() -> Iterator[list[Said]]:
    """Keep what is said within the block: another process is to print it."""
    global _kept
    before, _kept = _kept, []
    try:
        yield _kept
    finally:
        _kept = before


def say(line: str, *, err: bool = False) -> None:
    """Print `line` as one line, with control characters made visible.

    A newline in a name would begin a line of its own, which a CI log may take for a command.
    """
    say_as_it_is(beginning(line), err=err)


def say_lines(text: str) -> None:
    """Print a text of several lines, each as `say` does."""
    for line in text.split("\n"):
        say(line)


def say_as_it_is(text: str, *, err: bool = False) -> None:
    """Print a text of our own making: JSON, or colours around a word."""
    said = Said(text, err)
    if _kept is None:
        said.out()
    else:
        _kept.append(said)
