"""Lints every model file of the installed transformers: `python -m tools.transformers_whole`.

    python -m tools.transformers_whole [--mlinter FILE] [--json FILE] [--runs] [NAME ...]

Each `modeling_*.py` is a model with the defaults of its config class. Prints how long a model
takes, what could not be checked, and the findings by rule. With `--mlinter` (the executable of
transformers-mlinter, in an environment of its own) the same files are then given to it, without its
cache, and the ratio of the two times is printed. All times are CPU seconds, which a busy machine
does not stretch. With `--runs` everything is checked as a user would, in one command: by one
process, by two, and once more when the answers are kept; these are compared by wall time, so that
they need a quiet machine.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgather_lint.core.settings import Settings
from forgather_lint.documents.discover import candidates
from forgather_lint.linting.report import ModelReport
from forgather_lint.model.release_sources import installed_transformers
from forgather_lint.pipeline import check_model
from tools import command_line
from tools.corpus_table import findings_by_rule

SLOWEST = 10


@dataclass(frozen=True, slots=True)
class Timed:
    """The report on one model file and the CPU seconds it took."""

    report: ModelReport
    seconds: float


def model_folders(names: Sequence[str]) -> list[Path]:
    """The folders of the models of the installed transformers, or of those named."""
    package = installed_transformers()[1]
    if package is None:
        sys.exit("transformers is not installed")
    folders = sorted(path for path in (package / "models").iterdir() if path.is_dir())
    return [folder for folder in folders if not names or folder.name in names]


def linted(folders: Sequence[Path]) -> Iterator[Timed]:
    """Check the models of `folders` one by one."""
    settings = Settings()
    for folder in folders:
        for candidate in candidates(folder, settings.excludes):
            begin = time.process_time()
            report = check_model(candidate, settings)
            if report is not None:
                yield Timed(report, time.process_time() - begin)


def runs(folders: Sequence[Path]) -> Iterator[str]:
    """The times of one command on all `folders`: cold by one process and by two, then warm."""
    tool = [
        sys.executable,
        "-m",
        "forgather_lint",
        "check",
        "--isolated",
        "--output-format",
        "json",
    ]
    said: list[bytes] = []
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as kept:
        of_cache = ["--cache-dir", kept]
        for name, options in (
            ("cold, -j 1", ["-j", "1", "--no-cache"]),
            ("cold, -j 2", ["-j", "2", *of_cache]),
            ("warm, -j 2", ["-j", "2", *of_cache]),
        ):
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            done = subprocess.run([*tool, *options, *map(str, folders)], capture_output=True)
            seconds.append(time.perf_counter() - start)
            said.append(done.stdout)
            processor = _processor(before)
            yield f"{name}: {seconds[-1]:.1f} s by the clock, {processor:.1f} s of the processor"
    yield f"two processes take {seconds[1] / seconds[0]:.2f} of the time of one"
    yield "all three say the same" if len(set(said)) == 1 else "THEY DIFFER"


def _processor(before: resource.struct_rusage) -> float:
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def summary(found: Sequence[Timed]) -> Iterator[str]:
    """What a reader wants to know first."""
    seconds = sorted(each.seconds for each in found)
    middle, late = seconds[len(seconds) // 2], seconds[len(seconds) * 95 // 100]
    yield f"{len(found)} models in {sum(seconds):.1f} s; median {middle:.3f} s, 95 % {late:.3f} s"
    for each in sorted(found, key=lambda timed: -timed.seconds)[:SLOWEST]:
        yield f"  {each.seconds:6.2f} s  {each.report.path}"
    failed = [each.report for each in found if each.report.error]
    yield f"{len(failed)} not checked"
    yield from (f"  {report.path}: {report.error}" for report in failed)
    yield from findings_by_rule(d for each in found for d in each.report.diagnostics)


def as_json(found: Sequence[Timed]) -> list[dict[str, Any]]:
    """All findings, for a program."""
    return [
        {
            "path": each.report.path,
            "seconds": round(each.seconds, 3),
            "error": each.report.error,
            "findings": [
                {"code": d.code, "severity": d.severity, "at": str(d.span), "message": d.message}
                for d in each.report.diagnostics
            ],
        }
        for each in found
    ]


def mlinter_seconds(executable: str, found: Sequence[Timed]) -> float:
    """The CPU seconds that transformers-mlinter takes for the files that were read."""
    files = sorted({file for each in found for file in each.report.files})
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [executable, "--no-cache", "--no-progress", *files]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return _processor(before)


def main() -> None:
    """Print the summary; exit 1 when a model could not be checked."""
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "names", nargs="*", help="folders below transformers/models; all by default"
    )
    parser.add_argument("--mlinter", help="executable of transformers-mlinter to compare with")
    parser.add_argument("--json", type=Path, help="write all findings here")
    parser.add_argument("--runs", action="store_true", help="one command on all, cold and warm")
    arguments = parser.parse_args()
    if arguments.runs:
        for line in runs(model_folders(arguments.names)):
            print(line, flush=True)
        return
    found = list(linted(model_folders(arguments.names)))
    print("\n".join(summary(found)))
    if arguments.json:
        arguments.json.write_text(json.dumps(as_json(found), indent=1) + "\n", "utf-8")
    if arguments.mlinter:
        ours, theirs = (
            sum(each.seconds for each in found),
            mlinter_seconds(arguments.mlinter, found),
        )
        print(f"transformers-mlinter: {theirs:.1f} s on the same files; ratio {ours / theirs:.1f}")
    sys.exit(any(each.report.error for each in found))


if __name__ == "__main__":
    main()
