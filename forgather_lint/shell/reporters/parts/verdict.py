"""The verdicts of the targets in words: the last lines of a report for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forgather_lint.core.printable import printable
from forgather_lint.facts.release import OWN_MODEL
from forgather_lint.facts.sizes import FAILS, SERVES, UNKNOWN, WRONG, named_pairs
from forgather_lint.linting.report import Run, TargetVerdict
from forgather_lint.shell.reporters.parts.style import Style

_WORDS = {OWN_MODEL: "{word}, not judged", UNKNOWN: "undecided"}
"""Phrases for verdicts for which the word alone would not be clear."""
MOST_NAMES = 3


def verdict_of_one(run: Run) -> str:
    """The verdicts on the only judged model, on one line; empty when there are several."""
    judged = [report for report in run.reports if report.verdicts]
    return "; ".join(by_text(judged[0].verdicts)) if len(judged) == 1 else ""


def verdicts_of_several(run: Run, style: Style) -> Iterator[str]:
    """When several models were judged: a line for each verdict, with the models that have it."""
    judged = [report for report in run.reports if report.verdicts]
    if len(judged) < 2:
        return
    models: dict[str, list[str]] = {}
    for report in judged:
        for text in by_text(report.verdicts):
            models.setdefault(text, []).append(printable(style.path(report.path)))
    for text, paths in models.items():
        more = f" and {len(paths) - MOST_NAMES} more" if len(paths) > MOST_NAMES else ""
        yield f"{text} ({', '.join(paths[:MOST_NAMES])}{more})"


def lines_of(run: Run, style: Style) -> Iterator[str]:
    """The verdicts on all models, for a report without a summary."""
    one = verdict_of_one(run)
    yield from [one] if one else verdicts_of_several(run, style)


def as_data(verdicts: Sequence[TargetVerdict]) -> list[dict[str, object]]:
    """Verdicts with the same keys as in `matrix --output-format json`."""
    return [
        {
            **verdict.target.as_data,
            "tensor_parallel_size": ranks,
            "pipeline_parallel_size": stages,
            "verdict": verdict.target.worded(word),
        }
        for verdict in verdicts
        for ranks, stages, word in verdict.sizes
    ]


def by_text(verdicts: tuple[TargetVerdict, ...]) -> Iterator[str]:
    """Each verdict once, in words, with its releases."""
    releases: dict[tuple[str, str], list[str]] = {}
    for verdict in verdicts:
        title = verdict.target.title
        releases.setdefault((title, _text(verdict)), []).append(verdict.target.marked)
    for (title, text), marked in releases.items():
        yield f"{title} {', '.join(marked)}: {text}"


def _text(verdict: TargetVerdict) -> str:
    found = ((key, verdict.at(key)) for key in (SERVES, OWN_MODEL, FAILS, WRONG, UNKNOWN))
    told = ", ".join(
        f"{_WORDS.get(key, key).format(word=verdict.target.worded(key))} at {named_pairs(sizes)}"
        for key, sizes in found
        if sizes
    )
    return f"{told} (with the defaults of its config class)" if verdict.of_defaults else told
