"""The results of probes, as text for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from forgather_lint.execution.outcome import Outcome
from forgather_lint.linting.registry import code_of
from forgather_lint.probes.answers import Agreement
from forgather_lint.probes.meta_device import Difference, TreesCompared
from forgather_lint.probes.serve import Answered
from forgather_lint.probes.vllm_load import Served

_COLUMNS = ("what", "name", "from source", "on the meta device")


def meta_lines(found: TreesCompared) -> Iterator[str]:
    """The table of differences and a summary."""
    releases = ", ".join(f"{name} {version}" for name, version in found.releases.items())
    yield f"meta device ({releases}): {_count(found)}"
    if found.ended:
        yield f"  the run ended in {found.ended}"
    yield from table(found.differences)


def _count(found: TreesCompared) -> str:
    return (
        f"{found.agreeing} alike, {len(found.differences)} different, "
        f"{found.undecided} left open by the analysis"
    )


def table(differences: Sequence[Difference]) -> Iterator[str]:
    """Aligned columns below a heading; empty when there are no rows."""
    if not differences:
        return
    rows = [_COLUMNS, *((d.kind, d.name, d.static, d.run) for d in differences)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield "  " + "  ".join(cells).rstrip()


def served_lines(release: str, found: Served) -> Iterator[str]:
    """The verdict of one load, with its reason."""
    yield f"{release}: {found.verdict.value} ({found.seconds:.0f} s)"
    if found.error:
        yield f"  in {found.phase}: {found.error}"
    if found.agreement:
        yield f"  {agreement_text(found.agreement)}"
    if found.uncompared:
        yield f"  answers not compared: {found.uncompared}"


def agreement_text(found: Agreement) -> str:
    """How far the answers are from those of one rank, in words."""
    nats = f"log-probabilities differ by at most {found.largest_difference:.2g} nats"
    if found.first_other_token is None:
        return f"the tokens of one rank; {nats}"
    return f"other tokens than one rank from step {found.first_other_token}; {nats}"


def prediction_line(found: Served, predicted: Outcome) -> str:
    """Whether the analysis predicted the verdict."""
    reason = f": {predicted.reason}" if predicted.reason else ""
    says = f"  the analysis says {predicted.verdict.value}{reason}"
    agrees = predicted.verdict in (found.verdict, "unknown") or found.verdict == "unknown"
    return says if agrees else f"{says}  <- differs, please report"


def answered_lines(found: Answered) -> Iterator[str]:
    """The answers of `vllm serve`."""
    yield f"vllm serve: {found.served.verdict.value} ({found.served.seconds:.0f} s)"
    if found.served.error:
        yield f"  in {found.served.phase}: {found.served.error}"
    for request, text in (("completion", found.completion), ("chat", found.chat)):
        if text is not None:
            yield f"  {request}: {text!r}"
    if not found.own_tokenizer:
        yield "  the folder has no tokenizer; one of single bytes took its place"


def meta_json(found: TreesCompared) -> Mapping[str, object]:
    """The value of `meta` in the JSON output."""
    return {
        "releases": dict(found.releases),
        "alike": found.agreeing,
        "undecided": found.undecided,
        "ended": found.ended,
        "differences": [
            {"kind": d.kind, "name": d.name, "static": d.static, "run": d.run}
            for d in found.differences
        ],
    }


def served_json(found: Served) -> dict[str, object]:
    """The value of `vllm` in the JSON output; part of `serve`."""
    agreement = found.agreement
    return {
        "verdict": found.verdict.value,
        "phase": found.phase,
        "error": found.error,
        "seconds": round(found.seconds, 1),
        "largest_difference": agreement.largest_difference if agreement else None,
        "first_other_token": agreement.first_other_token if agreement else None,
        "uncompared": found.uncompared,
    }


def predicted_json(predicted: Outcome | None) -> Mapping[str, object] | None:
    """The value of `predicted` in the JSON output."""
    if predicted is None:
        return None
    return {
        "verdict": predicted.verdict.value,
        "code": code_of(predicted),
        "reason": predicted.reason,
    }


def answered_json(found: Answered) -> Mapping[str, object]:
    """The value of `serve` in the JSON output."""
    return served_json(found.served) | {
        "completion": found.completion,
        "chat": found.chat,
        "own_tokenizer": found.own_tokenizer,
    }
