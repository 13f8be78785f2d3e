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
    """Each finding with the hash of its code, file and message; equal ones are numbered.

    One that has several places is known by its cause: it is the same when one of them is mended.
    """
    seen: Counter[str] = Counter()
    for found in diagnostics:
        said = found.cause.message if found.places and found.cause else found.message
        subject = "\0".join((found.code, style.path(found.span.path), said))
        digest = hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[digest] += 1
        yield found, f"{digest}:{seen[digest]}"
