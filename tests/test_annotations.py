"""Annotations that raise: Python evaluates them before 3.14 where a function or a class is made."""

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


_ONLY_CHECKED = "if TYPE_CHECKING:\n    from torch import SymInt\n"
_INSIDE = "def helper():\n    from torch import SymInt\n"


@pytest.mark.parametrize(
    ("written", "error"),
    [
        (_IN_CLASS.format("def copy(self) -> Holder: ..."), "NameError: name 'Holder'"),
        (_IN_CLASS.format("next: Holder = None"), "NameError: name 'Holder'"),
        (_ONLY_CHECKED + "def size(x: SymInt): ...", "NameError: name 'SymInt'"),
        (_INSIDE + "def size(x: SymInt): ...", "NameError: name 'SymInt'"),
        ("def size(x: torch.Tenso): ...", "AttributeError: module 'torch' has no attribute"),
        ("def size(x: 'int' | None): ...", "TypeError: unsupported operand type(s) for |"),
        ("def size(x: int[3]): ...", "TypeError: type 'int' is not subscriptable"),
        ("def made():\n    def inner(x: Optinal): ...\nmade()", "NameError: name 'Optinal'"),
    ],
)
def test_an_annotation_that_raises_is_undecided(written: str, error: str, tmp_path: Path) -> None:
    top = f"from typing import TYPE_CHECKING\n\n{written}"
    outcome = outcome_of(write_llama(Way(top=top), tmp_path))
    assert outcome.verdict == "unknown"
    assert outcome.reason is not None
    assert outcome.reason.startswith(f"annotation: before Python 3.14, `{error}")


@pytest.mark.parametrize(
    "written",
    [
        "def helper(x: 'Optinal') -> None: ...",
        "def helper():\n    x: Optinal = 3\n    return x",
        _IN_CLASS.format("def copy(self) -> 'Holder': ..."),
        _IN_CLASS.format("class Inner: ...\n    def inner(self) -> Inner: ..."),
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
