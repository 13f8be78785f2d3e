"""Walks over syntax trees, and over the modules of a folder."""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import Any

import libcst as cst
import pytest

import forgather_lint.execution
import forgather_lint.libraries
from forgather_lint.core.modules import modules_below
from forgather_lint.documents.walk import all_below, descendants, of_kind

MODELING = Path(__file__).parents[1] / "fixtures/models/hf_llama/modeling_hf_llama.py"


def test_a_walk_meets_every_name_call_and_text_once_parents_first() -> None:
    tree = cst.parse_module(MODELING.read_text("utf-8"))
    met = list(descendants(tree))
    assert len(met) == len({id(node) for node in met})
    place = {id(node): number for number, node in enumerate(met)}
    kinds = (cst.Name, cst.Call, cst.SimpleString, cst.FunctionDef, cst.Arg)
    counted = dict.fromkeys(kinds, 0)

    class Visitor(cst.CSTVisitor):
        def on_visit(self, node: cst.CSTNode) -> bool:
            if isinstance(node, kinds):
                counted[type(node)] += 1
                below = [place[id(each)] for each in node.children if id(each) in place]
                assert all(place[id(node)] < each for each in below)
            return True

    tree.visit(Visitor())
    assert counted == {kind: len(list(of_kind(met, kind))) for kind in kinds}
    assert counted[cst.Call] > 50


@pytest.mark.parametrize("kinds", [(cst.Name,), (cst.Assign, cst.AnnAssign), (cst.If, cst.Call)])
def test_nodes_of_a_kind_come_in_the_order_of_the_walk(kinds: tuple[Any, ...]) -> None:
    tree = cst.parse_module(MODELING.read_text("utf-8"))
    found = list(of_kind(all_below(tree), *kinds))
    assert found == [node for node in descendants(tree) if isinstance(node, kinds)] != []


def test_modules_are_found_as_pkgutil_finds_them(tmp_path: Path) -> None:
    for package in (forgather_lint.libraries, forgather_lint.execution):
        prefix = f"{package.__name__}."
        theirs = [each.name for each in pkgutil.walk_packages(package.__path__, prefix)]
        assert list(modules_below(Path(package.__path__[0]), package.__name__)) == theirs != []
    for name in ("inside", "text"):
        (tmp_path / name).mkdir()
    (tmp_path / "inside" / "__init__.py").touch()
    (tmp_path / "inside" / "module.py").touch()
    (tmp_path / "text" / "module.py").touch()
    (tmp_path / "notes.txt").touch()
    assert list(modules_below(tmp_path, "here")) == ["here.inside", "here.inside.module"]
