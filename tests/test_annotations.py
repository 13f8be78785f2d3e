"""Names in annotations that nothing binds: Python looks for them before 3.14."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.llama_ways import Way, outcome_of, write_llama

_IN_CLASS = "class Holder:\n    {}\n"


@pytest.mark.parametrize(
    "written",
    [
        "def helper(x: Optinal[int]) -> None: ...",
        "def helper(*x: Optinal) -> None: ...",
        "def helper() -> tuple[int, Optinal]: ...",
        _IN_CLASS.format("width: Optinal = 3"),
        _IN_CLASS.format("def width(self, x: int | Optinal): ..."),
    ],
)
def test_a_name_that_nothing_binds_is_undecided(written: str, tmp_path: Path) -> None:
    outcome = outcome_of(write_llama(Way(top=written), tmp_path))
    assert outcome.verdict == "unknown"
    error = "before Python 3.14, `NameError: name 'Optinal' is not defined`"
    assert outcome.reason == f"annotation: {error}"


@pytest.mark.parametrize(
    "written",
    [
        "def helper(x: 'Optinal') -> None: ...",
        "def helper():\n    x: Optinal = 3\n    return x",
        _IN_CLASS.format("def width(self, x: int | torch.Tensor | None = None) -> list[str]: ..."),
    ],
)
def test_what_is_not_looked_for_serves(written: str, tmp_path: Path) -> None:
    assert outcome_of(write_llama(Way(top=written), tmp_path)).verdict == "serves"


def test_annotations_that_stay_text(tmp_path: Path) -> None:
    model = write_llama(Way(top="def helper(x: Optinal) -> None: ..."), tmp_path)
    file = model / "modeling_hf_llama.py"
    text = file.read_text("utf-8")
    file.write_text(f"from __future__ import annotations\n{text}", "utf-8")
    assert outcome_of(model).verdict == "serves"
