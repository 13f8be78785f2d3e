"""The verdicts on cases of rules are what a real vLLM made of them, on one rank."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from forgather_lint.engines.matrix import cell
from oracles.stored import VERDICTS, read
from tests.asked_cases import asked_cases, write_asked
from tests.cases import Case
from tests.verdicts import V032, Static

STORED = read(VERDICTS / "cases_vllm_0.32.json")["outcomes"]
CASES = [case for case in asked_cases() if str(case) in STORED]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_decided_is_what_the_engine_did(case: Case, tmp_path: Path) -> None:
    write_asked(case, tmp_path)
    static = cell(Static(tmp_path, V032).examined, 1, 1).outcome.verdict.value
    assert static in ("unknown", STORED[str(case)]["verdict"])


def test_all_kinds_of_answers_are_stored_for_cases_that_are_there() -> None:
    assert set(STORED) == {str(case) for case in CASES}
    counts = Counter(outcome["verdict"] for outcome in STORED.values())
    assert set(counts) <= {"serves", "fails", "wrong"}
    assert min(counts[each] for each in ("serves", "fails", "wrong")) >= 1
