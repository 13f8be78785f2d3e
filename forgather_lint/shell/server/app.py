"""The server itself: what clients ask, and when a model is analysed again. No more than that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

from forgather_lint.core.about import NAME, version
from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.core.printable import printable
from forgather_lint.core.record import record
from forgather_lint.linting.report import ModelReport
from forgather_lint.session.picture import Picture
from forgather_lint.session.texts import Texts
from forgather_lint.shell.server import actions, hover
from forgather_lint.shell.server.buffers import Buffers, path_of, uri_of
from forgather_lint.shell.server.diagnostics import files_of, findings_in, shown
from forgather_lint.shell.server.link import Ended, Link
from forgather_lint.shell.server.positions import UNITS, Atlas
from forgather_lint.shell.server.questions import (
    Check,
    Choices,
    Done,
    Found,
    Look,
    Mend,
    Mended,
    Note,
    Seen,
)

AT_ONCE = 0.01
"""Seconds after a change in which others belong to it, when nothing is being done."""
WATCHED = ("py", "json", "yaml", "yml", "jinja", "toml", "safetensors")
"""Suffixes of files that an answer may rest on."""
PAUSE = 0.15
"""Seconds without a change after which a running analysis is outdated."""
SLOW = 1.0
"""Seconds after which the user is told that something is being done."""


@record
class Held:
    """The last reports on a place, and the texts that they are about."""

    reports: tuple[ModelReport, ...]
    texts: Texts
    pages: Mapping[str, str]


@record(frozen=False, eq=False)
class Desk:
    """What is open, what was found, and what has to be asked next."""

    link: Link
    buffers: Buffers = field(default_factory=Buffers)
    choices: Choices = Choices()
    held: dict[str, Held] = field(default_factory=dict)
    changed: float = 0.0
    dirty: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def findings(self, path: str) -> list[Diagnostic]:
        """What was found in the file `path`, of its text as it stands now."""
        reports = [
            report
            for held in self.held.values()
            if self.holds(held, path)
            for report in held.reports
        ]
        return findings_in(path, reports)

    def holds(self, held: Held, path: str) -> bool:
        """Whether what is held speaks of the text of `path` as it stands now."""
        buffer = self.buffers.on(path)
        return held.texts.get(path) == (buffer.text if buffer else None)

    @property
    def pages(self) -> dict[str, str]:
        """The files that rules are written in, by code."""
        return {code: page for held in self.held.values() for code, page in held.pages.items()}

    @property
    def atlas(self) -> Atlas:
        """The texts as they stand now."""
        return Atlas(self.buffers.texts, self.buffers.unit, self._uri)

    def _uri(self, path: str) -> str:
        buffer = self.buffers.on(path)
        return buffer.uri if buffer else uri_of(path)


class Server(LanguageServer):
    """The protocol's side: sends what the desk has, starts what it needs."""

    def __init__(self, link: Link) -> None:
        super().__init__(NAME, version())
        self.desk = Desk(link)
        self.desk.idle.set()
        self._sent: dict[str, tuple[int | None, tuple[lsp.Diagnostic, ...]]] = {}
        self._runner: asyncio.Task[None] | None = None
        self._notes: set[str] = set()

    def touch(self) -> None:
        """Something has changed: look at it soon."""
        desk = self.desk
        desk.changed = time.monotonic()
        desk.idle.clear()
        desk.dirty.set()
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Ask until nothing has changed meanwhile; what is outdated is not waited for."""
        desk = self.desk
        running: set[asyncio.Task[None]] = set()
        while desk.dirty.is_set():
            await _pause(desk, PAUSE if running else AT_ONCE)
            desk.dirty.clear()
            task = asyncio.create_task(self._check())
            running.add(task)
            while not task.done() and not desk.dirty.is_set():
                woken = asyncio.create_task(desk.dirty.wait())
                await asyncio.wait({task, woken}, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
            running = {each for each in running if not each.done()}
        desk.idle.set()

    async def _check(self) -> None:
        desk = self.desk
        asked = Check(desk.choices, desk.buffers.texts, desk.buffers.latest_first)
        seen: set[str] = set()
        with suppress(Ended):
            async for answer in desk.link.answers(asked):
                match answer:
                    case Note(text):
                        self._tell_once(text)
                    case Found():
                        seen.add(answer.place)
                        self._take(answer, asked.texts)
                    case Done(outdated=False):
                        gone = [desk.held.pop(each) for each in list(desk.held) if each not in seen]
                        self.publish(file for each in gone for file in files_of(each.reports))
                        self.publish(asked.documents)
                    case _:
                        pass

    def _take(self, found: Found, texts: Texts) -> None:
        desk = self.desk
        before = desk.held.get(found.place)
        desk.held[found.place] = Held(found.reports, texts, found.pages)
        files = files_of(found.reports) | (files_of(before.reports) if before else set())
        # What is open comes last: when it is there, all is.
        self.publish([*sorted(files.difference(found.documents)), *found.documents])
        if not found.known:
            self._log(found)

    def _log(self, found: Found) -> None:
        for each in found.reports:
            told = f"{len(each.files)} files read, {len(each.diagnostics)} findings"
            told = each.error or told
            message = printable(f"{each.path}: {told}, {found.seconds * 1000:.0f} ms")
            kind = lsp.MessageType.Error if each.error else lsp.MessageType.Log
            self.window_log_message(lsp.LogMessageParams(kind, message))
            for file in each.files:
                self.window_log_message(
                    lsp.LogMessageParams(lsp.MessageType.Debug, printable(f"  read {file}"))
                )

    def _tell_once(self, text: str) -> None:
        if text not in self._notes:
            self._notes.add(text)
            self.window_show_message(
                lsp.ShowMessageParams(lsp.MessageType.Warning, printable(f"{NAME}: {text}"))
            )

    def publish(self, paths: Iterable[str]) -> None:
        """Send what is found in files where that has changed; outdated positions are not sent."""
        desk, atlas = self.desk, self.desk.atlas
        for path in dict.fromkeys(paths):
            buffer = desk.buffers.on(path)
            if any(path in files_of(held.reports) for held in desk.held.values()) and not all(
                desk.holds(held, path)
                for held in desk.held.values()
                if path in files_of(held.reports)
            ):
                continue
            told = [shown(each, atlas, desk.pages) for each in desk.findings(path)]
            number = buffer.version if buffer else None
            if self._sent.get(path, (None, ())) == (number, tuple(told)):
                continue
            if told or buffer:
                self._sent[path] = number, tuple(told)
            else:
                self._sent.pop(path, None)
            uri = buffer.uri if buffer else uri_of(path)
            self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, told, number))

    async def watch_files(self) -> None:
        """Ask to be told when files change that are not open."""
        workspace = self.client_capabilities.workspace
        known = workspace.did_change_watched_files if workspace else None
        if not (known and known.dynamic_registration):
            return
        options = lsp.DidChangeWatchedFilesRegistrationOptions(
            [lsp.FileSystemWatcher(f"**/*.{{{','.join(WATCHED)}}}")]
        )
        method = lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES
        registration = lsp.Registration("watched-files", method, options)
        await self.client_register_capability_async(lsp.RegistrationParams([registration]))

    async def pictures(self, document: str) -> list[Picture]:
        """What the models look like that `document` belongs to, as the texts stand now."""
        desk = self.desk
        await desk.idle.wait()
        asked = Look(desk.choices, desk.buffers.texts, document)
        with suppress(Ended):
            return [
                each.picture async for each in desk.link.answers(asked) if isinstance(each, Seen)
            ]
        return []

    async def mended(self, document: str) -> Sequence[Mended]:
        """What safe fixes make of the texts where `document` belongs."""
        desk = self.desk
        await desk.idle.wait()
        asked = Mend(desk.choices, desk.buffers.texts, document)
        with suppress(Ended):
            return [each async for each in desk.link.answers(asked) if isinstance(each, Mended)]
        return []


async def _pause(desk: Desk, seconds: float) -> None:
    """Wait until so many seconds have passed without a change."""
    while (left := desk.changed + seconds - time.monotonic()) > 0:
        await asyncio.sleep(left)


def server(link: Link) -> Server:
    """The server with all that it can be asked."""
    made = Server(link)

    @made.feature(lsp.INITIALIZE)
    def _initialize(ls: Server, params: lsp.InitializeParams) -> None:
        folders = [each.uri for each in params.workspace_folders or ()]
        folders = folders or ([params.root_uri] if params.root_uri else [])
        roots = tuple(path for path in map(path_of, folders) if path is not None)
        ls.desk.choices = Choices(roots)

    @made.feature(lsp.INITIALIZED)
    async def _initialized(ls: Server, _: lsp.InitializedParams) -> None:
        encoding = ls.server_capabilities.position_encoding or lsp.PositionEncodingKind.Utf16
        ls.desk.buffers.unit = UNITS[lsp.PositionEncodingKind(encoding)]
        await ls.watch_files()

    @made.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def _open(ls: Server, params: lsp.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        if ls.desk.buffers.open(document.uri, document.version, document.text):
            ls.touch()

    @made.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def _change(ls: Server, params: lsp.DidChangeTextDocumentParams) -> None:
        document = params.text_document
        if ls.desk.buffers.change(document.uri, document.version, params.content_changes):
            ls.touch()

    @made.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def _close(ls: Server, params: lsp.DidCloseTextDocumentParams) -> None:
        if ls.desk.buffers.close(params.text_document.uri):
            ls.touch()

    @made.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def _save(ls: Server, _: lsp.DidSaveTextDocumentParams) -> None:
        ls.touch()

    @made.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def _watched(ls: Server, _: lsp.DidChangeWatchedFilesParams) -> None:
        ls.touch()

    @made.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=list(actions.KINDS))
    )
    async def _actions(ls: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        return await code_actions(ls, params)

    @made.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def _hover(ls: Server, params: lsp.HoverParams) -> lsp.Hover | None:
        buffer = ls.desk.buffers.at(params.text_document.uri)
        if buffer is None:
            return None
        where = ls.desk.atlas.here(buffer.path, params.position)
        for picture in await ls.pictures(buffer.path):
            told = hover.at(picture, buffer.path, where)
            if told is not None:
                content = lsp.MarkupContent(lsp.MarkupKind.Markdown, told.text)
                return lsp.Hover(content, ls.desk.atlas.range(told.span))
        return None

    @made.feature(lsp.SHUTDOWN)
    def _shutdown(ls: Server, _: None) -> None:
        ls.desk.link.end()

    return made


async def code_actions(ls: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """The offers at a place, and all safe fixes where those are asked for."""
    desk, only = ls.desk, params.context.only
    buffer = desk.buffers.at(params.text_document.uri)
    if buffer is None:
        return []
    atlas, found = desk.atlas, desk.findings(buffer.path)
    made = []
    if actions.wanted(lsp.CodeActionKind.QuickFix, only):
        start = atlas.here(buffer.path, params.range.start)
        end = atlas.here(buffer.path, params.range.end)
        for offer in actions.offers(found, start, end, buffer.text):
            if all(_speaks_of_now(ls, path) for path in offer.edits):
                made.append(_action(ls, offer, atlas))
    if only is not None and actions.wanted(actions.FIX_ALL, only):
        mended = await ls.mended(buffer.path)
        edits = {
            change.path: actions.edits_of_change(change)
            for each in mended
            for change in each.changes
        }
        now = desk.buffers.on(buffer.path)
        if edits and now is not None and now.version == buffer.version:
            offer = actions.Offer("Mend what can be mended safely", actions.FIX_ALL, edits)
            made.append(_action(ls, offer, atlas))
    return made


def _speaks_of_now(ls: Server, path: str) -> bool:
    return any(ls.desk.holds(held, path) for held in ls.desk.held.values())


def _action(ls: Server, offer: actions.Offer, atlas: Atlas) -> lsp.CodeAction:
    desk = ls.desk
    versions = {path: each.version for path in offer.edits if (each := desk.buffers.on(path))}
    edit = actions.edit_of(offer.edits, atlas, versions)
    workspace = ls.client_capabilities.workspace
    known = workspace.workspace_edit if workspace else None
    if not (known and known.document_changes):
        edit = actions.without_versions(edit)
    ends = [shown(each, atlas, desk.pages) for each in offer.ends]
    return lsp.CodeAction(offer.title, offer.kind, ends or None, offer.preferred or None, edit=edit)
