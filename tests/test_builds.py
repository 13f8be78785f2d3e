"""A model is built as in a process of its own, however many were built before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgather_lint.documents.single_file import single_model
from forgather_lint.model.analysis import Built, build_tree, builder_of

MODEL = """
from torch import nn

NAMES = []
COUNT = 0


def counted():
    global COUNT
    COUNT += 1
    return COUNT


class Model(nn.Module):
    count = 0
    table = {{}}

    def __init__(self):
        super().__init__()
        {counts}
        self.linear = nn.Linear({width}, 1)
"""
COUNTS = [
    ("Model.count += 1", "Model.count"),
    ("Model.table[Model.count] = 1; Model.count += 1", "len(Model.table)"),
    ("NAMES.append('a')", "len(NAMES)"),
    ("width = counted()", "width"),
]


@pytest.mark.parametrize(("counts", "width"), COUNTS)
def test_the_second_is_built_as_the_first(counts: str, width: str, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(MODEL.format(counts=counts, width=width), "utf-8")
    builder = builder_of(single_model(path))
    for _ in range(2):
        built = build_tree(builder)
        assert isinstance(built, Built), built
        assert [each.shape for each in built.structure.parameters] == [(1, 1), (1,)]


IMPORTS = """
import random

from torch import nn

{imported}


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        if random.random() > 0.5:
            from .sizes import WIDTH
            raise ValueError
        from .sizes import WIDTH, Sizes
        self.linear = nn.Linear(WIDTH, Sizes.out)
"""


@pytest.mark.parametrize("imported", ["", "from . import sizes"])
def test_a_module_that_a_dying_branch_imports_is_whole(imported: str, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(IMPORTS.format(imported=imported), "utf-8")
    sizes = "WIDTH = 4\n\n\nclass Sizes:\n    out = 8\n"
    (tmp_path / "sizes.py").write_text(sizes, "utf-8")
    built = build_tree(builder_of(single_model(tmp_path / "model.py")))
    assert isinstance(built, Built), built
    assert built.structure.parameters[0].shape == (8, 4)
