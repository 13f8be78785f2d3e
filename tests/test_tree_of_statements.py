"""What single statements of a constructor leave in the module tree, as PyTorch does it."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgather_lint.documents.single_file import single_model
from forgather_lint.model.analysis import Built, build_tree, builder_of

HEAD = """
from collections import deque
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import KW_ONLY, InitVar, dataclass, fields
from typing import ClassVar

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from torch.nn.utils.parametrize import is_parametrized, register_parametrization
from transformers import PretrainedConfig, PreTrainedModel


@dataclass
class Sizes:
    rows: int = 2
    columns: int = 5
    depth: int = 1


@dataclass
class Counted:
    rows: int
    factor: InitVar[int]
    _: KW_ONLY
    width: int = 5
    largest: "ClassVar[int]" = 10

    def __post_init__(self, factor):
        self.width *= factor


class Doubled(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.ones(2))

    def forward(self, weight):
        return 2 * weight


class Outer(nn.Module):
    def forward(self, rows, columns):
        return rows[:, None] * columns

    def right_inverse(self, weight):
        return weight[:, 0], weight[0]


class Kept(dict, MutableMapping[str, torch.Tensor]):
    pass


class TinyConfig(PretrainedConfig):
    model_type = "tiny"


class TinyModel(PreTrainedModel):
    config_class = TinyConfig

    def __width(self):
        return 7

    def __init__(self, config):
        super().__init__(config)
