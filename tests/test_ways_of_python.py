"""What Python does with names and attributes decides whether a model runs.

Each was asked of vLLM 0.32 at one rank, whose words these are.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.llama_ways import Way, outcome_of, write_llama

ENUM = "from enum import Enum\nclass Kind(Enum):\n    PLAIN = 'plain'"
SERVES = {
    "a keyword that the decorator of the forward takes": Way(
        made="(lambda **given: None)(return_dict=True, **kwargs)"
    ),
    "a member of an enumeration is not its value": Way(
        ENUM, layer="if Kind.PLAIN == 'plain':\n    raise ValueError('equal')"
    ),
    "a member of an enumeration is found by its value": Way(
        ENUM, layer="assert Kind('plain') is Kind.PLAIN"
    ),
    "a property with a setter": Way(
        "class Kept:\n    @property\n    def x(self):\n        return self.y\n"
        "    @x.setter\n    def x(self, new):\n        self.y = new",
        layer="kept = Kept()\nkept.x = 1\nassert kept.x == 1",
    ),
}
FAILS = {
    "a keyword that is given twice": (
        Way(made="given = {'use_cache': 1}\n(lambda **_: None)(use_cache=False, **given)"),
        "got multiple values for keyword argument 'use_cache'",
    ),
    "a property without a setter": (
        Way(
            "class Kept:\n    @property\n    def x(self):\n        return 1",
            layer="kept = Kept()\nkept.x = 2",
        ),
        "property 'x' of 'Kept' object has no setter",
    ),
    "a name that is assigned further down": (
        Way(layer="left = left + 1"),
        "cannot access local variable 'left' where it is not associated with a value",
    ),
}


@pytest.mark.parametrize("way", SERVES)
def test_what_python_allows(way: str, tmp_path: Path) -> None:
    model = write_llama(SERVES[way], tmp_path)
    assert outcome_of(model).verdict.value == "serves"


@pytest.mark.parametrize("way", FAILS)
def test_what_python_refuses(way: str, tmp_path: Path) -> None:
    changed, words = FAILS[way]
    outcome = outcome_of(write_llama(changed, tmp_path))
    assert outcome.verdict.value == "fails"
    assert outcome.reason.endswith(words)
