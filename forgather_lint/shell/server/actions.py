"""The code actions at a place: fixes, and comments that suppress a finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from lsprotocol import types as lsp

from forgather_lint.core.diagnostics import Applicability, Diagnostic, ResolvedEdit
from forgather_lint.core.paths import absolute
from forgather_lint.core.source import Lines, Position, Span
from forgather_lint.linting.report import FileChange
from forgather_lint.shell.server.positions import Atlas

FIX_ALL = "source.fixAll.forgatherLint"
INFER = "source.inferPlan.forgatherLint"
KINDS = (lsp.CodeActionKind.QuickFix.value, FIX_ALL, INFER)


class Offer(NamedTuple):
    """A change that can be made, and the findings that it ends."""

    title: str
    kind: str
    edits: Mapping[str, Sequence[ResolvedEdit]]
    ends: tuple[Diagnostic, ...] = ()
    preferred: bool = False


def wanted(kind: str, only: Iterable[str] | None) -> bool:
    """Whether a client that asks for the kinds `only` accepts `kind`."""
    return only is None or any(kind == each or kind.startswith(f"{each}.") for each in only)


def offers(
    found: Sequence[Diagnostic], start: Position, end: Position, text: str
) -> Iterator[Offer]:
    """The offers for the findings of one file that touch the stretch, fixes first."""
    here = [each for each in found if each.span.start <= end and start <= each.span.end]
    for each in here:
        if each.fix is not None and each.fix.edits:
            safe = each.fix.applicability is Applicability.SAFE
            yield Offer(
                each.fix.title, lsp.CodeActionKind.QuickFix, by_file(each.fix.edits), (each,), safe
            )
    from forgather_lint.linting.silencing import silenced  # the start does not wait for it

    for code, group in _by_code(here).items():
        silencing = silenced(text, group[0])
        if silencing is not None:
            title = f"Ignore {code} on this line"
            edits = {absolute(group[0].span.path): [silencing]}
            yield Offer(title, lsp.CodeActionKind.QuickFix, edits, tuple(group))


def by_file(edits: Iterable[ResolvedEdit]) -> dict[str, list[ResolvedEdit]]:
    """`edits` by the absolute path of the file they change."""
    found: dict[str, list[ResolvedEdit]] = {}
    for each in edits:
        found.setdefault(absolute(each.span.path), []).append(each)
    return found


def _by_code(found: Iterable[Diagnostic]) -> dict[str, list[Diagnostic]]:
    groups: dict[str, list[Diagnostic]] = {}
    for each in found:
        group = groups.setdefault(each.code, [])
        if not group or group[0].span.start.row == each.span.start.row:
            group.append(each)
    return groups


def edit_of(
    edits: Mapping[str, Sequence[ResolvedEdit]], atlas: Atlas, versions: Mapping[str, int]
) -> lsp.WorkspaceEdit:
    """`edits` in the protocol's form; each open document has to be of the given version."""
    changes: list[lsp.TextDocumentEdit | lsp.CreateFile | lsp.RenameFile | lsp.DeleteFile] = []
    for path, each in edits.items():
        document = lsp.OptionalVersionedTextDocumentIdentifier(
            uri=atlas.uri(path), version=versions.get(path)
        )
        texts = [lsp.TextEdit(atlas.range(one.span), one.content) for one in _once(each)]
        changes.append(lsp.TextDocumentEdit(document, list(texts)))
    return lsp.WorkspaceEdit(document_changes=changes)


def without_versions(edit: lsp.WorkspaceEdit) -> lsp.WorkspaceEdit:
    """`edit` for a client that does not support versions."""
    changes = {
        each.text_document.uri: [one for one in each.edits if isinstance(one, lsp.TextEdit)]
        for each in edit.document_changes or ()
        if isinstance(each, lsp.TextDocumentEdit)
    }
    return lsp.WorkspaceEdit(changes=changes)


def _once(edits: Sequence[ResolvedEdit]) -> Iterable[ResolvedEdit]:
    return sorted(dict.fromkeys(edits), key=lambda each: each.span)


def edits_of_change(change: FileChange) -> list[ResolvedEdit]:
    """The edits that make `change`, replacing as few lines as possible."""
    before, after = Lines(change.before), Lines(change.after)
    old, new = _rows(change.before, before), _rows(change.after, after)
    return list(_replaced(change.path, old, new))


def _rows(text: str, lines: Lines) -> list[str]:
    rows = lines.position(len(text)).row
    return [lines.row(row) for row in range(1, rows + 1)]


def _replaced(path: str, old: list[str], new: list[str]) -> Iterator[ResolvedEdit]:
    from difflib import SequenceMatcher  # only who mends pays for it

    for kind, start, end, first, last in SequenceMatcher(None, old, new, False).get_opcodes():
        if kind != "equal":
            span = Span(path, Position(start + 1, 1), Position(end + 1, 1))
            yield ResolvedEdit(span, "".join(new[first:last]))
