"""What a module returned stands for another one only while the two are alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgather_lint.documents.single_file import single_model
from forgather_lint.execution.module_answers import ModuleAnswers
from forgather_lint.model.analysis import Built, build_tree, builder_of
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Arguments, Known, ListValue, TupleValue

MODEL = """
from torch import nn


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)


class Layer(nn.Module):
    def __init__(self, number):
        super().__init__()
        self.inner = Inner()


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([Layer(number) for number in range(3)])
"""
GIVEN, OTHER, RETURNED = Arguments([Known(1)]), Arguments([Known(3)]), Known(2)


@pytest.fixture
def model(tmp_path: Path) -> tuple[Machine, list[Instance]]:
    """The machine that built the model, and its layers."""
    file = tmp_path / "model.py"
    file.write_text(MODEL, "utf-8")
    builder = builder_of(single_model(file))
    built = build_tree(builder)
    assert isinstance(built, Built)
    return builder.machine, [built.tree.instances[f"layers.{number}"] for number in range(3)]


def _after_the_first(machine: Machine, first: Instance) -> ModuleAnswers:
    answers = ModuleAnswers(machine)
    answers.entered(first, GIVEN)
    answers.left(RETURNED)
    return answers


def _inner(layer: Instance) -> Instance:
    found = layer.attributes["inner"]
    assert isinstance(found, Instance)
    return found


def test_one_answer_stands_for_all_that_are_alike(model: tuple[Machine, list[Instance]]) -> None:
    machine, layers = model
    with machine.undone_run():
        answers = _after_the_first(machine, layers[0])
        assert [answers.result(each, GIVEN) for each in layers] == [RETURNED] * 3
        assert answers.result(layers[1], OTHER) is None


def test_a_write_deep_inside_is_noticed(model: tuple[Machine, list[Instance]]) -> None:
    machine, layers = model
    with machine.undone_run():
        answers = _after_the_first(machine, layers[0])
        assert answers.result(layers[1], GIVEN) == RETURNED
        machine.trail.set_attribute(_inner(layers[1]), "linear", Known(None))
        assert answers.result(layers[1], GIVEN) is None
        answers.entered(layers[0], GIVEN)
        answers.left(RETURNED)
        assert answers.result(layers[1], GIVEN) is None
        assert answers.result(layers[2], GIVEN) == RETURNED


def test_a_write_to_what_is_older_ends_all_answers(model: tuple[Machine, list[Instance]]) -> None:
    """Who knows which modules read it."""
    machine, layers = model
    with machine.undone_run():
        answers = _after_the_first(machine, layers[0])
        machine.trail.set_attribute(_inner(layers[1]), "linear", Known(None))
        assert answers.result(layers[2], GIVEN) is None


def test_a_call_that_writes_is_not_remembered(model: tuple[Machine, list[Instance]]) -> None:
    machine, layers = model
    with machine.undone_run():
        answers = ModuleAnswers(machine)
        shared = ListValue([])
        answers.entered(layers[0], GIVEN)
        own = ListValue([])
        machine.trail.append(own, Known(1))
        answers.left(RETURNED)
        assert answers.result(layers[1], GIVEN) == RETURNED
        answers.entered(layers[0], OTHER)
        machine.trail.append(shared, Known(1))
        answers.left(RETURNED)
        assert answers.result(layers[1], OTHER) is None


def test_an_answer_holds_while_its_arguments_do(model: tuple[Machine, list[Instance]]) -> None:
    machine, layers = model

    def branch() -> None:
        machine.trail.append(inner, Known(1))
        assert answers.result(layers[1], given) is None

    with machine.undone_run():
        answers = ModuleAnswers(machine)
        inner = ListValue([])
        given = Arguments([TupleValue((ListValue([inner]),))])
        answers.entered(layers[0], given)
        answers.left(RETURNED)
        assert answers.result(layers[1], given) == RETURNED
        written = machine.trail.attempt(branch)
        assert answers.result(layers[1], given) == RETURNED
        machine.trail.merge([written.changes])
        assert answers.result(layers[1], given) is None


def test_what_others_may_write_to_is_not_returned_twice(
    model: tuple[Machine, list[Instance]],
) -> None:
    machine, layers = model
    with machine.undone_run():
        answers = ModuleAnswers(machine)
        answers.entered(layers[0], GIVEN)
        answers.left(ListValue([]))
        assert answers.result(layers[1], GIVEN) is None


def test_another_run_finds_what_was_undone(model: tuple[Machine, list[Instance]]) -> None:
    machine, layers = model
    with machine.undone_run():
        machine.trail.set_attribute(_inner(layers[1]), "linear", Known(None))
        answers = _after_the_first(machine, layers[0])
        assert answers.result(layers[1], GIVEN) is None
    with machine.undone_run():
        assert answers.result(layers[1], GIVEN) == RETURNED
