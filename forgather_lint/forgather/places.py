"""Places in template files, computed only when a report needs them."""

from __future__ import annotations

from collections.abc import Hashable

from forgather_lint.core.record import record
from forgather_lint.core.source import Position, Span
from forgather_lint.forgather.library import TemplateFile


@record
class TemplatePlace:
    """`fragment` on a row of a template file; the whole row where the fragment is not found on it.

    Rendering keeps rows, not columns: the rendered text may be longer or shorter than its row.
    """

    file: TemplateFile
    row: int
    fragment: str = ""

    @property
    def identity(self) -> Hashable:
        return self

    @property
    def span(self) -> Span:
        line = self.file.line(self.row)
        start = line.find(self.fragment) if self.fragment else -1
        if start < 0:
            start, length = len(line) - len(line.lstrip()), len(line.strip())
        else:
            length = len(self.fragment)
        return Span(
            str(self.file.path),
            Position(self.row, start + 1),
            Position(self.row, start + 1 + length),
        )
