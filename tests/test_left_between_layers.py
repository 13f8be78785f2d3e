"""What layers leave to each other beside the hidden states stays on their stage, if it is read.

Each way was asked of vLLM 0.32 at two stages; all serve at one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from forgather_lint.facts.causes.stages import AppliedPerStage
from tests.llama_ways import Way, outcome_of, write_llama

KEEPS_FIRST = """
if left.first is None:
    left.first = hidden_states
hidden_states = hidden_states + left.first
"""
HELPERS = """
from collections import defaultdict, deque
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType, SimpleNamespace


@dataclass
class Left:
    first: object = None
    one: int = 1

    def add(self, states):
        if self.first is None:
            self.first = states
        return self.first


class Holder:
    def __init__(self):
        self.left = Left()


def put(kept, states):
    kept.append(states)
    return kept[0]


def remembering():
    kept = []
    return lambda states: put(kept, states)


def counting():
    for number in range(1, 100):
        yield number
"""
ADDED = "hidden_states = hidden_states + left(hidden_states)"
SCALED = "hidden_states = hidden_states * len(left)"
READ = {
    "an attribute of an object": ("Left()", KEEPS_FIRST),
    "an attribute of a namespace": ("SimpleNamespace(first=None)", KEEPS_FIRST),
    "an object in an object": ("Holder()", f"left = left.left{KEEPS_FIRST}"),
    "an object in a list": ("[Left()]", f"left = left[0]{KEEPS_FIRST}"),
    "a method of an object": ("Left().add", ADDED),
    "a list of a closure": ("remembering()", ADDED),
    "a list of a partial": (
        "partial(put, [])",
        ADDED,
    ),
    "an iterator": ("iter(range(100))", "hidden_states = hidden_states * (1 + next(left))"),
    "a generator": ("counting()", "hidden_states = hidden_states * next(left)"),
    "the size of a set": (
        "set()",
        f"left.add(len(left))\n{SCALED}",
    ),
    "the length of a list": ("[]", f"left.append(1)\n{SCALED}"),
}
NOT_READ = {
    "a list that is only written": ("[]", "left.append(hidden_states)"),
    "a dict that is only written": ("{}", "left[len(left)] = hidden_states"),
    "a method that writes": ("[].append", "left(hidden_states)"),
    "an object that stays as it is": ("Left()", "hidden_states = hidden_states * left.one"),
    "a mapping that cannot be written": (
        "MappingProxyType({'one': 1})",
        "hidden_states = hidden_states * left['one']",
    ),
}


@pytest.mark.parametrize("way", [*READ, *NOT_READ])
def test_what_is_left_counts_if_it_is_read(way: str, tmp_path: Path) -> None:
    made, statements = (READ | NOT_READ)[way]
    changed = Way(top=HELPERS, made=f"left = {made}", passed="left", layer=statements)
    model = write_llama(changed, tmp_path)
    alone, staged = (outcome_of(model, stages) for stages in (1, 2))
    assert alone.verdict.value == "serves"
    assert staged.verdict.value == ("wrong" if way in READ else "serves")
    assert way in NOT_READ or staged.cause == AppliedPerStage(beside=True)
