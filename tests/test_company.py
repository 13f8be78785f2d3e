"""Equal questions get equal answers, in any order and in any company."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path

import pytest

from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.api import AnyPreparedModel, Cell
from forgather_lint.engines.matrix import cell, examine
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.linting.registry import code_of
from tests.fixture_models import copy_model, model_directories

TARGETS = (VllmTarget.of("0.13.0", "4.57.6"), VllmTarget.of("0.32.0", "5.19.0"))
SIZES = tuple(product((1, 2), (1, 2)))
ASKED_ALONE = 3
"""Each takes an analysis of its own."""
Question = tuple[VllmTarget, int, int]


def _examined(directory: Path, target: VllmTarget) -> AnyPreparedModel:
    return examine(single_model(directory), target, "bfloat16")


def _told(each: Cell) -> tuple[object, ...]:
    outcome = each.outcome
    places = [str(where.span) if where else "" for where in (outcome.where, outcome.since)]
    told = (outcome.verdict, code_of(outcome), outcome.reason, outcome.module)
    return (*told, *places, each.bytes_per_rank)


@pytest.mark.parametrize("directory", model_directories(), ids=lambda path: path.name)
def test_a_cell_is_the_same_alone_and_in_a_shuffled_matrix(directory: Path) -> None:
    chance = random.Random(directory.name)
    questions: list[Question] = [(t, *sizes) for t, sizes in product(TARGETS, SIZES)]
    chance.shuffle(questions)
    together = {target: _examined(directory, target) for target in TARGETS}
    answers = {each: _told(cell(together[each[0]], *each[1:])) for each in questions}
    for target, ranks, stages in chance.sample(questions, ASKED_ALONE):
        alone = _told(cell(_examined(directory, target), ranks, stages))
        assert answers[target, ranks, stages] == alone, (str(target), ranks, stages)
        again = _told(cell(together[target], ranks, stages))
        assert again == alone, (str(target), ranks, stages)


def test_a_large_cell_does_not_pay_for_its_neighbours(tmp_path: Path) -> None:
    """Forty-eight layers on eight ranks and eight stages, after all smaller sizes."""
    model = copy_model("hf_llama", tmp_path, num_hidden_layers=48)
    together = _examined(model, TARGETS[1])
    for ranks, stages in product((1, 8), (1, 4)):
        cell(together, ranks, stages)
    alone = _told(cell(_examined(model, TARGETS[1]), 8, 8))
    assert _told(cell(together, 8, 8)) == alone
