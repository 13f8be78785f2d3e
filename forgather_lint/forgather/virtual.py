"""A rendered model as input of the analysis, and findings in it moved back to the templates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from forgather_lint.core.diagnostics import Diagnostic, ResolvedEdit, ResolvedFix, ResolvedLabel
from forgather_lint.core.record import record
from forgather_lint.core.source import Position, Span
from forgather_lint.documents.config_json import parse_config
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.documents.sources import Sources
from forgather_lint.facts.templates import PLANS_OF_THE_GUIDE, Chain
from forgather_lint.forgather.generator import generate
from forgather_lint.forgather.graph import DictNode
from forgather_lint.forgather.model import CONFIG_FILE, RenderedModel
from forgather_lint.forgather.render import Rendering
from forgather_lint.forgather.traced import TemplateLine

_PLAIN_STRING = re.compile(r"""(["'])([^"'\\]*)\1""")

_PLAIN_WORD = re.compile(r"[A-Za-z_][\w.*]*")
"""A name that YAML reads as text without quotes."""
_YAML_ENTRY = re.compile(
    r"""(?P<indent>[ ]*)(?P<quote>["']?)(?P<key>[^"']+)(?P=quote)[ ]*:[ ]+[^\[{&*|>#\r\n]+"""
    r"""(?:[ ]\#[^\r\n]*)?[\r\n]*"""
)


def model_input(model: RenderedModel) -> ModelInput:
    """The model as the analysis takes it: parts from disk, the generated file from memory."""
    files, folder = model.files, _folder(model)
    main = Path(model.main_file).stem
    paths = {Path(name).stem: str(path) for name, path in model.paths.items() if "/" not in name}
    paths[main] = str(folder / model.main_file)
    parsed = parse_config(str(folder / CONFIG_FILE), files[CONFIG_FILE])
    config = replace(parsed, values=model.config, undecided=model.undecided)
    own = model.document.rendering.place(None).span.path
    return ModelInput(own, Sources(paths, {main: files[model.main_file]}), config)


def content(model: RenderedModel) -> tuple[object, ...]:
    """What of a model decides all that is found in it, but for the paths of what is generated."""
    files = model.files
    made = (model.main_file, files[model.main_file], files[CONFIG_FILE])
    return (*made, repr(model.config), repr(model.undecided), tuple(model.paths.items()))


def as_if_read(model: RenderedModel) -> RenderedModel | None:
    """The model with its unread plans under the keys that the code template reads.

    None when there is no such plan. This way errors in the entries of a plan are found before its
    key has been corrected.
    """
    given, reads = model.generator.template_arguments, model.generated.reads
    unread = {
        key: meant
        for key, meant in PLANS_OF_THE_GUIDE.items()
        if key in given and key not in reads and meant in reads and meant not in given
    }
    if not unread:
        return None
    project = model.project
    generated = generate(
        model.generator, project.path, project.fence, project.library, model.document.trace, unread
    )
    return None if generated.rendering.ended else replace(model, generated=generated)


def speaks_of_unread_plan(diagnostic: Diagnostic, model: RenderedModel) -> bool:
    """Whether a (relocated) finding is on an entry of a plan of `model` that nothing reads."""
    arguments = model.generator.template_arguments
    plans = [arguments.get(key) for key in PLANS_OF_THE_GUIDE if key not in model.generated.reads]
    stretches = [at for plan in plans if isinstance(plan, DictNode) for at in plan.keys.values()]
    document = model.document
    places = (document.rendering.place(document.origin(at)).span for at in stretches)
    where = (diagnostic.span.path, diagnostic.span.start.row)
    return where in {(span.path, span.start.row) for span in places}


def _folder(model: RenderedModel) -> Path:
    return model.project.path / model.output_folder


@record(frozen=False, eq=False, slots=False)
class Relocation:
    """Moves findings in generated files to the templates that these come from."""

    model: RenderedModel

    def __call__(self, diagnostic: Diagnostic) -> Diagnostic:
        """`diagnostic` with all its places in files that exist, and the chain of templates."""
        span, chain = self._moved(diagnostic.span)
        related = [replace(each, span=self._moved(each.span)[0]) for each in diagnostic.related]
        steps = [ResolvedLabel(step.where.span, f"this {step.text}") for step in chain]
        fix = self.fix(diagnostic.fix) if diagnostic.fix else None
        return replace(diagnostic, span=span, related=(*related, *steps), fix=fix)

    def span(self, span: Span) -> Span:
        """The span in a template of what is at `span` in a generated file."""
        return self._moved(span)[0]

    def _moved(self, span: Span) -> tuple[Span, Chain]:
        found = self._origin(span)
        if found is None:
            return span, ()
        rendering, origin, fragment = found
        return rendering.place(origin, fragment).span, rendering.chain(origin)

    def _origin(self, span: Span) -> tuple[Rendering, TemplateLine, str] | None:
        """The rendering and template line that a generated place comes from, and its text.

        Or None.
        """
        if span.path == str(_folder(self.model) / CONFIG_FILE):
            return self._key_origin(span.start.row)
        if span.path != str(_folder(self.model) / self.model.main_file):
            return None
        start = self._offset(span.start.row, span.start.column)
        end = self._offset(span.end.row, span.end.column)
        text = self.model.generated.text
        origin = next((o for at in range(start, -1, -1) if (o := text.origin_at(at))), None)
        if origin is None:
            return None
        fragment = text.plain[start:end].partition("\n")[0]
        rendering = self._rendering(origin)
        return rendering, origin, self._as_written(rendering, origin, fragment)

    def _key_origin(self, row: int) -> tuple[Rendering, TemplateLine, str] | None:
        lines = self.model.files[CONFIG_FILE].splitlines()
        key = re.match(r'  "(\w+)":', lines[row - 1]) if row <= len(lines) else None
        at = self.model.config_keys.get(key[1]) if key else None
        document = self.model.document
        origin = document.origin(at) if at else None
        return (document.rendering, origin, key[1]) if origin and key else None

    def _rendering(self, origin: TemplateLine) -> Rendering:
        """The rendering of the code template, or that of the configuration."""
        code = self.model.generated.rendering
        names = {code.name, *(load.name for load in code.loads)}
        return code if origin.template in names else self.model.document.rendering

    def _as_written(self, rendering: Rendering, origin: TemplateLine, fragment: str) -> str:
        """`fragment` with the quotes that the template uses, or none."""
        line = rendering.line(origin)
        quoted = _PLAIN_STRING.fullmatch(fragment)
        inner = quoted[2] if quoted else fragment
        spellings = (fragment, f'"{inner}"', f"'{inner}'", inner)
        return next((each for each in spellings if each and each in line), "")

    def fix(self, fix: ResolvedFix) -> ResolvedFix | None:
        """The fix in templates, if every edit replaces a quoted text that is unique on its line."""
        edits = list(self._edits(fix))
        return replace(fix, edits=tuple(edits)) if len(edits) == len(fix.edits) else None

    def _edits(self, fix: ResolvedFix) -> Iterator[ResolvedEdit]:
        for edit in fix.edits:
            if edit.beside is not None:
                yield from self._lines_of_yaml(edit, edit.beside)
                continue
            found = self._origin(edit.span)
            content = _PLAIN_STRING.fullmatch(edit.content)
            if found is None or content is None:
                continue
            rendering, origin, fragment = found
            quoted = _PLAIN_STRING.fullmatch(fragment)
            if rendering.line(origin).count(fragment) != 1:
                continue
            if quoted:
                written = f"{quoted[1]}{content[2]}{quoted[1]}"
            elif _PLAIN_WORD.fullmatch(fragment) and _PLAIN_WORD.fullmatch(content[2]):
                written = content[2]
            else:
                continue
            yield ResolvedEdit(rendering.place(origin, fragment).span, written)

    def _lines_of_yaml(self, edit: ResolvedEdit, beside: Span) -> Iterator[ResolvedEdit]:
        """The entries that `edit` adds, as lines behind that of the entry they follow."""
        found = self._origin(beside)
        if found is None:
            return
        rendering, origin, fragment = found
        line = rendering.line(origin)
        written = _YAML_ENTRY.fullmatch(line)
        if written is None or not fragment.strip("\"'") or written["key"] != fragment.strip("\"'"):
            return
        quote, indent = written["quote"] or '"', written["indent"]
        added = "".join(
            f"\n{indent}{quote}{key}{quote}: {quote}{value}{quote}" for key, value in edit.entries
        )
        row = rendering.place(origin, fragment).span.start.row
        at = Position(row, len(line.rstrip("\r\n")) + 1)
        yield ResolvedEdit(Span(rendering.place(origin).span.path, at, at), added)

    def _offset(self, row: int, column: int) -> int:
        return self._starts[min(row, len(self._starts)) - 1] + column - 1

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for line in self.model.generated.text.plain.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        return starts
