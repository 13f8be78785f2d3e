"""A word of a shell command, with its place."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.core.source import Span


@record
class Word:
    """One word of a command.

    `text` is None where the word depends on what is not known, as a variable.

    `several`: it may stand for any number of words, as an unquoted variable does. `beginning` is
    the part of an unknown word, from its start, that is known.
    """

    text: str | None
    span: Span
    several: bool = False
    beginning: str = ""


Words = tuple[Word, ...]
