"""The lists of inherited attributes are complete for the releases installed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

from forgather_lint.libraries.library_members import MEMBERS
from forgather_lint.libraries.names import CONFIG, MODULE, PRETRAINED

ASK = """
import json
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
names = {"config": dir(PretrainedConfig()), "model": dir(PreTrainedModel)}
names["module"] = dir(nn.Module())
for name in dir(nn):
    cls = getattr(nn, name)
    if isinstance(cls, type) and issubclass(cls, nn.Module):
        names[f"torch.nn.{name}"] = dir(cls)
print(json.dumps(names))
"""


@pytest.fixture(scope="module")
def inherited() -> dict[str, set[str]]:
    if not all(importlib.util.find_spec(name) for name in ("torch", "transformers")):
        pytest.skip("needs torch and transformers")
    ran = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    answers: dict[str, list[str]] = json.loads(ran.stdout)
    return {
        kind: {name for name in names if not name.startswith("__")}
        for kind, names in answers.items()
    }


@pytest.mark.parametrize(
    ("kind", "bases"),
    [("config", [CONFIG]), ("model", [PRETRAINED, MODULE]), ("module", [MODULE])],
)
def test_no_inherited_name_is_missing(
    inherited: dict[str, set[str]], kind: str, bases: list[str]
) -> None:
    listed = set().union(*(MEMBERS[base] for base in bases))
    assert inherited[kind] - listed == set()


def test_no_name_of_a_module_is_missing(inherited: dict[str, set[str]]) -> None:
    for cls, names in inherited.items():
        if cls.startswith("torch.nn."):
            assert names - MEMBERS.get(cls, frozenset()) - MEMBERS[MODULE] == set(), cls
