"""A run whose findings show everything a report can contain, on `fixtures/reports/modeling.py`."""

from __future__ import annotations

from pathlib import Path

from forgather_lint.core.diagnostics import (
    Applicability,
    Diagnostic,
    ResolvedEdit,
    ResolvedFix,
    ResolvedLabel,
    Severity,
)
from forgather_lint.core.source import Position, Span, file_start
from forgather_lint.core.version import ReleaseRange
from forgather_lint.linting.report import ModelReport, Run

REPORTS = Path(__file__).parent.parent / "fixtures" / "reports"
MODELING = REPORTS / "modeling.py"


def at(first: str, last: str = "") -> Span:
    """The span of the text `first` in the sample file, or from there to the end of `last`."""
    text = MODELING.read_text("utf-8")
    start = text.index(first)
    end = text.index(last, start) + len(last) if last else start + len(first)
    return Span(str(MODELING), position_at(text, start), position_at(text, end))


def position_at(text: str, offset: int) -> Position:
    """Row and column of the code point at `offset`."""
    row = text.count("\n", 0, offset) + 1
    return Position(row, offset - text.rfind("\n", 0, offset))


def diagnostic(
    span: Span,
    message: str,
    severity: Severity = Severity.ERROR,
    *,
    code: str = "FGL101",
    name: str = "tp-pattern-matches-nothing",
    label: str = "",
) -> Diagnostic:
    """A finding with only the required parts."""
    return Diagnostic(span, code, message, name, severity, label)


def rich_diagnostic() -> Diagnostic:
    """A finding with all optional parts, one of its two labels in a file that does not exist."""
    pattern = at('"layers.*.self_attn.q_proj"')
    built = at("self.query_linear = nn.Linear(config.hidden_size, config.hidden_size)")
    gone = Span(str(REPORTS / "gone.py"), Position(3, 1), Position(3, 9))
    edit = ResolvedEdit(pattern, '"layers.*.attention.query_linear"')
    return Diagnostic(
        span=pattern,
        code="FGL101",
        message="`layers.*.self_attn.q_proj` matches no module",
        name="tp-pattern-matches-nothing",
        severity=Severity.ERROR,
        label="no such module",
        related=(
            ResolvedLabel(built, "the query projection [of each layer]"),
            ResolvedLabel(gone, "named after this"),
        ),
        consequence="the projection stays whole on every rank; the output\nis summed: 100% garbage",
        help="write `layers.*.attention.query_linear`",
        fix=ResolvedFix("Rename the pattern", (edit,), Applicability.UNSAFE),
        module="layers.0.attention",
        releases=ReleaseRange("vLLM", note=" >= 0.11"),
        model=str(REPORTS),
    )


def diagnostics() -> tuple[Diagnostic, ...]:
    """Findings on one line and several, beside wide, long and harmful text, and in no file."""
    warning, info = Severity.WARNING, Severity.INFO
    nowhere = file_start(str(REPORTS / "nowhere" / "config.json"))
    return (
        rich_diagnostic(),
        diagnostic(at("{", "}"), "four rows", warning, label="all of it"),
        diagnostic(at("class Attention", "Linear(5, 5)"), "six rows", warning, label="all of it"),
        diagnostic(at("self.wide"), "after wide characters", info, label="here"),
        diagnostic(at("self.tabbed"), "after a tab", info, label="here"),
        diagnostic(at("nn.Linear(6, 6)"), "in the middle of a long line", info, label="here"),
        diagnostic(at("self.repaint"), "escape \x1b[2J in a message,\nand two lines", info),
        diagnostic(nowhere, "in a file that cannot be read", code="FGL901", name="syntax-error"),
    )


def run(*found: Diagnostic, error: str | None = None) -> Run:
    """A run over one model with these findings, and one more that failed with `error`."""
    checked = ModelReport(str(REPORTS), found, None, (str(MODELING),))
    return Run(
        (checked, ModelReport(str(REPORTS / "broken"), error=error)) if error else (checked,)
    )
