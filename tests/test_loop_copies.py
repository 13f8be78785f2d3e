"""Layers that a loop builds are copies of the first only as long as nothing tells them apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgather_lint.documents.single_file import single_model
from forgather_lint.model.analysis import Built, build_tree, builder_of

MODEL = """
import random

from torch import nn

TABLE = {{}}
NAMES = []
COUNT = 0


def counted():
    global COUNT
    COUNT += 1
    return COUNT


class Config:
    width = 4


class Layer(nn.Module):
    count = 0

    def __init__(self, config, number):
        super().__init__()
        self.number = number
        self.config = config
        self.sizes = [4]
        self.by_name = {{"a": 4}}
        {built}
        self.linear = nn.Linear(4, config.width)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        config = Config()
        config.width = 4
        self.layers = nn.ModuleList()
        for number in range(3):
            {before}
            layer = Layer(config, number)
            {after}
            self.layers.append(layer)
        self.heads = nn.ModuleList([nn.Linear(4, self.width(layer)) for layer in self.layers])

    def width(self, layer):
        return {width}
"""
SAME = (4, 4, 4)


def _model(built: str = "", before: str = "", after: str = "", width: str = "4") -> str:
    parts = {"built": built, "before": before, "after": after}
    return MODEL.format(width=width, **{name: text or "pass" for name, text in parts.items()})


CASES = {
    "alike": (_model(), "layers.*.linear", SAME),
    "the first is changed afterwards": (
        _model(after="if number == 0: layer.linear = nn.Linear(4, 8)"),
        "layers.*.linear",
        (8, 4, 4),
    ),
    "a list of the first is changed afterwards": (
        _model(after="if number == 0: layer.sizes.append(4)", width="4 * len(layer.sizes)"),
        "heads.*",
        (8, 4, 4),
    ),
    "a dict of the second is changed afterwards": (
        _model(after="if number == 1: layer.by_name['b'] = 4", width="4 * len(layer.by_name)"),
        "heads.*",
        (4, 8, 4),
    ),
    "the config is changed between": (
        _model(before="config.width = 8 if number == 1 else 4"),
        "layers.*.linear",
        (4, 8, 4),
    ),
    "the config grows": (
        _model(before="config.width += 4"),
        "layers.*.linear",
        (8, 12, 16),
    ),
    "a layer changes the config": (
        _model(built="config.width += 4"),
        "layers.*.linear",
        (8, 12, 16),
    ),
    "a class counts": (
        _model(built="Layer.count += 1; self.mine = Layer.count", width="4 * layer.mine"),
        "heads.*",
        (4, 8, 12),
    ),
    "a module counts": (
        _model(built="self.mine = counted()", width="4 * layer.mine"),
        "heads.*",
        (4, 8, 12),
    ),
    "a class is changed between": (
        _model(before="Layer.count = number", built="self.mine = Layer.count + 1",
               width="4 * layer.mine"),
        "heads.*",
        (4, 8, 12),
    ),
    "the number is asked for": (
        _model(built="self.mine = 2 if number == 1 else 1", width="4 * layer.mine"),
        "heads.*",
        (4, 8, 4),
    ),
    "a list of the module is filled": (
        _model(built="NAMES.append(number); self.mine = len(NAMES)", width="4 * layer.mine"),
        "heads.*",
        (4, 8, 12),
    ),
    "a dict of the module is filled": (
        _model(built="TABLE[number] = 1; self.mine = len(TABLE)", width="4 * layer.mine"),
        "heads.*",
        (4, 8, 12),
    ),
    "a list of the module is only filled": (
        _model(built="NAMES.append('a')", width="4 * len(NAMES)"),
        "heads.*",
        (12, 12, 12),
    ),
    "a list of the module is filled between": (
        _model(before="NAMES.append('a')", built="self.mine = len(NAMES)", width="4 * layer.mine"),
        "heads.*",
        (4, 8, 12),
    ),
    "all layers hold one dict": (
        _model(
            built="self.shared = TABLE", after="layer.shared[number] = 1",
            width="4 * len(layer.shared)",
        ),
        "heads.*",
        (12, 12, 12),
    ),
    "all layers hold one list, in a tuple": (
        _model(
            built="self.shared = (NAMES, 1)", after="layer.shared[0].append(number)",
            width="4 * len(layer.shared[0])",
        ),
        "heads.*",
        (12, 12, 12),
    ),
    "a function keeps its layer": (
        _model(built="self.own = lambda: self.number", width="4 * (layer.own() + 1)"),
        "heads.*",
        (4, 8, 12),
    ),
    "one was given up": (
        _model(
            before="if random.random() > 0.5:\n"
            "                Layer(config, number)\n"
            "                raise ValueError",
        ),
        "layers.*.linear",
        SAME,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_layer_is_what_its_round_makes_it(case: str, tmp_path: Path) -> None:
    text, name, widths = CASES[case]
    path = tmp_path / "model.py"
    path.write_text(text, "utf-8")
    built = build_tree(builder_of(single_model(path)))
    assert isinstance(built, Built), built
    shapes = {each.name: each.shape for each in built.structure.parameters}
    found = [shapes[f"{name.replace('*', str(i))}.weight"] for i in range(3)]
    assert found == [(width, 4) for width in widths]
