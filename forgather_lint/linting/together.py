"""What is told as one: a finding of several models, and findings that have one cause.

Everything else works on each finding for itself: a comment silences the place that it stands at, a
baseline knows each place, a fix is tried for each. What is left of them is put together here, for
whoever shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from forgather_lint.core.diagnostics import Diagnostic, OneCause, ResolvedFix, ResolvedLabel


def together(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each finding once with its models, those of one cause as one; where the first of it stood.

    Only what stands in one file is one, and what the same kind of fix mends, or none.
    """
    groups: dict[object, list[Diagnostic]] = {}
    for each in _of_models(found):
        groups.setdefault(_what_is_one(each), []).append(each)
    return tuple(map(_told, groups.values()))


def _of_models(found: Iterable[Diagnostic]) -> Iterable[Diagnostic]:
    """Every finding once, with all the models that it was found in."""
    same: dict[Diagnostic, list[Diagnostic]] = {}
    for each in found:
        same.setdefault(each, []).append(each)
    for first, others in same.items():
        models = tuple(dict.fromkeys(each.model for each in others))
        # What is checked itself is no file of others, whoever reads it too.
        origin = first.origin if all(each.origin for each in others) else ""
        yield replace(first, models=models, origin=origin)


def _what_is_one(found: Diagnostic) -> object:
    if found.cause is None:
        return found
    fix = found.fix.applicability if found.fix else None
    return found.span.path, found.code, found.severity, found.targets, found.cause, fix


def _told(group: Sequence[Diagnostic]) -> Diagnostic:
    first = group[0]
    cause = first.cause
    if cause is None or len(group) == 1:
        return first
    texts = _texts_of_places(group)
    places = (ResolvedLabel(each.span, text) for each, text in zip(group, texts, strict=True))
    return replace(
        first,
        message=message_of(cause, len(group)),
        label=texts[0],
        related=next((each.related for each in group if each.related), ()),
        consequence="\n".join(dict.fromkeys(each.consequence for each in group)),
        help=cause.help or (first.help if len({each.help for each in group}) == 1 else ""),
        fix=_fix_of_all([each.fix for each in group if each.fix]),
        module=first.module if len({each.module for each in group}) == 1 else None,
        places=tuple(places),
        models=tuple(dict.fromkeys(model for each in group for model in each.models)),
    )


def message_of(cause: OneCause, number: int) -> str:
    """The headline of a finding with that number of places."""
    return cause.message.replace("{number}", str(number), 1)


def _texts_of_places(group: Sequence[Diagnostic]) -> list[str]:
    """What is said at each place: what helps there, or the label where the same helps all."""
    if len({each.help for each in group}) > 1:
        return [each.help for each in group]
    return [each.label or each.message for each in group]


def _fix_of_all(fixes: Sequence[ResolvedFix]) -> ResolvedFix | None:
    if not fixes:
        return None
    titles = "; ".join(dict.fromkeys(each.title for each in fixes))
    edits = dict.fromkeys(edit for each in fixes for edit in each.edits)
    return ResolvedFix(titles, tuple(edits), fixes[0].applicability)
