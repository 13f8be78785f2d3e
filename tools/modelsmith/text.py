"""Lines of Python, put together from fragments."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import dedent, indent

Lines = list[str]


def lines(text: str) -> Lines:
    """The lines of a fragment that is written indented."""
    return dedent(text).strip("\n").splitlines() if text.strip() else []


def method(head: str, *parts: Iterable[str]) -> Lines:
    """A method of a class: its head and the lines of its parts, below each other."""
    body = [line for part in parts for line in part] or ["pass"]
    return [f"    {head}", *(f"        {line}" if line else "" for line in body), ""]


def class_of(head: str, *methods: Iterable[str]) -> str:
    """A class with methods."""
    body = "\n".join(line for part in methods for line in part)
    return f"{head}\n{body.rstrip()}\n"


def within(text: str, depth: int) -> str:
    """`text`, indented by `depth` steps."""
    return indent(text, "    " * depth)
