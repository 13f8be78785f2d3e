"""What only one of two branches sets may be missing afterwards: whoever needs it proves nothing.

Each but the last few served here, falsely: vLLM 0.32 was asked about all with a condition that is
never true, and fails on them as Python does.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.llama_ways import Way, outcome_of, write_llama

IF = "if hidden_states.sum() > 1e9:\n    "
NEEDED = {
    "a key": f"left = {{}}\n{IF}left['a'] = 1\nleft['a']",
    "a key that is asked for": f"left = {{}}\n{IF}left['a'] = 1\nassert 'a' in left",
    "a key that is taken": f"left = {{}}\n{IF}left['a'] = 1\nleft.pop('a')",
    "a key that is deleted": f"left = {{}}\n{IF}left['a'] = 1\ndel left['a']",
    "any key": f"left = {{}}\n{IF}left['a'] = 1\nassert left",
    "a keyword": f"left = {{}}\n{IF}left['a'] = 1\n(lambda a: a)(**left)",
    "an item of a set": f"left = set()\n{IF}left.add(1)\nassert 1 in left",
    "an item of a list": f"left = []\n{IF}left.append(1)\nassert 1 in left",
    "any item of a list": f"left = []\n{IF}left.append(1)\nassert left",
    "the last item of a list": f"left = []\n{IF}left.append(1)\nleft[-1]",
    "an attribute": f"left = lambda: 1\n{IF}left.a = 1\nassert hasattr(left, 'a')",
    "an attribute of an object": f"left = Left()\n{IF}left.a = 1\nleft.a",
    "an attribute that is asked for": f"left = Left()\n{IF}left.a = 1\nassert hasattr(left, 'a')",
    "an attribute with a default": f"left = Left()\n{IF}left.b = 1\nassert left.b",
    "an attribute or else": f"left = Left()\n{IF}left.a = 1\nassert getattr(left, 'a', 0)",
    "an attribute of the layer": f"{IF}self.left = 1\nself.left",
    "a name": f"{IF}left = 1\nassert left",
    "a filtered item": "left = {x for x in [1] if hidden_states.sum() > 1e9}\nassert 1 in left",
    "a filtered key": "left = {x: x for x in [1] if hidden_states.sum() > 1e9}\nassert 1 in left",
    "any filtered item": "assert any(x for x in [1] if hidden_states.sum() > 1e9)",
}
RETURNS = "def f():\n    if hidden_states.sum() > 1e9:\n        return 1\n"
NOT_NEEDED = {
    "both branches set it": f"left = {{}}\n{IF}left['a'] = 1\nelse:\n    left['a'] = 1\nleft['a']",
    "it is set before": f"left = {{'a': 1}}\n{IF}left['a'] = 1\nassert 'a' in left",
    "it is asked for with a default": f"left = {{}}\n{IF}left['a'] = 1\nleft.get('a')",
    "it is taken with a default": f"left = {{}}\n{IF}left['a'] = 1\nleft.pop('a', None)",
}


def verdict(layer: str, tmp_path: Path) -> str:
    model = write_llama(Way("class Left:\n    b = 0", layer=layer), tmp_path)
    return outcome_of(model).verdict.value


@pytest.mark.parametrize("needed", NEEDED)
def test_what_may_be_missing_proves_nothing(needed: str, tmp_path: Path) -> None:
    assert verdict(NEEDED[needed], tmp_path) == "unknown"


@pytest.mark.parametrize("why", NOT_NEEDED)
def test_what_cannot_be_missed_serves(why: str, tmp_path: Path) -> None:
    assert verdict(NOT_NEEDED[why], tmp_path) == "serves"


def test_the_end_of_a_function_may_raise(tmp_path: Path) -> None:
    """What follows a branch that returns was taken never to run if it raises."""
    assert verdict(f"{RETURNS}    raise ValueError\nf()", tmp_path) == "unknown"
    assert verdict(f"{RETURNS}    return 2\nf()", tmp_path / "other") == "serves"


def test_a_loop_over_what_may_be_missing_may_not_run(tmp_path: Path) -> None:
    """It was said to fail."""
    layer = f"left = []\n{IF}left.append(1)\nfor _ in left:\n    raise ValueError"
    assert verdict(layer, tmp_path) == "unknown"
