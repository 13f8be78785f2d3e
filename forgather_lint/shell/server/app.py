"""Decides when models are analysed again, and what is sent.

Requests of clients are in `handlers`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol.language_server import LanguageServerProtocol, lsp_method

from forgather_lint.core.about import NAME, version
from forgather_lint.core.looks import Asked, Content
from forgather_lint.core.paths import absolute
from forgather_lint.core.printable import printable
from forgather_lint.linting.report import ModelReport
from forgather_lint.session.picture import Picture
from forgather_lint.session.texts import Texts
from forgather_lint.shell.server.buffers import uri_of
from forgather_lint.shell.server.client_settings import SECTION, client_settings
from forgather_lint.shell.server.desk import Desk, LastReports
from forgather_lint.shell.server.diagnostics import files_of, shown
from forgather_lint.shell.server.link import Ended, Link
from forgather_lint.shell.server.questions import (
    Answer,
    Begun,
    Check,
    CheckAll,
    Choices,
    Done,
    Found,
    Infer,
    Mend,
    Mended,
    Note,
    Question,
    Seen,
    Show,
)

AT_ONCE = 0.01
"""When idle: seconds after a change in which further changes are taken together with it."""
PAUSE = 0.15
"""Seconds without a change after which a running analysis counts as outdated."""
MOST_PICTURES, MOST_NOTES = 50, 200
SLOW = 1.0
"""Seconds after which the user is shown that work is going on."""
WATCHED = ("py", "json", "yaml", "yml", "jinja", "toml", "safetensors")
"""Suffixes of files that an answer may rest on."""

Told = tuple[int | None, tuple[lsp.Diagnostic, ...]]


class _Protocol(LanguageServerProtocol):
    """The protocol without the texts that pygls would keep besides ours.

    pygls splits lines as `str.splitlines` does, at form feeds and others, and moves positions that
    do not exist in those lines, in the very message that it then passes on.
    """

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(
        self, params: lsp.DidChangeTextDocumentParams
    ) -> Iterator[tuple[object, tuple[object, ...], None]]:
        """Pass the changes on as they came."""
        handler = self.fm.features.get(lsp.TEXT_DOCUMENT_DID_CHANGE)
        if handler is not None:
            yield handler, (params,), None


class Server(LanguageServer):
    """The protocol side: sends what the desk has, and starts the work that it needs."""

    def __init__(self, link: Link) -> None:
        super().__init__(NAME, version(), protocol_cls=_Protocol)
        self.desk = Desk(link)
        self.desk.idle.set()
        self._sent: dict[str, Told] = {}
        self._whole: dict[str, list[Picture]] = {}
        self._runner: asyncio.Task[None] | None = None
        self._notes: dict[str, None] = {}

    # What the client is and wants.

    @property
    def pulls(self) -> bool:
        """Whether the client asks for diagnostics itself, so that none are sent unasked."""
        document = self.client_capabilities.text_document
        workspace = self.client_capabilities.workspace
        refreshed = workspace.diagnostics if workspace else None
        return bool(document and document.diagnostic and refreshed and refreshed.refresh_support)

    def choose(self, given: object) -> None:
        """Set the client's settings."""
        desk, found = self.desk, client_settings(given)
        desk.inlay_hints = found.inlay_hints
        desk.choices = Choices(desk.choices.roots, found.options, found.config)
        for note in found.notes:
            self.tell_once(note)

    async def ask_for_settings(self) -> None:
        """Ask the client for its settings, if it supports that."""
        workspace = self.client_capabilities.workspace
        if not (workspace and workspace.configuration):
            return
        items = [lsp.ConfigurationItem(section=SECTION)]
        with suppress(JsonRpcException):
            (given,) = await self.workspace_configuration_async(lsp.ConfigurationParams(items))
            if given:
                self.choose(given)
                self.touch()

    async def watch_files(self) -> None:
        """Ask the client to report changes of files that are not open."""
        workspace = self.client_capabilities.workspace
        known = workspace.did_change_watched_files if workspace else None
        if not (known and known.dynamic_registration):
            return
        options = lsp.DidChangeWatchedFilesRegistrationOptions(
            [lsp.FileSystemWatcher(f"**/*.{{{','.join(WATCHED)}}}")]
        )
        method = lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES
        registration = lsp.Registration("watched-files", method, options)
        with suppress(JsonRpcException):
            await self.client_register_capability_async(lsp.RegistrationParams([registration]))

    # What is asked of the process that analyses.

    def touch(self) -> None:
        """Something has changed: analyse soon."""
        desk = self.desk
        desk.changed = time.monotonic()
        desk.idle.clear()
        desk.dirty.set()
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Analyse until nothing has changed meanwhile; an outdated analysis is not waited for."""
        desk, task = self.desk, None
        while desk.dirty.is_set():
            running = task is not None and not task.done()
            await _pause(desk, PAUSE if running else AT_ONCE)
            desk.dirty.clear()
            task = asyncio.create_task(self._check())
            while not task.done() and not desk.dirty.is_set():
                woken = asyncio.create_task(desk.dirty.wait())
                await asyncio.wait({task, woken}, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
        desk.idle.set()

    async def _check(self) -> None:
        desk = self.desk
        asked = Check(desk.choices, desk.buffers.texts, desk.buffers.latest_first)
        seen: set[str] = set()
        async with self._progress("Checking") as told:
            async for answer in self._answers(asked):
                match answer:
                    case Begun(place):
                        told.append(place)
                    case Found():
                        seen.add(answer.place)
                        self._take(answer, asked.texts)
                    case Done(outdated=False):
                        for place in [each for each in desk.held if each not in seen]:
                            del desk.held[place]
                        opened = [x for x, text in asked.texts.items() if desk.is_open(x, text)]
                        # What was skipped as outdated may have been the last word on a file.
                        self.publish([*self._sent, *opened])
                    case _:
                        pass
        if self.pulls:
            self.workspace_diagnostic_refresh(None)

    async def check_all(self) -> list[Found] | None:
        """The findings below all roots; None when another question was asked meanwhile."""
        desk = self.desk
        await desk.idle.wait()
        found: list[Found] = []
        async with self._progress("Checking the workspace") as told:
            async for answer in self._answers(CheckAll(desk.choices, desk.buffers.texts)):
                match answer:
                    case Begun(place):
                        told.append(place)
                    case Found():
                        found.append(answer)
                        if not answer.known:
                            self._log(answer)
                    case Done(outdated=True):
                        return None
                    case _:
                        pass
        return found

    async def pictures(self, document: str) -> list[Picture]:
        """The pictures of the models that `document` belongs to, for the present texts."""
        desk = self.desk
        await desk.idle.wait()
        asked = Show(desk.choices, desk.buffers.texts, document)
        found = [each.picture async for each in self._answers(asked) if isinstance(each, Seen)]
        whole = [each for each in found if not each.undecided]
        if whole:
            self._whole.pop(document, None)
            self._whole[document] = whole
            while len(self._whole) > MOST_PICTURES:
                del self._whole[next(iter(self._whole))]
        return found

    async def last_pictures(self, document: str) -> list[Picture]:
        """The last complete pictures, as what is being typed may not be parseable yet."""
        return self._whole.get(document) or await self.pictures(document)

    async def mended(self, document: str) -> list[Mended]:
        """The texts after safe fixes, of the models that `document` belongs to."""
        desk = self.desk
        await desk.idle.wait()
        asked = Mend(desk.choices, desk.buffers.texts, document)
        return [each async for each in self._answers(asked) if isinstance(each, Mended)]

    async def inferred(self, document: str, missing_only: bool) -> list[Mended]:
        """The texts with inferred plans, of the models that `document` belongs to."""
        desk = self.desk
        await desk.idle.wait()
        asked = Infer(desk.choices, desk.buffers.texts, document, missing_only)
        async with self._progress("Inferring the plan"):
            return [each async for each in self._answers(asked) if isinstance(each, Mended)]

    async def _answers(self, question: Question) -> AsyncIterator[Answer]:
        with suppress(Ended):
            async for answer in self.desk.link.answers(question):
                if isinstance(answer, Note):
                    self.tell_once(answer.text)
                yield answer

    # What is sent.

    def _take(self, found: Found, texts: Texts) -> None:
        desk = self.desk
        before = desk.held.get(found.place)
        desk.held[found.place] = LastReports(found.reports, texts, found.documents, found.pages)
        files = files_of(found.reports) | (files_of(before.reports) if before else set())
        # What is open comes last: when it is there, all is.
        self.publish([*sorted(files.difference(found.documents)), *found.documents])
        if not found.known:
            self._log(found)

    def publish(self, paths: Iterable[str]) -> None:
        """Send the findings in these files, where they have changed and are not outdated."""
        desk, atlas = self.desk, self.desk.atlas
        for path in dict.fromkeys(paths) if not self.pulls else ():
            if desk.is_outdated(path):
                continue
            buffer = desk.buffers.on(path)
            found = self.diagnostics(path)
            told = buffer.version if buffer else None, tuple(found)
            if self._sent.get(path, (None, ())) == told:
                continue
            if found or buffer:
                self._sent[path] = told
            else:
                self._sent.pop(path, None)
            self.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(atlas.uri(path), found, told[0])
            )

    def diagnostics(self, path: str) -> list[lsp.Diagnostic]:
        """The findings in the file `path` that are about its present text."""
        desk, atlas = self.desk, self.desk.atlas
        return [shown(each, atlas, desk.pages) for each in desk.findings(path)]

    def _log(self, found: Found) -> None:
        for each in found.reports:
            read = _read(each)
            told = each.error or f"{len(read)} files read, {len(each.diagnostics)} findings"
            kind = lsp.MessageType.Error if each.error else lsp.MessageType.Log
            self.log(f"{each.path}: {told}, {found.seconds * 1000:.0f} ms", kind)
            for file in read:
                self.log(f"  read {file}", lsp.MessageType.Debug)

    def log(self, text: str, kind: lsp.MessageType = lsp.MessageType.Log) -> None:
        """Write a line to the client's log."""
        self.window_log_message(lsp.LogMessageParams(kind, printable(text)))

    def tell_once(self, text: str) -> None:
        """Tell the user something, but not a second time among the last `MOST_NOTES`."""
        if text not in self._notes:
            self._notes[text] = None
            while len(self._notes) > MOST_NOTES:
                del self._notes[next(iter(self._notes))]
            message = printable(f"{NAME}: {text}")
            self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Warning, message))

    @asynccontextmanager
    async def _progress(self, title: str) -> AsyncIterator[list[str]]:
        """Show progress if the block takes long; it puts what it is doing into the list."""
        at: list[str] = []
        shower = asyncio.create_task(self._show(title, at))
        try:
            yield at
        finally:
            shower.cancel()

    async def _show(self, title: str, at: Sequence[str]) -> None:
        await asyncio.sleep(SLOW)
        window = self.client_capabilities.window
        if not (window and window.work_done_progress):
            return
        token = str(uuid4())
        with suppress(JsonRpcException):
            await self.work_done_progress.create_async(token)
        self.work_done_progress.begin(token, lsp.WorkDoneProgressBegin(title))
        try:
            shown_last = ""
            while True:
                if at and at[-1] != shown_last:
                    shown_last = at[-1]
                    report = lsp.WorkDoneProgressReport(message=printable(shown_last))
                    self.work_done_progress.report(token, report)
                await asyncio.sleep(SLOW / 4)
        finally:
            self.work_done_progress.end(token, lsp.WorkDoneProgressEnd())

    def edit_uri(self, path: str) -> str:
        """The URI of a file, as spelt by the client if it is open."""
        buffer = self.desk.buffers.on(path)
        return buffer.uri if buffer else uri_of(path)


def _read(report: ModelReport) -> list[str]:
    """The files whose contents the report rests on."""
    found = (
        look.path
        for look, state in report.looked_at.items()
        if look.asked is Asked.CONTENT and isinstance(state, Content)
    )
    return list(dict.fromkeys((*map(absolute, report.files), *found)))


async def _pause(desk: Desk, seconds: float) -> None:
    """Wait until `seconds` have passed without a change."""
    while (left := desk.changed + seconds - time.monotonic()) > 0:
        await asyncio.sleep(left)
