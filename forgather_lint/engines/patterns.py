"""Regular expressions written by strangers, matched in bounded time.

Nearly every plan key consists of names, dots and `.*`, and is matched here in one pass. The rest
goes to `re` if it can be seen beforehand to be cheap: no repetition of a group, nothing that looks
around or back, and few enough choices for the length of the name.
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
    """A key that is not matched: `invalid` if it is no expression at all."""

    reason: str
    invalid: bool = False


class PlainPattern(NamedTuple):
    """Pieces without repetitions or choices, with `.*` between them."""

    pieces: tuple[re.Pattern[str], ...]

    def matches(self, name: str) -> bool | None:
        """Whether the pieces stand in `name` in this order, the first at its start."""
        first, *rest = self.pieces
        found = first.match(name)
        for piece in rest:
            if found is None:
                break
            found = piece.search(name, found.end())
        return found is not None


class Expression(NamedTuple):
    """Any other expression, with what bounds the ways in which it can be tried."""

    compiled: re.Pattern[str]
    repetitions: int
    choices: int

    def matches(self, name: str) -> bool | None:
        """Whether it holds at the start of `name`; None if that could take too long."""
        if len(name) ** self.repetitions * 2**self.choices > _MOST_STEPS:
            return None
        return self.compiled.match(name) is not None

    def found_in(self, name: str) -> bool | None:
        """Whether it holds anywhere in `name`; None if that could take too long."""
        if len(name) ** (self.repetitions + 1) * 2**self.choices > _MOST_STEPS:
            return None
        return self.compiled.search(name) is not None


Pattern = PlainPattern | Expression


def compile_pattern(key: str) -> Pattern | UnreadablePattern:
    """What `re.match` would do with `key`, if that is safe to say."""
    if len(key) > _LONGEST:
        return UnreadablePattern(f"it is longer than {_LONGEST} characters")
    if _PLAIN.fullmatch(key):
        return PlainPattern(tuple(map(re.compile, key.split(_GAP))))
    return compile_search(key)


def compile_search(key: str) -> Expression | UnreadablePattern:
    """What `re.search` would look for, if that is safe to do."""
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
    """Whether the module `regex`, which vLLM uses and which accepts more, refuses it as well."""
    unclosed = ("missing )", "unbalanced parenthesis", "unterminated character set")
    return error.msg.startswith(unclosed) or (error.msg == "nothing to repeat" and not error.pos)