"""

PARAMETERS = {
    "self.__a = nn.Linear(3, 4, bias=False)": {
        "_TinyModel__a.weight": (4, 3),
    },
    "self.a = nn.Embedding(2, len([each.name for each in fields(Sizes)]))": {"a.weight": (2, 3)},
    "self.a = nn.Embedding(*(getattr(Sizes(), each.name) for each in fields(Sizes)[:2]))": {
        "a.weight": (2, 5)
    },
    "self.a = nn.Embedding(2, len(fields(Counted)))": {"a.weight": (2, 2)},
    "c = Counted(4, 3, width=6)\nself.a = nn.Embedding(c.rows, c.width * c.largest)": {
        "a.weight": (4, 180)
    },
    "self.a = nn.Embedding(2, self.__width())": {"a.weight": (2, 7)},
    "self.a = nn.Parameter(torch.Tensor(4, 3))": {"a": (4, 3)},
    "self.a = nn.Parameter(torch.Tensor([4, 3]))": {"a": (2,)},
    "self.a = nn.Parameter(torch.normal(0, 0.1, size=(3,)))": {"a": (3,)},
    "self.a = nn.Embedding(4, 3)\nself.a.weight.requires_grad_(False)": {"a.weight": (4, 3)},
    "self.a = nn.Parameter(torch.ones(3))\nself.a.detach_()": {"a": (3,)},
    "self.a = nn.Parameter(torch.ones(3))\nself.a.normal_(0, 0.02)": {"a": (3,)},
    "self.a = nn.Parameter(torch.ones(3))\nself.a.fill_(1.0); self.a.mul_(2)": {"a": (3,)},
    "self.a = nn.Parameter(torch.ones(3))\nself.a[0] = 1.0\nself.a += 1": {"a": (3,)},
    "self.a = nn.Parameter(torch.ones(3))\nself.a.copy_(torch.zeros(3))": {"a": (3,)},
    "config.update({'n': 4})\nself.a = nn.Embedding(config.n, 2)": {"a.weight": (4, 2)},
    "self.__setattr__('a', nn.Embedding(3, 2))": {"a.weight": (3, 2)},
    "setattr(config, 'n', 4)\nself.a = nn.Embedding(config.__getattribute__('n'), 2)": {
        "a.weight": (4, 2)
    },
    "self.a = nn.Sequential(nn.Embedding(3, 2)) + nn.Sequential(nn.Embedding(1, 4))": {
        "a.0.weight": (3, 2),
        "a.1.weight": (1, 4),
    },
    "self.a = nn.ModuleList([nn.Embedding(3, 2)]) + [nn.Embedding(1, 4)]": {
        "a.0.weight": (3, 2),
        "a.1.weight": (1, 4),
    },
    "def mark(module): module.size = 3\n"
    "self.a = nn.Embedding(4, 2).apply(mark); self.b = nn.Embedding(self.a.size, 1)": {
        "a.weight": (4, 2),
        "b.weight": (3, 1),
    },
    "n = [3, 1, 2]; n.sort()\nself.a = nn.Embedding(*n[:2])": {"a.weight": (1, 2)},
    "n = [3, 1, 2]; n.sort(reverse=True)\nself.a = nn.Embedding(*n[:2])": {"a.weight": (3, 2)},
    "n = [3, 1, 2]; n.remove(3)\nself.a = nn.Embedding(*n)": {"a.weight": (1, 2)},
    "n = [3, 1, 2, 5]; del n[1:3]\nself.a = nn.Embedding(*n)": {"a.weight": (3, 5)},
    "n = [3, 1]; n.clear(); n += [4, 2]\nself.a = nn.Embedding(*n)": {"a.weight": (4, 2)},
    "n = deque([3, 1, 2]); n.popleft()\nself.a = nn.Embedding(*n)": {"a.weight": (1, 2)},
    "n = deque([1, 2]); n.appendleft(3)\nself.a = nn.Embedding(n[0], n[1])": {"a.weight": (3, 1)},
    "with suppress(KeyError):\n    {}['x']\nself.a = nn.Embedding(3, 2)": {"a.weight": (3, 2)},
    "match (3, 2):\n    case (n, *rest): pass\nself.a = nn.Embedding(n, *rest)": {
        "a.weight": (3, 2)
    },
    "match 3:\n    case 1 | 3 as n: pass\nself.a = nn.Embedding(n, 2)": {"a.weight": (3, 2)},
    "match {'n': 3}:\n    case {'n': n}: pass\nself.a = nn.Embedding(n, 2)": {"a.weight": (3, 2)},
    "self.a = nn.ModuleList([nn.Embedding(3, 2)]); self.a += [nn.Embedding(1, 4)]": {
        "a.0.weight": (3, 2),
        "a.1.weight": (1, 4),
    },
    "self.a = nn.ModuleList(nn.Embedding(n, 2) for n in (1, 2, 3, 4)); del self.a[1]": {
        "a.0.weight": (1, 2),
        "a.1.weight": (3, 2),
        "a.2.weight": (4, 2),
    },
    "self.a = nn.ModuleList(nn.Embedding(n, 2) for n in (1, 2, 3, 4)); del self.a[:-1]": {
        "a.0.weight": (4, 2)
    },
    "self.a = weight_norm(nn.Linear(3, 4))": {
        "a.bias": (4,),
        "a.parametrizations.weight.original0": (4, 1),
        "a.parametrizations.weight.original1": (4, 3),
    },
    "self.a = weight_norm(nn.Conv1d(3, 4, 5, bias=False), dim=None)": {
        "a.parametrizations.weight.original0": (),
        "a.parametrizations.weight.original1": (4, 3, 5),
    },
    "self.a = nn.utils.weight_norm(nn.Linear(3, 4, bias=False), dim=1)": {
        "a.weight_g": (1, 3),
        "a.weight_v": (4, 3),
    },
    "self.a = spectral_norm(nn.Linear(3, 4, bias=False))": {
        "a.parametrizations.weight.original": (4, 3),
    },
    "self.a = nn.utils.spectral_norm(nn.Linear(3, 4, bias=False))": {"a.weight_orig": (4, 3)},
    "self.a = nn.Linear(3, 4, bias=False)\n"
    "register_parametrization(self.a, 'weight', Doubled())\n"
    "self.b = nn.Embedding(self.a.weight.shape[0], 2 + is_parametrized(self.a))": {
        "a.parametrizations.weight.0.a": (2,),
        "a.parametrizations.weight.original": (4, 3),
        "b.weight": (4, 3),
    },
    "self.a = nn.Linear(3, 4, bias=False)\nregister_parametrization(self.a, 'weight', Outer())": {
        "a.parametrizations.weight.original0": (4,),
        "a.parametrizations.weight.original1": (3,),
    },
}
BUFFERS = {
    "self.a = spectral_norm(nn.Linear(3, 4))": {
        "a.parametrizations.weight.0._u": (4,),
        "a.parametrizations.weight.0._v": (3,),
    },
    "self.a = nn.utils.spectral_norm(nn.Linear(3, 4))": {
        "a.weight_u": (4,),
        "a.weight_v": (3,),
    },
    "self.a = nn.Buffer(torch.zeros(1))\nself.a -= 1e-5": {"a": (1,)},
    "self.register_buffer('a', torch.zeros(1))\nself.a = self.a + 1": {"a": (1,)},
}


def tree_of(statements: str, folder: Path) -> Built:
    file = folder / "modeling_tiny.py"
    body = "".join(f"        {line}\n" for line in statements.splitlines())
    file.write_text(f"{HEAD}{body}        self.post_init()\n", "utf-8")
    built = build_tree(builder_of(single_model(file)))
    assert isinstance(built, Built), built
    return built


@pytest.mark.parametrize("statements", PARAMETERS)
def test_parameters(statements: str, tmp_path: Path) -> None:
    structure = tree_of(statements, tmp_path).structure
    assert {each.name: each.shape for each in structure.parameters} == PARAMETERS[statements]
    assert structure.unknowns == ()


def test_an_object_whose_bases_are_pythons_own_is_no_module(tmp_path: Path) -> None:
    structure = tree_of("self.a = nn.Embedding(3, 2); self.__kept = Kept()", tmp_path).structure
    assert [each.name for each in structure.modules] == ["", "a"]


@pytest.mark.parametrize("statements", BUFFERS)
def test_buffers(statements: str, tmp_path: Path) -> None:
    structure = tree_of(statements, tmp_path).structure
    assert {each.name: each.shape for each in structure.buffers} == BUFFERS[statements]


@pytest.mark.parametrize(
    "statements",
    [
        "n = [1, 2]; n.__setitem__(0, 3)",
        "n = {0: 1, 1: 2}; n.popitem()",
        "n = [1, 2]; del n[len(__file__) - len(__file__)]",
        "match __file__:\n    case str(n): pass\nn = [n]",
        "config.update(__file__)\nn = [config.n]",
    ],
)
def test_what_is_not_modelled_leaves_the_size_open(statements: str, tmp_path: Path) -> None:
    built = tree_of(f"{statements}\nself.a = nn.Embedding(n[0], 2)", tmp_path)
    assert {each.name: each.shape for each in built.structure.parameters} == {"a.weight": (None, 2)}
