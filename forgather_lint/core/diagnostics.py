"""What a rule says (`Finding`) and what a reader gets (`Diagnostic`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from forgather_lint.core.record import record
from forgather_lint.core.source import Place, Span, file_start
from forgather_lint.core.version import ReleaseRange


class Severity(StrEnum):
    """An error is a proof; a warning is likely; info asks for a look."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Applicability(StrEnum):
    """How far a fix may be trusted; the words are ruff's."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    DISPLAY = "display"


@record
class Label:
    """A second place that explains the first."""

    where: Place
    text: str


@record
class Edit:
    """Replace the text at `where` by `content`.

    An edit that adds entries to a mapping also lists them in `entries` (key, value) with the key
    that they come after (`beside`): where the mapping is written by a template, the same entries
    have to be spelt in the template's language instead.
    """

    where: Place
    content: str
    beside: Place | None = None
    entries: tuple[tuple[str, str], ...] = ()


@record
class Fix:
    """Edits that belong together."""

    title: str
    edits: tuple[Edit, ...]
    applicability: Applicability


@record
class OneCause:
    """What several findings of a rule come from: those that have it in common are told as one.

    `message` tells that one, with `{number}` for how many places it has; `help` mends them all.
    """

    message: str
    help: str = ""


@record
class Finding:
    """One defect, as a rule yields it.

    `message` names the cause in one line, `consequence` says what the user will see at run time
    (with the exact error text where there is one), `help` how to mend it. `module` is the dotted
    name of the module concerned, `target` the release of the engine that was judged, if it matters.
    `repeats` is set where the same defect is also reported for the model itself: the code of that
    finding, whose place is one of `related`. `cause` is what other findings of the rule may have
    too: findings with equal causes are shown as one.
    """

    where: Place
    message: str
    label: str = ""
    related: tuple[Label, ...] = ()
    consequence: str = ""
    help: str = ""
    fix: Fix | None = None
    module: str | None = None
    releases: ReleaseRange | None = None
    severity: Severity | None = None
    target: str = ""
    repeats: str = ""
    cause: OneCause | None = None


@record
class ResolvedLabel:
    """A `Label` whose place has been computed."""

    span: Span
    text: str


@record
class ResolvedEdit:
    """An `Edit` whose place has been computed."""

    span: Span
    content: str
    beside: Span | None = None
    entries: tuple[tuple[str, str], ...] = ()


@record
class ResolvedFix:
    """A `Fix` whose places have been computed."""

    title: str
    edits: tuple[ResolvedEdit, ...]
    applicability: Applicability


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """A finding with its rule and its computed positions, ready for a reporter. Picklable.

    `targets` are the releases that it was found for; empty where it does not depend on a release.
    `origin` says which project the file belongs to, where that is not the one that is checked. A
    diagnostic that is shown for several findings has the `places` of all of them, its own first,
    and the `models` that they were found in.
    """

    span: Span
    code: str
    message: str
    name: str = field(compare=False)
    severity: Severity = field(compare=False)
    label: str = field(default="", compare=False)
    related: tuple[ResolvedLabel, ...] = field(default=(), compare=False)
    consequence: str = field(default="", compare=False)
    help: str = field(default="", compare=False)
    fix: ResolvedFix | None = field(default=None, compare=False)
    module: str | None = field(default=None, compare=False)
    releases: ReleaseRange | None = field(default=None, compare=False)
    model: str = field(default="", compare=False)
    targets: tuple[str, ...] = field(default=(), compare=False)
    repeats: str = field(default="", compare=False)
    cause: OneCause | None = field(default=None, compare=False)
    origin: str = field(default="", compare=False)
    places: tuple[ResolvedLabel, ...] = field(default=(), compare=False)
    models: tuple[str, ...] = field(default=(), compare=False)

    @property
    def of_whole_file(self) -> bool:
        """Whether it concerns a file or folder as a whole, and no single line of it."""
        return self.span == file_start(self.span.path)


def resolve(finding: Finding, code: str, name: str, severity: Severity, model: str) -> Diagnostic:
    """Compute the positions of `finding`, raised by the rule `code` on `model`."""
    return Diagnostic(
        span=finding.where.span,
        code=code,
        message=finding.message,
        name=name,
        severity=finding.severity or severity,
        label=finding.label,
        related=tuple(ResolvedLabel(label.where.span, label.text) for label in finding.related),
        consequence=finding.consequence,
        help=finding.help,
        fix=_resolve_fix(finding.fix) if finding.fix else None,
        module=finding.module,
        releases=finding.releases,
        model=model,
        targets=(finding.target,) if finding.target else (),
        repeats=finding.repeats,
        cause=finding.cause,
    )


def merged(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Every diagnostic once, in order of place, with all targets that it was found for."""
    first: dict[Diagnostic, Diagnostic] = {}
    for each in found:
        known = first.setdefault(each, each)
        if known.targets != each.targets:
            targets = tuple(dict.fromkeys((*known.targets, *each.targets)))
            first[each] = replace(known, targets=targets)
    return tuple(sorted(first.values()))


def texts_of(found: Diagnostic) -> Iterator[str]:
    """All its texts that are no paths."""
    yield from (found.message, found.label, found.consequence, found.help, found.module or "")
    yield from (found.origin, *((found.cause.message, found.cause.help) if found.cause else ()))
    yield from (label.text for label in found.related)
    if found.fix is not None:
        yield found.fix.title
        for edit in found.fix.edits:
            yield edit.content
            yield from (text for entry in edit.entries for text in entry)


def respelt(found: Diagnostic, spelt: Callable[[str], str]) -> Diagnostic:
    """`found` with `spelt(path)` in the place of every path."""

    def span(there: Span) -> Span:
        return replace(there, path=spelt(there.path))

    def edit(each: ResolvedEdit) -> ResolvedEdit:
        return replace(each, span=span(each.span), beside=each.beside and span(each.beside))

    fix = found.fix and replace(found.fix, edits=tuple(map(edit, found.fix.edits)))
    related = tuple(replace(each, span=span(each.span)) for each in found.related)
    model = spelt(found.model)
    return replace(found, span=span(found.span), related=related, fix=fix, model=model)


def _resolve_fix(fix: Fix) -> ResolvedFix:
    edits = tuple(map(_resolve_edit, fix.edits))
    return ResolvedFix(fix.title, edits, fix.applicability)


def _resolve_edit(edit: Edit) -> ResolvedEdit:
    beside = edit.beside.span if edit.beside else None
    return ResolvedEdit(edit.where.span, edit.content, beside, edit.entries)
