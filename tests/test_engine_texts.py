"""What an engine says stands in its data, with the file it was read from, and nowhere in code."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from forgather_lint.engines.fact import DATA
from forgather_lint.engines.registry import projects

ENGINE = Path(__file__).parent.parent / "forgather_lint"
FILES = sorted(
    file for folder in ("engines", "execution") for file in (ENGINE / folder).rglob("*.py")
)

OF_PYTHON_OR_TORCH = re.compile(
    r"(ModuleNotFoundError: No module named|ImportError: cannot import name|TypeError: \{"
    r"|RuntimeError: The size of tensor a|AttributeError: ('NoneType' object|module ))"
)
"""Errors that no engine words: they are the same whatever raises them."""

PYTHONS_OWN = "object has no attribute"
"""Part of a text that the data may have, for the case to be named, and that Python words."""


@cache
def literals(file: Path) -> tuple[tuple[int, str], ...]:
    """The texts that `file` writes, f-strings with a hole for each value, docstrings left out."""
    tree = ast.parse(file.read_text("utf-8"))
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return tuple(
        (node.lineno, text)
        for node in ast.walk(tree)
        if isinstance(node, ast.expr)
        and id(node) not in parts | docs
        and (text := _text(node)) is not None
    )


def _text(node: ast.AST) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(each) or "{}" for each in values)
    return None


def told_in_data() -> Iterator[str]:
    """The longest piece between placeholders of each text in the data, if it tells a text."""
    for project in projects():
        for file in (DATA / project).glob("*.toml"):
            for rows in tomllib.loads(file.read_text("utf-8")).values():
                for row in rows.values():
                    said = row.get("is")
                    if isinstance(said, dict) and not row.get("native"):
                        pieces = re.split(r"\{\w+\}", str(said.get("text", "")))
                        longest = max(pieces, key=len).strip()
                        if len(longest) > 25 and PYTHONS_OWN not in longest:
                            yield longest


def test_no_text_of_the_data_is_repeated_in_code() -> None:
    told = sorted(set(told_in_data()))
    assert len(told) > 30
    repeated = [
        f"{file.relative_to(ENGINE)}:{line}: {text}"
        for file in FILES
        for line, text in literals(file)
        if any(each in text for each in told)
    ]
    assert repeated == []


def test_no_error_is_worded_in_code() -> None:
    worded = [
        f"{file.relative_to(ENGINE)}:{line}: {text}"
        for file in FILES
        for line, text in literals(file)
        if re.match(r"\w+(Error|Exception): ", text) and not OF_PYTHON_OR_TORCH.match(text)
    ]
    assert worded == []
