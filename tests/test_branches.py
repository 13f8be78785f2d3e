"""What a branch that raises has written is gone, whatever it wrote; what one of two wrote may be.

`random.random() > 0.5` decides which way the constructor goes, so both ways are run. In a branch
that ends with `raise` nothing may be written that a model sees which was built at all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.matrix import cell, examine
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.outcome import Verdict
from forgather_lint.facts import Structure
from forgather_lint.model.analysis import Built, build_tree, builder_of
from tests.cases import read_cases, without_expectations

SERVED = Path(__file__).parents[1] / "fixtures/rules/serving/post_init_not_called.md"
V032 = VllmTarget.of("0.32.0", "5.19.0")

MODEL = """
import random

import torch
from torch import nn

TABLE = {{"a": 1}}
NAMES = ["a"]
WIDTH = 4


class Settings:
    width = 4


def helper():
    return 4


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.scale = 1


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        global WIDTH
        self.names = ["a", "b"]
        self.table = {{"a": 1}}
        self.seen = {{"a"}}
        self.items = nn.ModuleList([nn.Linear(4, 4)])
        self.named = nn.ModuleDict({{"a": nn.Linear(4, 4)}})
        self.register_buffer("kept", torch.zeros(4))
        self.inner = Inner()
        if random.random() > 0.5:
            {written}
            raise ValueError
        self.by_names = nn.Linear(len(self.names), len(NAMES))
        self.by_table = nn.Linear(len(self.table), len(TABLE))
        self.by_seen = nn.Linear(len(self.seen), self.inner.scale)
        self.by_width = nn.Linear(WIDTH, Settings.width)
        self.by_helper = nn.Linear(4, getattr(helper, "width", 4))
        self.by_name = nn.ModuleList([nn.Linear(4, len(name)) for name in self.names])
        self.by_own = nn.Linear(4, getattr(self, "width", 4))


def _forward():
    return None
"""
WRITES = [
    'self.register_buffer("late", self.kept)',
    'self.register_parameter("late", nn.Parameter(self.kept))',
    'self.add_module("late", nn.Linear(4, 4))',
    "self.late = nn.Linear(4, 4)",
    'setattr(self, "late", nn.Linear(4, 4))',
    'setattr(self, "width", 8)',
    "setattr(self, helper.__name__ + str(random.random()), 8)",
    'self.__dict__["inner"] = Inner()',
    'self.__dict__["width"] = 8',
    'self.__dict__.update({"inner": 1, "width": 8})',
    "del self.inner",
    'delattr(self, "inner")',
    "self.inner.scale = 8",
    "self.inner.linear = nn.Linear(8, 8)",
    "self.names.append('c')",
    "self.names.extend(TABLE.get(random.random()))",
    "self.names.extend(['c', 'd'])",
    "self.names += ['c']",
    "self.names[0] = 'long'",
    "self.names[random.randint(0, 1)] = 'long'",
    "self.names.insert(0, 'c')",
    "self.names.pop()",
    "self.names.clear()",
    "self.names.sort(reverse=True)",
    "del self.names[0]",
    "del self.names[random.randint(0, 1)]",
    "self.table['b'] = 2",
    "self.table[random.random()] = 2",
    "self.table[(1, 2)] = 2",
    "self.table.update(b=2)",
    "self.table.update(random.random())",
    "self.table.setdefault('b', 2)",
    "self.table.pop('a')",
    "self.table.clear()",
    "self.table |= {'b': 2}",
    "del self.table['a']",
    "self.seen.add('b')",
    "self.seen.update(random.random())",
    "self.seen.discard('a')",
    "TABLE['b'] = 2",
    "NAMES.append('b')",
    "WIDTH = 8",
    "Settings.width = 8",
    "setattr(Settings, 'width', 8)",
    "helper.width = 8",
    "self.items.append(nn.Linear(4, 4))",
    "self.items.extend([nn.Linear(4, 4)])",
    "self.items += [nn.Linear(4, 4)]",
    "self.items.insert(0, nn.Linear(8, 8))",
    "self.items[0] = nn.Linear(8, 8)",
    "self.items[random.randint(0, 1)] = nn.Linear(8, 8)",
    "del self.items[0]",
    "self.named['b'] = nn.Linear(4, 4)",
    "self.named.update({'b': nn.Linear(4, 4)})",
    "self.named[str(random.random())] = nn.Linear(4, 4)",
    "self.named.update(random.random())",
    "del self.named['a']",
    "self.inner.register_buffer('late', self.kept)",
]


@pytest.mark.parametrize("written", WRITES)
def test_a_branch_that_raises_leaves_nothing(written: str, tmp_path: Path) -> None:
    assert _structure(tmp_path / "one", written) == _structure(tmp_path / "two", "pass")


def _structure(folder: Path, written: str) -> tuple[object, ...]:
    folder.mkdir()
    path = folder / "model.py"
    path.write_text(MODEL.format(written=written), "utf-8")
    built = build_tree(builder_of(single_model(path)))
    assert isinstance(built, Built), built
    return _facts(built.structure)


def _facts(structure: Structure) -> tuple[object, ...]:
    """All that is said of the tree, with the places as rows and columns."""
    modules = [(m.name, m.certain, m.sizes, m.where.span.start) for m in structure.modules]
    tensors = [
        (t.name, t.shape, t.certain, t.same_as, t.where.span.start)
        for t in (*structure.parameters, *structure.buffers)
    ]
    unknowns = [(each.reason, each.where and each.where.span.start) for each in structure.unknowns]
    return modules, tensors, len(structure.buffers), unknowns, structure.open_at


CALLED = "        self.post_init()\n"
PERHAPS = "        if random.random() > 0.5:\n            self.post_init()\n"
GONE = PERHAPS + "            raise ValueError\n"
BOTH = PERHAPS + "        else:\n            self.post_init()\n"


@pytest.mark.parametrize(
    ("text", "verdicts", "reason"),
    [
        (CALLED, {Verdict.SERVES}, ""),
        (BOTH, {Verdict.SERVES}, ""),
        (GONE, {Verdict.WRONG, Verdict.FAILS}, None),
        (PERHAPS, {Verdict.UNKNOWN}, "post-init-by-condition"),
    ],
    ids=["called", "both", "dying", "perhaps"],
)
def test_plans_are_merged_only_if_post_init_is_called(
    text: str, verdicts: set[Verdict], reason: str | None, tmp_path: Path
) -> None:
    case = next(each for each in read_cases(SERVED) if not each.expected)
    for name, content in case.files.items():
        (tmp_path / name).write_text(without_expectations(content), "utf-8")
    path = tmp_path / "modeling_tiny.py"
    head, cls, rest = path.read_text("utf-8").partition("class TinyModel(")
    path.write_text(f"import random\n{head}{cls}{rest.replace(CALLED, text, 1)}", "utf-8")
    outcome = cell(examine(single_model(tmp_path), V032, "bfloat16"), 2, 1).outcome
    assert outcome.verdict in verdicts, outcome
    assert reason is None or outcome.reason == reason
