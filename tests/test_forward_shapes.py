"""Every submodule is called with, and returns, tensors of the shapes that PyTorch recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from forgather_lint.core.recursion import deep_recursion
from forgather_lint.core.source import Place
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.engine import Engine, EngineAttention, PlanReading, given_arguments
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.machine import Observer
from forgather_lint.python.values.dims import Poly, Size
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    Arguments,
    External,
    ListValue,
    TensorValue,
    TupleValue,
    Value,
)
from tests.fixture_models import model_directories
from tests.meta_truth import SEQUENCE, golden_truth
from tests.test_tree_against_meta import skip_other_transformers
from tests.verdicts import Static

Shape = list[int]


@dataclass
class Calls(Observer):
    """Notes the shapes of the tensors that enter and leave each module, in order of return."""

    tree: Tree
    open: list[tuple[Instance, list[Shape]]] = field(default_factory=list)
    found: list[tuple[str, list[Shape], list[Shape]]] = field(default_factory=list)

    def entered(self, instance: Instance, arguments: Arguments, where: Place) -> None:
        self.open.append((instance, shapes_in(arguments.all())))

    def left(self, instance: Instance, result: Value) -> Value:
        _, given = self.open.pop()
        name = self.tree.name_of(instance)
        if name:
            self.found.append((name, given, shapes_in([result])))
        return result


def shapes_in(values: list[Value]) -> list[Shape]:
    """The shapes of the tensors in `values`, those in tuples, lists and outputs among them."""
    found: list[Shape] = []
    for value in values:
        if isinstance(value, TensorValue):
            assert value.shape is not None, value
            found.append([number(size) for size in value.shape])
        elif isinstance(value, TupleValue | ListValue):
            found += shapes_in(list(value.items))
        elif isinstance(value, Instance) and isinstance(value.cls, External):
            found += shapes_in(list(value.attributes.values()))
    return found


def number(size: Size | None) -> int:
    """The size with five tokens in the sequence."""
    assert size is not None
    if isinstance(size, Poly):
        return sum(factor * SEQUENCE ** len(names) for names, factor in size.terms)
    return size


ALL_OF_THE_MODEL = VllmTarget.of("0.11.0", "5.19.0")
"""A release that puts nothing in the place of experts."""


@pytest.mark.parametrize("directory", model_directories(), ids=lambda path: path.name)
def test_shapes_of_every_call(directory: Path) -> None:
    truth = golden_truth(directory)
    skip_other_transformers(directory, truth)
    expected = [
        (call["module"], list(call["inputs"].values()), call["outputs"])
        for call in truth["entries"]["AutoModel"]["calls"]
        if call["module"]
    ]
    judge = Static(directory, ALL_OF_THE_MODEL).judge
    machine, root = judge.subject.machine, judge.subject.root
    observer = Calls(judge.subject.tree)
    with deep_recursion(), machine.undone_run(observer=observer):
        machine.call(root, given_arguments(Engine(PlanReading({}), EngineAttention())), root.where)
    assert observer.found == expected
