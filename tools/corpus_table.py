"""The rows of a corpus, and the table that is printed of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from forgather_lint.core.diagnostics import Diagnostic
from tools.comparison import Comparison, Status

WIDEST_REASON = 110
MOST_REASONS = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One model of a corpus: how its tree compares with PyTorch's, and how long that took."""

    name: str
    comparison: Comparison
    seconds: float

    @property
    def status(self) -> Status:
        return self.comparison.status


def not_exact(rows: Iterable[Row]) -> Iterator[str]:
    """A line for every model whose tree is not exact, with the first reason."""
    for row in rows:
        if row.status is not Status.EXACT:
            reasons = row.comparison.reasons
            first = next(iter(reasons), "")[:WIDEST_REASON]
            yield f"{row.status:<10} {row.name:<36} {len(reasons):>5}  {first}"


def counts(label: str, rows: Sequence[Row]) -> str:
    """How many models have which status."""
    found = Counter(row.status for row in rows)
    told = ", ".join(f"{found[status]} {status}" for status in Status if found[status])
    return f"{len(rows)} {label}: {told}"


def undecided_reasons(rows: Iterable[Row]) -> Iterator[str]:
    """Why trees are undecided, the most frequent reason first, with the number of models."""
    open_rows = [row for row in rows if row.status is Status.UNDECIDED]
    found = Counter(reason for row in open_rows for reason in set(row.comparison.reasons))
    for reason, count in found.most_common(MOST_REASONS):
        yield f"{count:>5}  {reason[:WIDEST_REASON]}"


def findings_by_rule(diagnostics: Iterable[Diagnostic]) -> Iterator[str]:
    """How often each rule found something, by severity."""
    found = Counter((each.code, each.severity) for each in diagnostics)
    for (code, severity), count in sorted(found.items()):
        yield f"  {code} {severity:<8} {count}"


def times(rows: Iterable[Row]) -> str:
    """How long it took in all, and for the median model."""
    seconds = sorted(row.seconds for row in rows) or [0.0]
    return f"{sum(seconds):.1f} s, median {seconds[len(seconds) // 2]:.3f} s a model"


def as_json(row: Row) -> dict[str, Any]:
    """One row, for a program."""
    return {
        "name": row.name,
        "status": row.status,
        "reasons": list(row.comparison.reasons),
        "seconds": round(row.seconds, 3),
    }


def is_dishonest(rows: Iterable[Row]) -> bool:
    """Whether a tree differs or a run crashed, which is what the corpus is there to find."""
    return any(row.status in (Status.DIFFERS, Status.CRASHED) for row in rows)
