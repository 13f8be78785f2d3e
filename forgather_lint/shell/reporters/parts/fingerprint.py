"""Identifiers of findings that stay the same while lines move."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.shell.reporters.parts.style import Style


def fingerprinted(
    diagnostics: Iterable[Diagnostic], style: Style
) -> Iterator[tuple[Diagnostic, str]]:
    """Each finding with a hash of its code, file and message; equal ones are numbered."""
    seen: Counter[str] = Counter()
    for found in diagnostics:
        subject = "\0".join((found.code, style.path(found.span.path), found.message))
        digest = hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[digest] += 1
        yield found, f"{digest}:{seen[digest]}"
