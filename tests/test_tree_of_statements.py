"""What single statements of a constructor leave in the module tree, as PyTorch does it."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgather_lint.analysis import Built, build_tree, workshop_of
from forgather_lint.inputs.single import single_model

HEAD = """
import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel


class TinyConfig(PretrainedConfig):
    model_type = "tiny"


class TinyModel(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
"""

PARAMETERS = {
    "self.a = nn.Parameter(torch.Tensor(4, 3))": {"a": (4, 3)},
    "self.a = nn.Parameter(torch.Tensor([4, 3]))": {"a": (2,)},
    "self.a = nn.Parameter(torch.normal(0, 0.1, size=(3,)))": {"a": (3,)},
    "self.a = nn.Embedding(4, 3)\nself.a.weight.requires_grad_(False)": {"a.weight": (4, 3)},
    "self.a = nn.Parameter(torch.ones(3))\nself.a.detach_()": {"a": (3,)},
}
BUFFERS = {
    "self.a = nn.Buffer(torch.zeros(1))\nself.a -= 1e-5": {"a": (1,)},
    "self.register_buffer('a', torch.zeros(1))\nself.a = self.a + 1": {"a": (1,)},
}


def tree_of(statements: str, folder: Path) -> Built:
    file = folder / "modeling_tiny.py"
    body = "".join(f"        {line}\n" for line in statements.splitlines())
    file.write_text(f"{HEAD}{body}        self.post_init()\n", "utf-8")
    built = build_tree(workshop_of(single_model(file)))
    assert isinstance(built, Built), built
    return built


@pytest.mark.parametrize("statements", PARAMETERS)
def test_parameters(statements: str, tmp_path: Path) -> None:
    structure = tree_of(statements, tmp_path).structure
    assert {each.name: each.shape for each in structure.parameters} == PARAMETERS[statements]
    assert structure.unknowns == ()


@pytest.mark.parametrize("statements", BUFFERS)
def test_buffers(statements: str, tmp_path: Path) -> None:
    structure = tree_of(statements, tmp_path).structure
    assert {each.name: each.shape for each in structure.buffers} == BUFFERS[statements]
