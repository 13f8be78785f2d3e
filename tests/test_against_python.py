"""The interpreter says of plain Python what CPython does, and nothing else.

Each file of `fixtures/python` is a family. A paragraph with `result = ...` is one program, every
line of another an expression. All have to be decided, but for what stands behind a `?`.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from tests.fuzz.against_python import Grammar, disagreement, program
from tests.python_oracle import UNDECIDED, in_interpreter, in_python

FAMILIES = sorted((Path(__file__).parent.parent / "fixtures" / "python").glob("*.txt"))


def pieces(path: Path) -> list[str]:
    found: list[str] = []
    for paragraph in path.read_text("utf-8").strip().split("\n\n"):
        lines = [line for line in paragraph.splitlines() if not line.startswith("#")]
        program = any("result =" in line for line in lines)
        found += ["\n".join(lines)] if program else lines
    return found


@pytest.mark.parametrize("path", FAMILIES, ids=lambda path: path.stem)
def test_a_family_ends_as_in_python(path: Path) -> None:
    wrong: list[str] = []
    for piece in pieces(path):
        code = piece.removeprefix("? ")
        ours, truth = in_interpreter(code), in_python(code)
        undecided = ours == UNDECIDED
        if not ours.agrees_with(truth) or (undecided and code == piece):
            wrong.append(f"{code}\n  here:   {ours.told}\n  Python: {truth.told}")
    assert not wrong, "\n".join(wrong)


def test_random_expressions_end_as_in_python() -> None:
    texts = islice(Grammar(13), 300)
    wrong = [found for text in texts if (found := disagreement(program(text))) is not None]
    assert not wrong, "\n".join(wrong)
