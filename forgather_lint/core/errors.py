"""An error of Python as text."""

from __future__ import annotations


def printed_error(kind: str, text: str) -> str:
    """The last line of a traceback: without a message there is no colon either."""
    return f"{kind}: {text}" if text else kind
