"""Bounds on a Python text before libcst sees it.

libcst's parser recurses natively: `x = ((((...` of 5,000 brackets, or `not ` 20,000 times, ends the
process with a segmentation fault (libcst 1.9.0), and its walk of long chains is quadratic. One
linear scan finds such texts first.
"""

from __future__ import annotations

import re
from functools import lru_cache

MOST_BYTES = 1 << 20
MOST_TOKENS = 150_000
DEEPEST_BRACKETS = 100
LONGEST_EXPRESSION = 1_000
LONGEST_ELIF_CHAIN = 500

_NEUTRAL = re.compile(
    r"""\"{3}(?s:.*?)\"{3}|'{3}(?s:.*?)'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\#[^\n]*"""
)
_TOKEN = re.compile(r"\w+|[^\s\w]|\n")


@lru_cache(maxsize=64)
def refusal(text: str) -> str | None:
    """Why `text` is too large or too deeply nested to parse, None when it is neither."""
    tokens = _TOKEN.findall(_NEUTRAL.sub("0", text))
    if len(tokens) > MOST_TOKENS:
        return f"more than {MOST_TOKENS} tokens"
    if tokens.count("elif") > LONGEST_ELIF_CHAIN:
        return f"more than {LONGEST_ELIF_CHAIN} `elif`"
    return _nesting(tokens)


_DEPTH = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def _nesting(tokens: list[str]) -> str | None:
    """One pass: the deepest bracket, and the most tokens between two commas or statements."""
    length = depth = 0
    for token in tokens:
        if token in _ENDS:
            if token == "," or depth <= 0:
                length = 0
            continue
        length += 1
        if length > LONGEST_EXPRESSION:
            return f"an expression of more than {LONGEST_EXPRESSION} tokens"
        if token in _DEPTH:
            depth += _DEPTH[token]
            if depth > DEEPEST_BRACKETS:
                return f"brackets nested more than {DEEPEST_BRACKETS} deep"
    return None


_ENDS = frozenset({",", "\n", ";"})
