"""The verdicts of the analysis on the same cases."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.outcome import Outcome
from tests.mutants import written
from tests.verdicts import Static
from tools.truth.cases import Case

ROWS = ("serves", "fails", "wrong", "unknown")


def verdicts(cases: Sequence[Case], versions: Mapping[str, str]) -> Iterator[tuple[str, Outcome]]:
    """The static outcome of each case, by identity."""
    target = VllmTarget.of(versions["vllm"], versions["transformers"])
    built: dict[tuple[str, object], Static] = {}
    with tempfile.TemporaryDirectory(prefix="forgather-lint-static-") as folder:
        for number, case in enumerate(cases):
            mutant = case.mutant
            key = (mutant.model, mutant.edits)
            if key not in built:
                built[key] = Static(written(mutant, Path(folder, str(number))), target)
            static = built[key]
            yield case.identity, static.cell(mutant, case.ranks, case.stages)


def matrix(pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The confusion matrix: rows are our verdicts, columns the engine's."""
    counts = Counter(pairs)
    columns = sorted({its for _, its in pairs} | {"serves", "fails", "wrong"})
    yield "static \\ real" + "".join(column.rjust(14) for column in columns)
    for row in ROWS:
        yield row.ljust(13) + "".join(str(counts[row, column]).rjust(14) for column in columns)
