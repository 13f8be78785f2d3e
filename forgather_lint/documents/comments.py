"""The comments of Python, YAML, scripts and makefiles; a `#` in a string is not one."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from forgather_lint.core.record import record
from forgather_lint.documents.commands.found import kind_of

BESIDE = ".forgather-lint"
"""The ending of a file whose comments are about the JSON file beside it, which can have none."""


@record
class Comment:
    """A comment from its `#` to the end of the line; both numbers count from 1.

    `speaks_for` is the row that a suppression in it applies to: its own, or the next with code when
    the comment has a line of its own.
    """

    row: int
    column: int
    text: str
    speaks_for: int


def comments_of(path: str, text: str) -> Iterator[Comment]:
    """The comments of `text`; the suffix of `path` tells the format.

    None where it has no comments.
    """
    if path.endswith((".py", ".pyi")):
        places = _python(text)
    elif path.endswith((".yaml", ".yml")):
        places = _yaml(text)
    elif path.endswith(BESIDE) or kind_of(Path(path)) is not None:
        places = _script(text)
    else:
        return
    lines = text.split("\n")
    speaks_for = _next_code(lines)
    for row, column in places:
        line = lines[row - 1]
        alone = not line[: column - 1].strip()
        next_row = speaks_for[row - 1] if alone else row
        yield Comment(row, column, line[column - 1 :].rstrip("\r"), next_row)


def _next_code(lines: list[str]) -> list[int]:
    """For each row the next row, from it on, that holds code; itself when there is none."""
    found, below = list(range(1, len(lines) + 1)), 0
    for row in range(len(lines), 0, -1):
        found[row - 1] = below or row
        line = lines[row - 1].strip()
        if line and not line.startswith("#"):
            below = row
    return found


def _python(text: str) -> Iterator[tuple[int, int]]:
    try:
        for token in python_tokens(text):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.start[1] + 1
    except (tokenize.TokenError, SyntaxError):
        return  # what came before the broken place still counts


def python_tokens(text: str) -> Iterator[tokenize.TokenInfo]:
    """The tokens of a Python text, up to the first error in it.

    Raises `TokenError` or `SyntaxError` there. Python's own `tokenize` before 3.12 goes on behind
    an error character by character, looking at the rest of the line each time; since then it may
    lose its error on the way out of C (lines that are continued to the end of the text).
    """
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.ERRORTOKEN:
                raise tokenize.TokenError(f"no token: {token.string!r}", token.start)
            yield token
    except SystemError as error:
        raise tokenize.TokenError(str(error)) from error


_SCRIPT_COMMENT = re.compile(
    r"""(?>(?:[^"'\\#]|\\.|"(?>(?:[^"\\]|\\.)*)"|'[^']*+'|(?<=\S)#)*)(#)?"""
)


def _script(text: str) -> Iterator[tuple[int, int]]:
    """Row and column of each `#` that begins a word, outside of quotes that end on their line."""
    for row, line in enumerate(text.split("\n"), start=1):
        found = _SCRIPT_COMMENT.match(line)
        if found is not None and found[1]:
            yield row, found.start(1) + 1


# PyYAML's scanner looks at all open brackets for each token.
_MOST_SCANNED, _MOST_TOKENS, _DEEPEST = 256 * 1024, 50_000, 50
_YAML_COMMENT = re.compile(r"(?:^|(?<=\s))#")


def _yaml(text: str) -> Iterator[tuple[int, int]]:
    for row, line in enumerate(_without_scalars(text).split("\n"), start=1):
        if match := _YAML_COMMENT.search(line):
            yield row, match.start() + 1


def _without_scalars(text: str) -> str:
    """`text` with every `#` inside a YAML scalar overwritten, as far as it can be scanned.

    A Forgather template with Jinja statements often cannot be scanned to its end; from there on
    every `#` after a blank is taken for a comment.
    """
    import yaml

    opening = (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken)
    closing = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)
    pieces, end, depth = [], 0, 0
    try:
        for number, token in enumerate(yaml.scan(text[:_MOST_SCANNED], Loader=yaml.SafeLoader)):
            depth += isinstance(token, opening) - isinstance(token, closing)
            if number > _MOST_TOKENS or depth > _DEEPEST:
                break
            if isinstance(token, yaml.ScalarToken):
                start = token.start_mark.index
                pieces.append(text[end:start])
                end = token.end_mark.index
                pieces.append(text[start:end].replace("#", "_"))
    except yaml.YAMLError:
        pass
    return "".join((*pieces, text[end:]))
