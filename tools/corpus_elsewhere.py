"""Compares the analysis of models from elsewhere with PyTorch: `python -m tools.corpus_elsewhere`.

    python -m tools.corpus_elsewhere [--yes] [--json] DIRECTORY...

Each directory is a model with custom code (config.json and `*.py`), a folder of such, or a whole
repository. All models found there are linted, and those that have a config.json are compared with
what PyTorch builds. That executes their code, in a process of its own for each model with a time
and a memory limit: it is only done with `--yes`. You have to fetch the models yourself.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from forgather_lint.core.settings import Settings
from forgather_lint.core.version import Version
from forgather_lint.documents.discover import Candidate, candidates
from forgather_lint.documents.model_input import open_model
from forgather_lint.documents.python import SourceError
from forgather_lint.engines.registry import library
from forgather_lint.engines.transformers.profile import TransformersProfile
from forgather_lint.linting.report import ModelReport
from forgather_lint.pipeline import check_model
from forgather_lint.probes.interpreter import environment
from forgather_lint.probes.runner import CHILDREN, End, Job, RunLimits, run
from tests.meta_truth import Structure as Truth
from tools import command_line, corpus_table
from tools.comparison import Comparison, Status, compared

LIMITS = RunLimits(seconds=300, memory=6 * 2**30)


@dataclass(frozen=True, slots=True)
class Row(corpus_table.Row):
    """One model from elsewhere; `seconds` is what `check` takes for it."""

    report: ModelReport = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Reality:
    """What PyTorch built for a model, else what it raised, else `why` nothing is known of it."""

    structure: Truth | None = None
    error: str | None = None
    why: str = ""


NOT_RUN = Reality(why="its code was not run (--yes)")
NO_CONFIG = Reality(why="no config.json, so nothing loads it")
Builds = Callable[[Path], Reality]
"""Has PyTorch build the model of a folder."""


def rows(directories: Sequence[Path], settings: Settings, may_run: bool) -> Iterator[Row]:
    """Lint and compare every model at `directories`, one by one."""
    for directory in directories:
        for candidate in candidates(directory, settings.excludes):
            begin = time.perf_counter()
            report = check_model(candidate, settings)
            seconds = time.perf_counter() - begin
            if report is not None:
                comparison = compared_with_pytorch(candidate, report, _reality if may_run else None)
                name = str(Path(candidate.path).relative_to(directory.parent))
                yield Row(name, comparison, seconds, report=report)


def compared_with_pytorch(
    candidate: Candidate, report: ModelReport, builds: Builds | None
) -> Comparison:
    """How the tree of a model compares with what PyTorch builds; a crash of ours where it ended."""
    failed = report.error or next(
        (each.message for each in report.diagnostics if each.code == "FGL999"), None
    )
    if failed:
        return Comparison(Status.CRASHED, (failed,))
    try:
        model = open_model(candidate)
    except SourceError as error:
        return Comparison(Status.NO_TRUTH, (f"{error.where.span}: {error.message}",))
    if candidate.file is not None:
        reality = NO_CONFIG
    else:
        reality = NOT_RUN if builds is None else builds(candidate.folder)
    installed = TransformersProfile(Version.parse(version("transformers")))
    beside = library().environment(installed)
    comparison = compared(model, reality.structure, reality.error, beside)
    if comparison.status is Status.NO_TRUTH and reality.why:
        return Comparison(Status.NO_TRUTH, (reality.why,))
    return comparison


def _reality(folder: Path) -> Reality:
    """Have PyTorch build the model of `folder` on the meta device; this executes its code."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        found = work / "found.json"
        values = {"folder": str(folder.resolve()), "found": str(found)}
        own = environment(sys.executable, work)
        job = Job(CHILDREN / "meta_model.py", values, sys.executable, own, work / "log")
        ran = run(job, LIMITS, work, lambda _phase: None)
        built = json.loads(found.read_text("utf-8")) if found.exists() else {}
    if "whole" in built:
        return Reality(built["whole"])
    if ran.end is End.RETURNED and "error" in ran.said:
        return Reality(error=str(ran.said["error"]))
    return Reality(why=ran.end.value if ran.end is not End.RETURNED else f"exit {ran.exit_code}")


def table(found: Sequence[Row]) -> str:
    """A line for every model that is not exact, then the counts."""
    return "\n".join(
        [
            *corpus_table.not_exact(found),
            corpus_table.counts("models", found),
            "undecided because, in models:",
            *corpus_table.undecided_reasons(found),
            "findings by rule:",
            *corpus_table.findings_by_rule(d for row in found for d in row.report.diagnostics),
            corpus_table.times(found),
            *(f"  {row.seconds:6.2f} s  {row.name}" for row in _slowest(found)),
        ]
    )


def _slowest(found: Sequence[Row]) -> list[Row]:
    return sorted(found, key=lambda row: -row.seconds)[:5]


def as_json(row: Row) -> dict[str, Any]:
    """One row with its findings, for a program."""
    findings = [
        {"code": d.code, "severity": d.severity, "at": str(d.span), "message": d.message}
        for d in row.report.diagnostics
    ]
    return corpus_table.as_json(row) | {"findings": findings}


def main() -> None:
    """Print the table; exit 1 when a tree differs or a run crashed."""
    parser = command_line.parser(__doc__)
    parser.add_argument("directories", nargs="+", type=Path)
    parser.add_argument("--yes", action="store_true", help="run the models' code to compare")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    missing = [str(each) for each in arguments.directories if not each.exists()]
    if missing:
        parser.error(f"no such directory: {', '.join(missing)}")
    found = list(rows(arguments.directories, Settings(), arguments.yes))
    print(json.dumps([as_json(row) for row in found], indent=1) if arguments.json else table(found))
    sys.exit(corpus_table.is_dishonest(found))


if __name__ == "__main__":
    main()
