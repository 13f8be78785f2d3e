"""Positions are those that libcst computes, whichever nodes are asked for and in what order."""

from __future__ import annotations

import random
from pathlib import Path

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from forgather_lint.core.source import Position
from forgather_lint.documents.positions import Positions
from forgather_lint.documents.walk import descendants

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "fixtures" / "models").glob("*/*.py"))
TEXTS = {
    "twice": "x = 1\nx = 1\ndef f():\n    return 1\ndef g():\n    return 1\n",
    "overlapping": "a\na\na\n",
    "repeated methods": "class A:\n    def f(self): pass\nclass B:\n    def f(self): pass\n",
    "repeated classes": "class A:\n    x = 1\nclass A:\n    x = 1\n",
    "within a string": 's = """\nclass A:\n    x = 1\n"""\nclass A:\n    x = 1\n',
    "decorated": "@ (\n f\n)\n# class\n@g\n\nclass A(B, m=lambda: 1):\n @h\n def f(a): ...\n",
    "nested": "class A:\n class B:\n\n  # f\n  def f(s):\n      return {1: 2}\n  # left\n y = 1\n",
    "on one line": "class A: x = 1; y = 2\nif A: a; b\n",
    "carriage returns": "class A:\r\n    x = 1\r\n    def f(): pass\r\ny = 2\r\n",
    "no end": "class A:\n    x = 1\ny = 2",
    "letters": "# \u00e4\nclass \u00c4:\n    \u00e9 = '\U0001f600'; z = 1\n",
    "form feed": "x = 1\n\x0c\nclass A:\n\ty = 2\n\tz = 3\n",
    "continued": "x = 1 + \\\n  2\nclass A(\n  B,\n): # why\n    y = [\n1]\n",
    "empty": "",
}


def assert_as_libcst(text: str, order: random.Random) -> None:
    tree = cst.parse_module(text)
    nodes = [node for node in descendants(tree) if node is not tree]
    order.shuffle(nodes)
    ranges = MetadataWrapper(tree, unsafe_skip_copy=True).resolve(PositionProvider)
    positions = Positions(tree, text)
    for node in nodes:
        start, end = ranges[node].start, ranges[node].end
        expected = Position(start.line, start.column + 1), Position(end.line, end.column + 1)
        assert positions.of(node) == expected, cst.Module([]).code_for_node(node)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_positions_are_those_of_libcst(text: str) -> None:
    for seed in range(5):
        assert_as_libcst(text, random.Random(seed))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_positions_in_models_are_those_of_libcst(file: Path) -> None:
    assert_as_libcst(file.read_text("utf-8"), random.Random(0))


def test_layout_has_a_position_and_a_node_of_another_tree_has_none() -> None:
    text = "x = 1  # why\ny = 2\n"
    tree = cst.parse_module(text)
    line = tree.body[0]
    assert isinstance(line, cst.SimpleStatementLine)
    comment = line.trailing_whitespace.comment
    assert comment is not None
    positions = Positions(tree, text)
    assert positions.of(comment) == (Position(1, 8), Position(1, 13))
    assert positions.of(cst.parse_module(text).body[0]) is None


def test_one_name_is_found_without_writing_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"class A{n}:\n    def f{n}(self):\n        return {n}\n" for n in range(50))
    tree = cst.parse_module(text)
    last = tree.body[-1]
    assert isinstance(last, cst.ClassDef)
    written: list[cst.CSTNode] = []
    as_it_was = cst.FunctionDef._codegen_impl

    def noted(self: cst.FunctionDef, state: object) -> None:
        written.append(self)
        as_it_was(self, state)  # type: ignore[arg-type]

    monkeypatch.setattr(cst.FunctionDef, "_codegen_impl", noted)
    assert Positions(tree, text).of(last.name) == (Position(148, 7), Position(148, 10))
    assert written == []
