"""Holds the static trees of transformers' own models against PyTorch: `python -m tools.corpus`.

    python -m tools.corpus [--all] [--verdicts] [--json] [--keep FOLDER] [NAME ...]

Every model of the installed transformers whose config declares a tensor-parallel plan (with `--all`
every model) is written as
a directory that holds a config.json only (by `tools.corpus_truth`, in a process of its own, which
also asks PyTorch); then each is read from the source of the installed package, and compared.
`--keep` keeps the directories and uses them again, which skips the slow half. `--verdicts` judges
the text models with their official plans as well: their entries, and two ranks on each target.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from forgather_lint.documents.single_file import single_model
from tools import command_line, corpus_table
from tools.comparison import Comparison, Status, compared
from tools.corpus_plans import Entries, entries_of
from tools.corpus_truth import TRUTH
from tools.corpus_verdicts import Verdict, counted, verdicts_of


@dataclass(frozen=True, slots=True)
class Row(corpus_table.Row):
    """One model of the corpus."""

    architecture: str = ""
    is_text: bool = False
    entries: Entries = field(default_factory=Entries)
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)


def rows(folder: Path, names: Sequence[str] = ()) -> list[Row]:
    """Compare every model below `folder`, or those of `names`."""
    directories = sorted(path.parent for path in folder.glob(f"*/{TRUTH}"))
    return [_row(each) for each in directories if not names or each.name in names]


def _row(directory: Path) -> Row:
    truth: dict[str, Any] = json.loads((directory / TRUTH).read_text("utf-8"))
    if not (directory / "config.json").is_file():
        comparison = Comparison(Status.NO_TRUTH, (truth["error"],))
        return Row(directory.name, comparison, 0.0)
    begin = time.perf_counter()
    comparison = compared(single_model(directory), truth.get("structure"), truth["error"])
    seconds = time.perf_counter() - begin
    is_text = bool(truth.get("text", False))
    return Row(directory.name, comparison, seconds, truth["architecture"], is_text)


def judged(row: Row, folder: Path) -> Row:
    """The row of a text model with its plan looked at."""
    if not row.is_text:
        return row
    model = single_model(folder / row.name)
    return replace(row, entries=entries_of(model), verdicts=verdicts_of(model))


def counts_of(found: Sequence[Row]) -> dict[str, int]:
    """Numbers that may only rise: exact trees, entries understood, verdicts decided."""
    text = [row for row in found if row.is_text]
    counts = Counter({"exact trees": sum(row.status is Status.EXACT for row in text)})
    for row in text:
        counts["entries that match"] += row.entries.matches
        counts["entries for another config"] += len(row.entries.branch)
        for target, each in row.verdicts.items():
            counts[f"decided for {target}"] += each.verdict in ("serves", "fails", "wrong")
    return dict(counts)


def write_truth(folder: Path, names: Sequence[str] = (), everything: bool = False) -> None:
    """Make transformers write the corpus below `folder`."""
    command = [sys.executable, "-m", "tools.corpus_truth", str(folder)]
    command += ["--all"] if everything else []
    command += ["--only", *names] if names else []
    root = Path(__file__).parents[1]
    subprocess.run(command, cwd=root, check=True, stderr=subprocess.DEVNULL)


def versions() -> dict[str, str]:
    """The releases that the corpus is about."""
    return {name: importlib.metadata.version(name) for name in ("torch", "transformers")}


def as_json(found: Sequence[Row]) -> dict[str, Any]:
    """All rows, for a program."""
    return {
        "versions": versions(),
        "counts": counts_of(found),
        "models": [
            corpus_table.as_json(row)
            | {
                "architecture": row.architecture,
                "text": row.is_text,
                "entries": asdict(row.entries),
                "verdicts": {name: asdict(each) for name, each in row.verdicts.items()},
            }
            for row in found
        ],
    }


def table(found: Sequence[Row]) -> str:
    """A line for every model that is not exact, then the counts."""
    text, others = ([row for row in found if row.is_text is wanted] for wanted in (True, False))
    return "\n".join(
        [
            *corpus_table.not_exact(found),
            corpus_table.counts("text models", text),
            corpus_table.counts("others", others),
            *plan_lines([row for row in found if row.verdicts]),
            corpus_table.times(found),
        ]
    )


def plan_lines(found: Sequence[Row]) -> Iterator[str]:
    """What is said of the official plans: their entries by kind, then the verdicts by reason."""
    if not found:
        return
    matching = sum(row.entries.matches for row in found)
    branch, dead, undecided = (
        [f"{row.name} {key}" for row in found for key in getattr(row.entries, kind)]
        for kind in ("branch", "dead", "undecided")
    )
    yield (
        f"plan entries: {matching} match, {len(branch)} need another config, "
        f"{len(dead)} are dead, {len(undecided)} undecided"
    )
    yield from (f"  dead: {each}" for each in dead)
    yield from counted(row.verdicts for row in found)


def main() -> None:
    """Print the table; exit 1 when a tree differs or a run crashed."""
    parser = command_line.parser(__doc__)
    parser.add_argument("names", nargs="*", help="names of config classes; all by default")
    parser.add_argument("--all", action="store_true", help="also models without a plan")
    parser.add_argument("--keep", type=Path, help="keep the corpus here, and use what is there")
    parser.add_argument("--verdicts", action="store_true", help="judge the official plans")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        if not list(folder.glob(f"*/{TRUTH}")):
            write_truth(folder, arguments.names, arguments.all)
        found = rows(folder, arguments.names)
        if arguments.verdicts:
            found = [judged(row, folder) for row in found]
    print(json.dumps(as_json(found), indent=1) if arguments.json else table(found))
    sys.exit(corpus_table.is_dishonest(found))


if __name__ == "__main__":
    main()
