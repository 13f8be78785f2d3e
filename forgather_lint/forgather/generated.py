"""Models that Forgather has written to disk: findings in them are to be fixed in their sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from forgather_lint.core.diagnostics import Diagnostic, ResolvedFix, ResolvedLabel
from forgather_lint.core.paths import absolute, below
from forgather_lint.core.record import record
from forgather_lint.core.source import Span
from forgather_lint.documents.python import SourceError, read_text
from forgather_lint.forgather.configuration import read_configuration
from forgather_lint.forgather.discover import is_project
from forgather_lint.forgather.library import TemplateLibrary
from forgather_lint.forgather.model import RenderedModel
from forgather_lint.forgather.project import read_project
from forgather_lint.forgather.virtual import Relocation

_MOST_LEVELS = 4
"""How many folders up a model's project is searched: `PROJECT/output_models/NAME`, and more."""


@record(frozen=False, eq=False)
class Generated:
    """A folder of files written for a configuration of a project.

    `model` is what it would write now.
    """

    folder: Path
    model: RenderedModel

    def __call__(self, found: Diagnostic) -> Diagnostic:
        """`found`; if it has a fix in a generated file, with the place and the fix of the source.

        Where the file is not what the source would give now, there is no fix: the lines differ.
        """
        name = below(found.span.path, str(self.folder))
        if found.fix is None or name is None or name not in self.model.files:
            return found
        source = self._source(found.span, name)
        label = ResolvedLabel(source, f"`{name}` is generated from here: change this")
        help = f"{found.help}; `{name}` is generated, change its source".removeprefix("; ")
        fix = self._fix(found.fix, name)
        return replace(found, related=(*found.related, label), help=help, fix=fix)

    def _source(self, span: Span, name: str) -> Span:
        part = self.model.paths.get(name)
        if part is not None:
            return replace(span, path=str(part))
        return Relocation(self.model).span(self._as_rendered(span))

    def _fix(self, fix: ResolvedFix, name: str) -> ResolvedFix | None:
        if not all(self._is_current(edit.span.path) for edit in fix.edits):
            return None
        part = self.model.paths.get(name)
        if part is not None:
            edits = (replace(each, span=replace(each.span, path=str(part))) for each in fix.edits)
            return replace(fix, edits=tuple(edits))
        moved = (
            replace(
                each,
                span=self._as_rendered(each.span),
                beside=self._as_rendered(each.beside) if each.beside else None,
            )
            for each in fix.edits
        )
        return Relocation(self.model).fix(replace(fix, edits=tuple(moved)))

    def _as_rendered(self, span: Span) -> Span:
        """The same place in the model as it is rendered."""
        folder = self.model.project.path / self.model.output_folder
        return replace(span, path=str(folder / Path(span.path).name))

    def _is_current(self, path: str) -> bool:
        """Whether the file is what its source would give now."""
        name = below(path, str(self.folder))
        try:
            return name is not None and read_text(Path(path)) == self.model.files.get(name)
        except SourceError:
            return False


def generated_in(folder: Path) -> Generated | None:
    """The project's configuration that writes the model in `folder`; None if there is none."""
    whole = Path(absolute(str(folder)))
    return next(_models(whole), None)


def _models(folder: Path) -> Iterator[Generated]:
    around = [each for each in folder.parents[:_MOST_LEVELS] if is_project(each)]
    for project in (read_project(each, TemplateLibrary()) for each in around[:1]):
        for config in project.configs if project.fault is None else ():
            model = read_configuration(project, config).model
            if model is None:
                continue
            written = model.project.path / model.output_folder
            if absolute(str(written)) == str(folder):
                yield Generated(folder, model)
