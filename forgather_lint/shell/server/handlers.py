"""The requests of clients: each is turned into a call of a feature and back, no more."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

from lsprotocol import types as lsp

from forgather_lint.core.diagnostics import ResolvedEdit
from forgather_lint.core.source import Lines, Position, Span
from forgather_lint.session.picture import Picture
from forgather_lint.shell.server import actions, completion, hover, lenses, navigation
from forgather_lint.shell.server.app import Server
from forgather_lint.shell.server.buffers import Buffer, path_of
from forgather_lint.shell.server.client_settings import SECTION
from forgather_lint.shell.server.diagnostics import shown
from forgather_lint.shell.server.link import Link
from forgather_lint.shell.server.positions import UNITS, Atlas
from forgather_lint.shell.server.questions import Choices, Mended

INFER, INSERT = f"{SECTION}.inferPlan", f"{SECTION}.insertMissingEntries"
TITLES = {INFER: "Infer the plan from the data flow", INSERT: "Insert the missing entries"}


def server(link: Link) -> Server:
    """The server with all its request handlers."""
    made = Server(link)
    _life(made)
    _documents(made)
    _actions(made)
    _reading(made)
    _navigation(made)
    return made


def _life(made: Server) -> None:
    @made.feature(lsp.INITIALIZE)
    def _initialize(ls: Server, params: lsp.InitializeParams) -> None:
        folders = [each.uri for each in params.workspace_folders or ()]
        folders = folders or ([params.root_uri] if params.root_uri else [])
        roots = tuple(path for path in map(path_of, folders) if path is not None)
        ls.desk.choices = Choices(roots)
        if params.initialization_options:
            ls.choose(params.initialization_options)
        if ls.pulls:
            # Neovim 0.11 asks whoever offers it, though it cannot be told when to ask again: it
            # would show what is sent and what was asked for, side by side.
            _diagnostics(ls)

    @made.feature(lsp.INITIALIZED)
    async def _initialized(ls: Server, _: lsp.InitializedParams) -> None:
        encoding = ls.server_capabilities.position_encoding or lsp.PositionEncodingKind.Utf16
        ls.desk.buffers.unit = UNITS[lsp.PositionEncodingKind(encoding)]
        await ls.watch_files()
        await ls.ask_for_settings()

    @made.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def _configured(ls: Server, params: lsp.DidChangeConfigurationParams) -> None:
        if params.settings:
            ls.choose(params.settings)
            ls.touch()
        await ls.ask_for_settings()

    @made.feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def _folders(ls: Server, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        gone = {path_of(each.uri) for each in params.event.removed}
        new = [path_of(each.uri) for each in params.event.added]
        roots = [each for each in (*ls.desk.choices.roots, *new) if each and each not in gone]
        choices = ls.desk.choices
        ls.desk.choices = Choices(tuple(dict.fromkeys(roots)), choices.options, choices.config)
        ls.touch()

    @made.feature(lsp.SHUTDOWN)
    def _shutdown(ls: Server, _: None) -> None:
        ls.desk.link.end()


def _documents(made: Server) -> None:
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


def _diagnostics(made: Server) -> None:
    options = lsp.DiagnosticOptions(
        inter_file_dependencies=True, workspace_diagnostics=True, identifier=SECTION
    )

    @made.feature(lsp.TEXT_DOCUMENT_DIAGNOSTIC, options)
    async def _pull(
        ls: Server, params: lsp.DocumentDiagnosticParams
    ) -> lsp.RelatedFullDocumentDiagnosticReport | lsp.RelatedUnchangedDocumentDiagnosticReport:
        await ls.desk.idle.wait()
        path = path_of(params.text_document.uri) or ""
        found = ls.diagnostics(path)
        identity = _identity(found)
        if identity == params.previous_result_id:
            return lsp.RelatedUnchangedDocumentDiagnosticReport(identity)
        return lsp.RelatedFullDocumentDiagnosticReport(found, result_id=identity)

    @made.feature(lsp.WORKSPACE_DIAGNOSTIC)
    async def _pull_all(
        ls: Server, params: lsp.WorkspaceDiagnosticParams
    ) -> lsp.WorkspaceDiagnosticReport:
        before = {each.uri: each.value for each in params.previous_result_ids}
        while True:
            items = await _workspace(ls, before)
            news = any(isinstance(x, lsp.WorkspaceFullDocumentDiagnosticReport) for x in items)
            if news or not before:
                return lsp.WorkspaceDiagnosticReport(items)
            await ls.desk.dirty.wait()  # a client asks again at once: it hears when there is news


async def _workspace(
    ls: Server, before: Mapping[str, str]
) -> list[
    lsp.WorkspaceFullDocumentDiagnosticReport | lsp.WorkspaceUnchangedDocumentDiagnosticReport
]:
    """The reports on all files below the roots; files that have not changed are only named."""
    while (found := await ls.check_all()) is None:
        await asyncio.sleep(0)
    desk = ls.desk
    by_file: dict[str, dict[str, lsp.Diagnostic]] = {}
    atlas = desk.atlas
    for each in found:
        for report in each.reports:
            for one in report.diagnostics:
                told = shown(one, atlas, each.pages)
                by_file.setdefault(atlas.uri(one.span.path), {})[repr(told)] = told
    items: list[
        lsp.WorkspaceFullDocumentDiagnosticReport | lsp.WorkspaceUnchangedDocumentDiagnosticReport
    ] = []
    for uri in dict.fromkeys((*by_file, *before)):
        path = path_of(uri)
        buffer = desk.buffers.on(path) if path else None
        number = buffer.version if buffer else None
        diagnostics = list(by_file.get(uri, {}).values())
        identity = _identity(diagnostics)
        if before.get(uri) == identity:
            items.append(
                lsp.WorkspaceUnchangedDocumentDiagnosticReport(uri, identity, version=number)
            )
        elif diagnostics or uri in before:
            items.append(
                lsp.WorkspaceFullDocumentDiagnosticReport(
                    uri, diagnostics, version=number, result_id=identity
                )
            )
    return items


def _identity(found: Sequence[lsp.Diagnostic]) -> str:
    return hashlib.sha256(repr(found).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _actions(made: Server) -> None:
    options = lsp.CodeActionOptions(code_action_kinds=list(actions.KINDS))

    @made.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, options)
    async def _offered(ls: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        buffer = ls.desk.buffers.at(params.text_document.uri)
        return await _offers(ls, params, buffer) if buffer is not None else []

    @made.command(INFER)
    async def _infer(ls: Server, *arguments: object) -> None:
        await _written(ls, arguments, INFER)

    @made.command(INSERT)
    async def _insert(ls: Server, *arguments: object) -> None:
        await _written(ls, arguments, INSERT)


async def _offers(ls: Server, params: lsp.CodeActionParams, buffer: Buffer) -> list[lsp.CodeAction]:
    """The offers at a place; all safe fixes and plans where those are asked for."""
    desk, only = ls.desk, params.context.only
    atlas, found = desk.atlas, desk.findings(buffer.path)
    start = atlas.here(buffer.path, params.range.start)
    end = atlas.here(buffer.path, params.range.end)
    made = []
    if actions.wanted(lsp.CodeActionKind.QuickFix, only):
        for offer in actions.offers(found, start, end, buffer.text):
            if not any(desk.is_outdated(path) for path in offer.edits):
                made.append(_action(ls, offer, atlas))
    if only is not None and actions.wanted(actions.FIX_ALL, only):
        edits = _edits(await ls.mended(buffer.path))
        now = desk.buffers.on(buffer.path)
        if edits and now is not None and now.version == buffer.version:
            offer = actions.Offer("Mend what can be mended safely", actions.FIX_ALL, edits)
            made.append(_action(ls, offer, atlas))
    if actions.wanted(actions.INFER, only) and any(
        navigation.speaks_of_plans(each, buffer.path, start)
        for each in await ls.last_pictures(buffer.path)
    ):
        for name, title in TITLES.items():
            command = lsp.Command(title, name, arguments=[buffer.uri])
            made.append(lsp.CodeAction(title, actions.INFER, command=command))
    return made


def _edits(mended: Sequence[Mended]) -> dict[str, list[ResolvedEdit]]:
    return {
        change.path: actions.edits_of_change(change) for each in mended for change in each.changes
    }


def _action(ls: Server, offer: actions.Offer, atlas: Atlas) -> lsp.CodeAction:
    ends = [shown(each, atlas, ls.desk.pages) for each in offer.ends]
    edit = _workspace_edit(ls, offer.edits)
    return lsp.CodeAction(offer.title, offer.kind, ends or None, offer.preferred or None, edit=edit)


def _workspace_edit(ls: Server, edits: Mapping[str, Sequence[ResolvedEdit]]) -> lsp.WorkspaceEdit:
    buffers = ls.desk.buffers
    versions = {path: each.version for path in edits if (each := buffers.on(path))}
    edit = actions.edit_of(edits, ls.desk.atlas, versions)
    workspace = ls.client_capabilities.workspace
    known = workspace.workspace_edit if workspace else None
    return edit if known and known.document_changes else actions.without_versions(edit)


async def _written(ls: Server, arguments: Sequence[object], name: str) -> None:
    """Make the client write the inferred plan of the model that a document belongs to."""
    given = arguments[0] if arguments else None
    given = given[0] if isinstance(given, list) and given else given
    path = path_of(given) if isinstance(given, str) else None
    if path is None:
        return
    edits = _edits(await ls.inferred(path, name == INSERT))
    if not edits:
        told = "no plan is inferred here that is not written already"
        ls.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Info, told))
        return
    edit = _workspace_edit(ls, edits)
    await ls.workspace_apply_edit_async(lsp.ApplyWorkspaceEditParams(edit, TITLES[name]))


def _reading(made: Server) -> None:
    @made.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def _hover(ls: Server, params: lsp.HoverParams) -> lsp.Hover | None:
        for picture, path, where in await _looked_at(ls, params):
            told = hover.at(picture, path, where)
            if told is not None:
                content = lsp.MarkupContent(lsp.MarkupKind.Markdown, told.text)
                return lsp.Hover(content, ls.desk.atlas.range(told.span))
        return None

    @made.feature(lsp.TEXT_DOCUMENT_CODE_LENS)
    async def _lenses(ls: Server, params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        path = path_of(params.text_document.uri) or ""
        atlas = ls.desk.atlas
        return [
            lsp.CodeLens(atlas.range(each.span), lsp.Command(each.text, ""))
            for picture in await ls.pictures(path)
            for each in lenses.lenses(picture, path, ls.desk.reports)
        ]

    @made.feature(lsp.TEXT_DOCUMENT_INLAY_HINT)
    async def _hints(ls: Server, params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
        path = path_of(params.text_document.uri) or ""
        if not ls.desk.inlay_hints:
            return []
        atlas, asked = ls.desk.atlas, params.range
        return [
            lsp.InlayHint(
                atlas.position(path, each.where),
                each.text,
                lsp.InlayHintKind.Type,
                tooltip=each.about,
                padding_left=True,
            )
            for picture in await ls.pictures(path)
            for each in lenses.hints(picture, path, asked.start.line + 1, asked.end.line + 1)
        ]

    @made.feature(
        lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=['"', "'", "."])
    )
    async def _complete(ls: Server, params: lsp.CompletionParams) -> list[lsp.CompletionItem]:
        buffer = ls.desk.buffers.at(params.text_document.uri)
        if buffer is None:
            return []
        lines, unit = Lines(buffer.text), ls.desk.buffers.unit
        where = lines.position_behind(params.position.line + 1, params.position.character, unit)
        hole = completion.hole_at(buffer.text, lines.offset(where))
        if hole is None:
            return []
        start = Position(where.row, where.column - len(hole.typed))
        place = lsp.Range(ls.desk.atlas.position(buffer.path, start), params.position)
        kinds = lsp.CompletionItemKind
        return [
            lsp.CompletionItem(
                each.text,
                detail=each.detail or None,
                kind=kinds.Property if hole.is_key else kinds.Value,
                filter_text=each.text,
                text_edit=lsp.TextEdit(place, each.text if hole.quoted else json.dumps(each.text)),
            )
            for picture in (await ls.last_pictures(buffer.path))[:1]
            for each in completion.words(picture, hole)
        ]


def _navigation(made: Server) -> None:
    @made.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    async def _definition(ls: Server, params: lsp.DefinitionParams) -> list[lsp.Location]:
        return await _locations(ls, params, navigation.definitions)

    @made.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    async def _references(ls: Server, params: lsp.ReferenceParams) -> list[lsp.Location]:
        return await _locations(ls, params, navigation.references)

    @made.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def _symbols(ls: Server, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        path, atlas = path_of(params.text_document.uri) or "", ls.desk.atlas
        return [
            _symbol(each, atlas)
            for picture in await ls.pictures(path)
            for each in navigation.symbols(picture, path)
        ]


async def _locations(
    ls: Server,
    params: Pointing,
    found: Callable[[Picture, str, Position], Sequence[Span]],
) -> list[lsp.Location]:
    """The locations that `found` gives for the point, in all models of the document."""
    looked_at = await _looked_at(ls, params)
    return [ls.desk.atlas.location(span) for each in looked_at for span in found(*each)]


def _symbol(symbol: navigation.Symbol, atlas: Atlas) -> lsp.DocumentSymbol:
    place = atlas.range(symbol.span)
    inside = [_symbol(each, atlas) for each in symbol.children]
    kind = lsp.SymbolKind.Object if inside else lsp.SymbolKind.Key
    return lsp.DocumentSymbol(
        symbol.name, kind, place, place, detail=symbol.detail, children=inside or None
    )


Pointing = lsp.HoverParams | lsp.DefinitionParams | lsp.ReferenceParams


async def _looked_at(ls: Server, params: Pointing) -> list[tuple[Picture, str, Position]]:
    """The pictures of a document's models, with its path and the point in question."""
    buffer = ls.desk.buffers.at(params.text_document.uri)
    if buffer is None:
        return []
    pictures = await ls.pictures(buffer.path)
    where = ls.desk.atlas.here(buffer.path, params.position)
    return [(each, buffer.path, where) for each in pictures]
