"""Every op that the shipped models call has a meaning; what others call besides is printed."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from forgather_lint.python.interpreter.library import op_names
from tests.abstract_ops import load_ops
from tests.fixture_models import MODELS

LIBRARIES = {"torch": "torch", "F": "torch.nn.functional", "nn": "torch.nn"}
METHODS = {name for name in dir(torch.Tensor) if not name.startswith("__")}
NOT_IN_FORWARD = ("torch.nn.init.", "torch.nn.utils.")

Calls = dict[str, set[str]]


def dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return LIBRARIES.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        return owner and f"{owner}.{node.attr}"
    return None


def calls(tree: ast.AST) -> Iterator[str]:
    """The names of functions of torch and of methods that tensors have, as far as names tell."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        if name is not None:
            yield name
        elif isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            yield f"Tensor.{node.func.attr}"


def functions(file: Path) -> Iterator[ast.FunctionDef]:
    """Functions of the file that are no constructors."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name != "__init__":
            yield node


def is_class(name: str) -> bool:
    return name.rpartition(".")[2][0].isupper()


def without_meaning(files: Iterable[Path]) -> Calls:
    """Names that have no op, with the folders whose code calls them."""
    load_ops()
    known = op_names()
    missing: Calls = defaultdict(set)
    for file in files:
        for name in (name for function in functions(file) for name in calls(function)):
            if not (name in known or is_class(name) or name.startswith(NOT_IN_FORWARD)):
                missing[name].add(file.parent.name)
    return missing


def test_shipped_models() -> None:
    assert without_meaning(MODELS.rglob("*.py")) == {}


def test_text_models_of_transformers(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the names that causal language models call, few lack a meaning, none in many models."""
    transformers = pytest.importorskip("transformers")
    folder = Path(transformers.__file__).parent / "models"
    texts = {file: file.read_text("utf-8") for file in sorted(folder.glob("*/modeling_*.py"))}
    files = [f for f, t in texts.items() if "ForCausalLM" in t and "pixel_values" not in t]
    missing = without_meaning(files)
    with capsys.disabled():
        for name, folders in sorted(missing.items(), key=lambda item: -len(item[1])):
            print(f"\n{len(folders):3} {name}: {', '.join(sorted(folders)[:4])}", end="")
    assert len(files) > 50
    assert all(len(folders) <= len(files) / 25 for folders in missing.values())
