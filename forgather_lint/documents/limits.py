"""Limits on a Python text, checked before libcst parses it.

libcst's parser recurses natively: `x = ((((...` of 5,000 brackets, or `not ` 20,000 times, ends the
process with a segmentation fault (libcst 1.9.0), and its walk of long chains is quadratic. One
linear scan finds such texts first.

The scan is not `tokenize`: before Python 3.12 that takes an f-string for one token, and libcst
parses the code in its braces on every Python. `tests/test_documents_limits.py` compares the two
where they can agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from functools import lru_cache

from forgather_lint.core.record import record

MOST_BYTES = 1 << 20
MOST_TOKENS = 150_000
DEEPEST_BRACKETS = 100
LONGEST_EXPRESSION = 1_000
LONGEST_ELIF_CHAIN = 500


@lru_cache(maxsize=64)
def refusal(text: str) -> str | None:
    """Why `text` is too large or too deeply nested to parse, None when it is neither."""
    statement, elifs = _Statement(), 0
    for number, token in enumerate(tokens(text)):
        if number >= MOST_TOKENS:
            return f"more than {MOST_TOKENS} tokens"
        elifs += token == "elif"
        if elifs > LONGEST_ELIF_CHAIN:
            return f"more than {LONGEST_ELIF_CHAIN} `elif`"
        if (reason := statement.too_deep(token)) is not None:
            return reason
    return None


class _Statement:
    """An upper bound on the depth of the syntax tree of the statement being read.

    Within one pair of brackets every token may nest in those before it. A comma starts over, but
    not for what is behind a `lambda`: the comma may be one between its parameters.
    """

    def __init__(self) -> None:
        self.levels = [0]
        self.lambdas = [0]
        self.total = 0

    def too_deep(self, token: str) -> str | None:
        """Take the next token; the reason when the statement has become too deep."""
        levels = self.levels
        if token == ",":
            self.total -= levels[-1] - self.lambdas[-1]
            levels[-1] = self.lambdas[-1]
            return None
        if token in "\n;":
            self.levels, self.lambdas, self.total = [0], [0], 0
            return None
        self.total += 1
        levels[-1] += 1
        if self.total > LONGEST_EXPRESSION:
            return f"an expression of more than {LONGEST_EXPRESSION} tokens"
        if token in "([{":
            levels.append(0)
            self.lambdas.append(0)
            if len(levels) > DEEPEST_BRACKETS + 1:
                return f"brackets nested more than {DEEPEST_BRACKETS} deep"
        elif token in ")]}":
            if len(levels) > 1:
                self.total -= levels.pop()
                self.lambdas.pop()
        elif token == "lambda":
            self.lambdas[-1] += 1
        return None


_BLANKS = r"(?>(?:[ \t\f]|\\\n)*)"
_CODE = re.compile(
    _BLANKS
    + r"""(?:
        (?P<comment>\#[^\n]*+)
      | (?P<prefix>(?i:[bru]|[ft]|br|rb|[ft]r|r[ft])?)(?P<quote>\"{3}|'{3}|"|')
      | (?P<token>\w++|\n|.)
    )""",
    re.VERBOSE,
)
_STRINGS = {
    '"""': re.compile(r'(?>(?:[^"\\]++|\\.|"(?!""))*)"""', re.DOTALL),
    "'''": re.compile(r"(?>(?:[^'\\]++|\\.|'(?!''))*)'''", re.DOTALL),
    '"': re.compile(r'(?>(?:[^"\\\n]++|\\.)*)"', re.DOTALL),
    "'": re.compile(r"(?>(?:[^'\\\n]++|\\.)*)'", re.DOTALL),
}
_STRING = "0"
"""The token that stands for any string."""


_PLAIN = re.compile(r"""[^{}"'\\\n]*+""")
_NAMED = re.compile(r"\\N\{[^{}\n]*\}")


def tokens(text: str) -> Iterator[str]:
    """The tokens of `text` without comments: a newline at the end of a line, `0` for any string.

    The code in the braces of an f-string follows it, braces included. At an unterminated string the
    tokens end, as libcst also tokenizes all of a text before it parses.
    """
    return _Scanner(text.replace("\r\n", "\n").replace("\r", "\n")).tokens()


@record(frozen=False)
class _Formatted:
    """An f-string (or t-string) that the scan is in: in its text, or in the code of a field.

    `fields` are its open fields, each as the number of brackets that are open in it; while one is
    open, "in the text" means in its format specification.
    """

    quote: str
    raw: bool
    in_text: bool = True
    fields: list[int] = field(default_factory=list)


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0
        self.strings: list[_Formatted] = []

    def tokens(self) -> Iterator[str]:
        while self.position < len(self.text):
            if self.strings and self.strings[-1].in_text:
                yield from self._formatted(self.strings[-1])
            else:
                yield from self._code()

    def _code(self) -> Iterator[str]:
        """The tokens up to a formatted string, or to the end of the field that the scan is in."""
        base = self.strings[-1].fields[-1] if self.strings else -1
        while (match := _CODE.match(self.text, self.position)) is not None:
            self.position = match.end()
            if match.lastgroup == "token":
                token = match["token"]
                if token in ")]}:" and self.depth == base:
                    yield from self._end_of_code(token)
                    return
                if token in "([{":
                    self.depth += 1
                elif token in ")]}":
                    self.depth = max(0, self.depth - 1)
                elif token == "\n" and self.depth:
                    continue
                yield token
            elif match.lastgroup == "quote":
                yield _STRING
                if self._begins_formatted(match["prefix"].lower(), match["quote"]):
                    return
        self.position = len(self.text)

    def _end_of_code(self, token: str) -> Iterator[str]:
        """The closing brace of a field, or the colon that begins its format specification."""
        string = self.strings[-1]
        string.in_text = True
        if token != ":":
            string.fields.pop()
            self.depth -= 1
            yield token

    def _begins_formatted(self, prefix: str, quote: str) -> bool:
        """Whether the string that begins here may contain code; one that cannot is passed."""
        if "f" in prefix or "t" in prefix:
            self.strings.append(_Formatted(quote, "r" in prefix))
            return True
        ended = _STRINGS[quote].match(self.text, self.position)
        self.position = ended.end() if ended else len(self.text)
        return False

    def _formatted(self, string: _Formatted) -> Iterator[str]:
        """The tokens in the text of a formatted string, up to the code of a field or to its end."""
        while True:
            plain = _PLAIN.match(self.text, self.position)
            self.position = plain.end() if plain else self.position
            letter = self.text[self.position : self.position + 1]
            if letter == "\\":
                self._pass_escape(string)
            elif letter == "{":
                if not string.fields and self.text.startswith("{{", self.position):
                    self.position += 2
                    continue
                self.position += 1
                self.depth += 1
                string.fields.append(self.depth)
                string.in_text = False
                yield letter
                return
            elif letter == "}" and string.fields:
                self.position += 1
                self.depth = string.fields.pop() - 1
                yield letter
            elif self.text.startswith(string.quote, self.position):
                self.position += len(string.quote)
                self.depth -= len(string.fields)
                self.strings.pop()
                return
            elif not letter or (letter == "\n" and len(string.quote) == 1):
                self.position = len(self.text)
                return
            else:
                self.position += 1

    def _pass_escape(self, string: _Formatted) -> None:
        """Pass an escape, but not a brace behind a backslash, which still opens a field."""
        named = None if string.raw else _NAMED.match(self.text, self.position)
        if named:
            self.position = named.end()
        elif self.text[self.position + 1 : self.position + 2] in ("{", "}"):
            self.position += 1
        else:
            self.position += 2
