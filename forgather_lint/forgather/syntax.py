"""Forgather's template syntax, translated to Jinja row by row.

Behaviour follows `split_templates`, `preprocess` and `preprocess_toml_blocks` of
src/forgather/preprocess.py (jdinalt/forgather); every row of the Jinja text remembers the row of
the file that it was made from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field

from forgather_lint.core.record import record

_NEXT_TEMPLATE = re.compile(r"\n#\s*-{3,}\s*([\w./]+)\s*-{3,}\n")
_TRAILING_COMMENT = re.compile(r"\s##")
_LINE_STATEMENT = re.compile(r"\s*(--|<<|>>|==|=>)\s(.*)")
_BLOCK_HEADER = re.compile(r"(\s*)\[(\w+)(!)*\]\s*")

_AS_JINJA = {
    "--": "{{% {} %}}",
    "<<": "{{%- {} %}}",
    ">>": "{{% {} -%}}",
    "==": "{{{{ {} }}}}",
    "=>": "{{{{ {}|trim('\\n')}}}}",
}


@record
class TemplateText:
    """One template as Jinja reads it; `rows[i]` is the file's row of line `i + 1` of `jinja`.

    `name` is None for the first template of a file, which is found by the file's own name.
    """

    name: str | None
    jinja: str
    rows: tuple[int, ...]

    def file_row(self, line: int) -> int:
        """The row in the file of `line` (from 1) of the Jinja text."""
        return self.rows[min(line, len(self.rows)) - 1]


def read_templates(text: str) -> tuple[TemplateText, ...]:
    """Split a file at its `#--- name ---` rows and translate each template."""
    return tuple(_translate(name, part, row) for name, part, row in _split(text))


def _split(text: str) -> Iterator[tuple[str | None, str, int]]:
    name, start, row = None, 0, 1
    for header in _NEXT_TEMPLATE.finditer(text):
        yield name, text[start : header.start()], row
        row += text.count("\n", start, header.end())
        name, start = header[1], header.end()
    yield name, text[start:], row


def _translate(name: str | None, text: str, first_row: int) -> TemplateText:
    blocks = _BlockWriter()
    for row, line in enumerate(re.split(r"\r\n|\n|\r", text), first_row):
        translated = _statement(line)
        if translated is not None:
            blocks.add(translated, row)
    blocks.close_from(0)
    return TemplateText(name, "\n".join(blocks.lines), tuple(blocks.rows) or (first_row,))


def _statement(line: str) -> str | None:
    """`line` without comments and as a Jinja tag; None when nothing is left."""
    if line.lstrip().startswith("##"):
        return None
    comments = list(_TRAILING_COMMENT.finditer(line))
    if comments:
        line = line[: comments[-1].start()]
    statement = _LINE_STATEMENT.fullmatch(line)
    return _AS_JINJA[statement[1]].format(statement[2]) if statement else line


@record(frozen=False)
class _BlockWriter:
    """Turns `[name]` headers into block tags; indentation says where a block ends."""

    lines: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    open: list[tuple[str, int, bool]] = field(default_factory=list)

    def add(self, line: str, row: int) -> None:
        header = _BLOCK_HEADER.fullmatch(line)
        if header:
            indent, trimmed = len(header[1]), header[3] is not None
            self.close_from(indent)
            line = ("{% filter trim %}" if trimmed else "") + f"{{% block {header[2]} %}}"
            self.open.append((header[2], indent, trimmed))
        self.lines.append(line)
        self.rows.append(row)

    def close_from(self, indent: int) -> None:
        """Close the open blocks whose header is indented by `indent` or more."""
        while self.open and self.open[-1][1] >= indent:
            name, _, trimmed = self.open.pop()
            newline = r"{{'\n'}}" if self.lines[-1] else ""
            ending = f"{{% endblock {name} +%}}" + ("{% endfilter %}" if trimmed else "")
            self.lines[-1] += newline + ending
