"""The interpreter says of plain Python what CPython does, and nothing else.

Each file of `fixtures/python` is a family. A paragraph with `result = ...` is one program, every
line of another an expression. All have to be decided, but for what stands behind a `?`. So it is
for `fixtures/torch`, with the modules of torch.
"""

from __future__ import annotations

from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import pytest

from tests.fuzz.against_python import Grammar, disagreement, program
from tests.python_oracle import UNDECIDED, End, in_interpreter, in_python

FIXTURES = Path(__file__).parent.parent / "fixtures"
OF_TORCH = sorted((FIXTURES / "torch").glob("*.txt"))
FAMILIES = sorted((FIXTURES / "python").glob("*.txt"))


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


TORCH = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"


@pytest.mark.skipif(find_spec("torch") is None, reason="needs torch")
@pytest.mark.parametrize("piece", [each for path in OF_TORCH for each in pieces(path)])
def test_modules_keep_and_refuse_what_those_of_torch_do(piece: str) -> None:
    code = TORCH + piece
    assert in_interpreter(code) == in_python(code)


@pytest.mark.parametrize("made", ["TransformerEncoderLayer(8, 2)", "AdaptiveMaxPool3d(2)"])
def test_a_constructor_that_is_not_modelled_refuses_nothing(made: str) -> None:
    base, _, arguments = made.partition("(")
    init = f"    def __init__(self): super().__init__({arguments}"
    code = f"from torch import nn\nclass L(nn.{base}):\n{init}\nresult = L().output_size"
    assert in_interpreter(code) == UNDECIDED


def test_texts_are_those_of_the_newest_python() -> None:
    fields = "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int = 1\n    y: int"
    told = "TypeError: non-default argument 'y' follows default argument 'x'"
    assert in_interpreter(fields) == End(told)
    method = "    @abstractmethod\n    def f(self): pass"
    abstract = f"from abc import ABC, abstractmethod\nclass A(ABC):\n{method}\nA()"
    text = "TypeError: Can't instantiate abstract class A without an implementation for abstract"
    assert in_interpreter(abstract) == End(f"{text} method 'f'")
    order = "class A: pass\nclass B(A): pass\nclass C(A, B): pass"
    text = "TypeError: Cannot create a consistent method resolution order (MRO) for bases A, B"
    assert in_interpreter(order) == End(text)


def test_what_a_context_manager_writes_on_leaving_is_not_known() -> None:
    managed = (
        "import contextlib\n@contextlib.contextmanager\ndef c(l):\n    yield 3\n    l.append(2)"
    )
    code = f"{managed}\nl = []\nwith c(l): l.append(5)\nresult = l"
    assert in_interpreter(code, throughout=True) == UNDECIDED


def test_random_expressions_end_as_in_python() -> None:
    texts = islice(Grammar(13), 300)
    wrong = [found for text in texts if (found := disagreement(program(text))) is not None]
    assert not wrong, "\n".join(wrong)
