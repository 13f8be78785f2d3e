"""What torch and Python refuse while a model is built or run: the engine was asked about each.

All that vLLM 0.32 refuses here were said to serve, and three that it serves were said to fail,
before the interpreter had these rules.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from forgather_lint.execution.outcome import Outcome
from tests.llama_ways import Way, outcome_of, write_llama

WAYS = tomllib.loads(
    (Path(__file__).parent.parent / "fixtures" / "torch" / "ways.toml").read_text("utf-8")
)


def judged(way: Mapping[str, str], folder: Path) -> Outcome:
    places = ("top", "built", "of_model", "layer")
    return outcome_of(write_llama(Way(**{place: way.get(place, "") for place in places}), folder))


@pytest.mark.parametrize("way", WAYS["refused"], ids=lambda way: way["name"])
def test_what_is_refused_fails_with_that_text(way: Mapping[str, str], tmp_path: Path) -> None:
    outcome = judged(way, tmp_path)
    assert outcome.verdict == "fails"
    assert outcome.reason.startswith(way["text"])


@pytest.mark.parametrize("way", WAYS["served"], ids=lambda way: way["name"])
def test_what_is_not_refused_serves(way: Mapping[str, str], tmp_path: Path) -> None:
    assert judged(way, tmp_path).verdict == "serves"


def test_arguments_without_a_parameter_prove_nothing(tmp_path: Path) -> None:
    """Torch may know what no op here has."""
    assert judged({"layer": "torch.zeros(4, like=hidden_states)"}, tmp_path).verdict == "unknown"
