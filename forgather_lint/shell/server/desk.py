"""The state of the server: open documents, findings, and the client's settings."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import field

from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.core.record import record
from forgather_lint.linting.report import ModelReport
from forgather_lint.session.texts import Texts
from forgather_lint.shell.server.buffers import Buffers, uri_of
from forgather_lint.shell.server.diagnostics import files_of, findings_in
from forgather_lint.shell.server.link import Link
from forgather_lint.shell.server.positions import Atlas
from forgather_lint.shell.server.questions import Choices


@record
class LastReports:
    """The last reports on a place, the texts that they are about, and the open documents there."""

    reports: tuple[ModelReport, ...]
    texts: Texts
    documents: tuple[str, ...]
    pages: Mapping[str, str]

    def speaks_of(self, path: str) -> bool:
        """Whether the reports, with or without findings, are about the file `path`."""
        return path in self.documents or path in files_of(self.reports)


@record(frozen=False, eq=False)
class Desk:
    """What is open, what was found, and what has to be asked next.

    `held` are the reports by place; `dirty` is set when something has changed and was not analysed
    yet, `idle` when everything has been.
    """

    link: Link
    buffers: Buffers = field(default_factory=Buffers)
    choices: Choices = Choices()
    inlay_hints: bool = False
    held: dict[str, LastReports] = field(default_factory=dict)
    changed: float = 0.0
    dirty: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def findings(self, path: str) -> list[Diagnostic]:
        """The findings in the file `path` that are about its present text."""
        held = (each for each in self.held.values() if self.holds(each, path))
        return findings_in(path, [report for each in held for report in each.reports])

    @property
    def reports(self) -> Iterator[ModelReport]:
        """All reports."""
        for held in self.held.values():
            yield from held.reports

    def holds(self, held: LastReports, path: str) -> bool:
        """Whether the reports in `held` are about the present text of `path`."""
        buffer = self.buffers.on(path)
        return held.texts.get(path) == (buffer.text if buffer else None)

    def is_outdated(self, path: str) -> bool:
        """Whether `path` had another text when its models were analysed."""
        return not all(
            self.holds(each, path) for each in self.held.values() if each.speaks_of(path)
        )

    def is_open(self, path: str, text: str) -> bool:
        """Whether `path` is open with this text."""
        buffer = self.buffers.on(path)
        return buffer is not None and buffer.text == text

    @property
    def pages(self) -> dict[str, str]:
        """The files of the rules, by code."""
        return {code: page for held in self.held.values() for code, page in held.pages.items()}

    @property
    def atlas(self) -> Atlas:
        """The present texts, for converting positions."""
        return Atlas(self.buffers.texts, self.buffers.unit, self._uri)

    def _uri(self, path: str) -> str:
        buffer = self.buffers.on(path)
        return buffer.uri if buffer else uri_of(path)
