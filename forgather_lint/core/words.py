"""A word of a command, and where it stands."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.core.source import Span


@record
class Word:
    """One word of a command. Where `text` is None something else decides what it is.

    `several`: it may be any number of words, as an unquoted variable may. `beginning` is what is
    known of an unknown word's first letters.
    """

    text: str | None
    span: Span
    several: bool = False
    beginning: str = ""


Words = tuple[Word, ...]
