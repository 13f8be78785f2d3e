"""What the targets make of the models, in words: the last thing that a report for people says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forgather_lint.core.printable import printable
from forgather_lint.facts.sizes import FAILS, OWN_MODEL, SERVES, UNKNOWN, WRONG, named_pairs
from forgather_lint.linting.report import Run, TargetVerdict
from forgather_lint.shell.reporters.parts.style import Style

_WORDS = {
    SERVES: "serves",
    OWN_MODEL: "vLLM's own model, not judged",
    FAILS: "fails",
    WRONG: "wrong",
    UNKNOWN: "undecided",
}
_MOST_NAMES = 3


def verdict_of_one(run: Run) -> str:
    """The verdicts on the only model that was judged, on one line; empty when there are several."""
    judged = [report for report in run.reports if report.verdicts]
    return "; ".join(_by_text(judged[0].verdicts)) if len(judged) == 1 else ""


def verdicts_of_several(run: Run, style: Style) -> Iterator[str]:
    """A line for each verdict with the models that have it, when several were judged."""
    judged = [report for report in run.reports if report.verdicts]
    if len(judged) < 2:
        return
    models: dict[str, list[str]] = {}
    for report in judged:
        for text in _by_text(report.verdicts):
            models.setdefault(text, []).append(printable(style.path(report.path)))
    for text, paths in models.items():
        more = f" and {len(paths) - _MOST_NAMES} more" if len(paths) > _MOST_NAMES else ""
        yield f"{text} ({', '.join(paths[:_MOST_NAMES])}{more})"


def lines_of(run: Run, style: Style) -> Iterator[str]:
    """The verdicts on all models, for a report without a closing line."""
    one = verdict_of_one(run)
    yield from [one] if one else verdicts_of_several(run, style)


def as_data(verdicts: Sequence[TargetVerdict]) -> list[dict[str, object]]:
    """Verdicts with the keys that `matrix --output-format json` has."""
    return [
        {
            "target": verdict.target,
            "tensor_parallel_size": ranks,
            "pipeline_parallel_size": stages,
            "verdict": word,
        }
        for verdict in verdicts
        for ranks, stages, word in verdict.sizes
    ]


def _by_text(verdicts: tuple[TargetVerdict, ...]) -> Iterator[str]:
    """Each verdict once, with the releases that give it."""
    releases: dict[str, list[str]] = {}
    for verdict in verdicts:
        releases.setdefault(_text(verdict), []).append(verdict.target)
    for text, targets in releases.items():
        yield f"vLLM {', '.join(targets)}: {text}"


def _text(verdict: TargetVerdict) -> str:
    found = ((word, verdict.at(key)) for key, word in _WORDS.items())
    told = ", ".join(f"{word} at {named_pairs(sizes)}" for word, sizes in found if sizes)
    return f"{told} (with the defaults of its config class)" if verdict.of_defaults else told
