"""What vLLM made of models with a vision tower, and what is said of the same models."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.matrix import matrix
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.outcome import Verdict
from forgather_lint.linting.registry import code_of
from oracles.stored import VERDICTS, read
from tests.tower_cases import TOWERS

STORED = read(VERDICTS / "towers_vllm_0.32.json")
TARGET = VllmTarget.of(STORED["versions"]["vllm"], STORED["versions"]["transformers"])
ASKED = {f"{ranks}x1 {name}" for name, case in TOWERS.items() for ranks in case.ranks}


def test_every_case_was_asked() -> None:
    assert set(STORED["outcomes"]) == ASKED


@pytest.mark.parametrize("identity", sorted(ASKED))
def test_a_tower_that_is_not_shared_out_fails_and_no_other(identity: str, tmp_path: Path) -> None:
    """What runs beside the text is not followed: nothing of it is said to serve."""
    ranks, _, name = identity.partition("x1 ")
    folder = TOWERS[name].write(tmp_path)
    (cell,) = matrix(single_model(folder), [TARGET], (int(ranks),), (1,), "float32")
    said = STORED["outcomes"][identity]
    if said.get("phase") == "load":
        assert cell.outcome.verdict is Verdict.FAILS
        assert code_of(cell.outcome) == "FGL210"
        assert cell.outcome.reason == said["error"]
    else:
        assert cell.outcome.verdict is Verdict.UNKNOWN
        assert cell.outcome.reason == "processor-not-judged"
