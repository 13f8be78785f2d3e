"""Matches regular expressions from untrusted sources in bounded time.

Nearly every plan key consists of names, dots and `.*`, and is matched here in one pass. Any other
is passed to `re` only if it is surely cheap: no repetition of a group, no lookaround or back
reference, and few enough alternatives for the length of the name.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LONGEST = 400
_MOST_STEPS = 200_000

_GAP = ".*"
_PLAIN = re.compile(r"(?:[\w\-./]|(?<=\.)\*)*")
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_REPETITION = re.compile(r"[*+]|\{\d*,\d*\}")
_CHOICE = re.compile(r"\||(?<![(*+?}])\?")
_COSTLY = re.compile(r"\)[*+?{]|\\[1-9]|\(\?(?!:)")
_SET_OF_SETS = re.compile(r"\[.*(?:\[|--|&&|~~|\|\|)", re.DOTALL)


class UnreadablePattern(NamedTuple):
    """A key that is not matched: because it is `invalid`, or because that could take too long."""

    reason: str
    invalid: bool = False


class PlainPattern(NamedTuple):
    """Pieces of literal text with `.*` between them."""

    pieces: tuple[re.Pattern[str], ...]

    def matches(self, name: str) -> bool | None:
        """Whether the pieces occur in `name` in this order, the first at its start."""
        first, *rest = self.pieces
        found = first.match(name)
        for piece in rest:
            if found is None:
                break
            found = piece.search(name, found.end())
        return found is not None


class Expression(NamedTuple):
    """Any other expression, with what bounds the number of ways in which it can match."""

    compiled: re.Pattern[str]
    repetitions: int
    choices: int

    def matches(self, name: str) -> bool | None:
        """Whether it matches at the start of `name`; None if that could take too long."""
        if len(name) ** self.repetitions * 2**self.choices > _MOST_STEPS:
            return None
        return self.compiled.match(name) is not None

    def found_in(self, name: str) -> bool | None:
        """Whether it matches anywhere in `name`; None if that could take too long."""
        if len(name) ** (self.repetitions + 1) * 2**self.choices > _MOST_STEPS:
            return None
        return self.compiled.search(name) is not None


Pattern = PlainPattern | Expression


def compile_pattern(key: str) -> Pattern | UnreadablePattern:
    """`key` for matching as by `re.match`, if that is safe."""
    if len(key) > _LONGEST:
        return UnreadablePattern(f"it is longer than {_LONGEST} characters")
    if _PLAIN.fullmatch(key):
        return PlainPattern(tuple(map(re.compile, key.split(_GAP))))
    return compile_search(key)


def compile_search(key: str) -> Expression | UnreadablePattern:
    """`key` for searching as by `re.search`, if that is safe."""
    if len(key) > _LONGEST:
        return UnreadablePattern(f"it is longer than {_LONGEST} characters")
    if _SET_OF_SETS.search(key):
        return UnreadablePattern("it holds a set of sets, which `re` and `regex` read differently")
    try:
        compiled = re.compile(key)
    except re.error as error:
        return UnreadablePattern(str(error), invalid=_is_error_to_all(error))
    except (RecursionError, OverflowError) as error:
        return UnreadablePattern(str(error))
    if _COSTLY.search(key):
        return UnreadablePattern("it repeats a group, or looks around or back")
    # An escape is one letter: `\\*` repeats a backslash, `\*` repeats nothing.
    plain = _ESCAPE.sub("-", key)
    return Expression(compiled, len(_REPETITION.findall(plain)), len(_CHOICE.findall(plain)))


def _is_error_to_all(error: re.error) -> bool:
    """Whether the module `regex`, which vLLM uses and which accepts more, refuses it too."""
    unclosed = ("missing )", "unbalanced parenthesis", "unterminated character set")
    return error.msg.startswith(unclosed) or (error.msg == "nothing to repeat" and not error.pos)
