"""A layer that writes to what it is given, or to itself, runs each time: layers that are alike too.

One answer for all layers that are alike made each of the failing ways serve, and most that serve
fail. Each was asked of vLLM 0.32 at one rank, whose words these are.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.llama_ways import Way, outcome_of, write_llama

OUTSIDE_LIST = "IndexError: list index out of range"
EMPTY = "IndexError: pop from empty list"
NAMESPACE = "from types import SimpleNamespace"
USES = "hidden_states = hidden_states * "


def passed(made: str, layer: str = "", after: str = "", *, top: str = "", then: str = "") -> Way:
    """Each of the four layers is passed `left`."""
    return Way(top, made=f"left = {made}", passed="left", layer=layer, then=then, after=after)


SERVES = {
    "a list": passed("[]", "left.append(1)", f"{USES}left[3]"),
    "a dict": passed("{}", "left[len(left)] = 1", f"{USES}left[3]"),
    "a deque": passed(
        "deque()", "left.append(1)", f"{USES}left[3]", top="from collections import *"
    ),
    "a list that is used up": passed("[1, 1, 1, 1]", f"{USES}left.pop()"),
    "an object between the calls": passed(
        "SimpleNamespace(n=0)", f"{USES}[1, 1, 1, 1][left.n]", top=NAMESPACE, then="left.n += 1"
    ),
    "the layer itself": Way(
        layer="self.aux = hidden_states",
        after="hidden_states = hidden_states + sum(layer.aux for layer in self.layers)",
    ),
    "the list that a layer returns": Way(
        result="[residual + hidden_states]",
        then="outputs = hidden_states\nhidden_states = outputs[0]\noutputs.append(1)\n"
        "assert len(outputs) == 2",
    ),
    "the dict that a layer returns": Way(
        result="{'states': residual + hidden_states}",
        then="outputs = hidden_states\nhidden_states = outputs.pop('states')",
    ),
}
FAILS = {
    "a list": (passed("[]", "left.append(1)", f"{USES}left[4]"), OUTSIDE_LIST),
    "a dict": (passed("{}", "left[len(left)] = 1", f"{USES}left[4]"), "KeyError: 4"),
    "an object": (
        passed("SimpleNamespace(n=0)", "left.n += 1", f"{USES}[1, 1, 1, 1][left.n]", top=NAMESPACE),
        OUTSIDE_LIST,
    ),
    "an iterator": (passed("iter(range(3))", "next(left)"), "StopIteration"),
    "a generator": (passed("(1 for _ in range(3))", f"{USES}next(left)"), "StopIteration"),
    "a list that is used up": (passed("[1, 1, 1]", f"{USES}left.pop()"), EMPTY),
    "a list in a dict": (passed("{'of': [1, 1, 1]}", "left['of'].pop()"), EMPTY),
    "a list in a tuple": (passed("([1, 1, 1],)", "left[0].pop()"), EMPTY),
    "the key of a dict": (passed("{'of': 1}", "left.pop('of')"), "KeyError: 'of'"),
    "a list between the calls": (
        passed("[]", f"{USES}[1, 1, 1][len(left)]", then="left.append(1)"),
        OUTSIDE_LIST,
    ),
    "a list in an object between the calls": (
        passed(
            "SimpleNamespace(of=[0])",
            f"{USES}[1, 1, 1][left.of[0]]",
            top=NAMESPACE,
            then="left.of[0] += 1",
        ),
        OUTSIDE_LIST,
    ),
    "a global list": (
        Way(
            "SEEN = []",
            made="SEEN.clear()",
            layer="SEEN.append(1)",
            after=f"{USES}SEEN[4]",
        ),
        OUTSIDE_LIST,
    ),
    "an attribute of the class": (
        Way(
            made="HfLlamaDecoderLayer.count = 0",
            layer="HfLlamaDecoderLayer.count += 1",
            after=f"{USES}[1, 1, 1, 1][HfLlamaDecoderLayer.count]",
        ),
        OUTSIDE_LIST,
    ),
    "an attribute of a function": (
        Way(
            "def mark():\n    mark.count += 1",
            made="mark.count = 0",
            layer="mark()",
            after=f"{USES}[1, 1, 1, 1][mark.count]",
        ),
        OUTSIDE_LIST,
    ),
}


@pytest.mark.parametrize("left", SERVES)
def test_what_a_layer_leaves_is_there(left: str, tmp_path: Path) -> None:
    model = write_llama(SERVES[left], tmp_path)
    assert outcome_of(model).verdict.value == "serves"


@pytest.mark.parametrize("left", FAILS)
def test_what_a_layer_leaves_is_no_more_than_that(left: str, tmp_path: Path) -> None:
    way, error = FAILS[left]
    outcome = outcome_of(write_llama(way, tmp_path))
    assert (outcome.verdict.value, outcome.reason) == ("fails", error)
