"""What asks real engines: how outcomes are told apart and kept; no engine runs here."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracles import asking
from oracles.__main__ import question
from oracles.outcome import Said, SaidAnswer, outcome_of
from oracles.releases import Release
from oracles.stored import add, read, stored_path
from tests.fixture_models import copy_model

ANSWER: SaidAnswer = {
    "prompt": [1, 2],
    "tokens": [3],
    "prompt_logprobs": [-1.0],
    "logprobs": [{"3": -0.1, "4": -4.0}],
}
OTHER: SaidAnswer = {**ANSWER, "tokens": [4], "logprobs": [{"4": -0.1, "3": -4.0}]}


@pytest.mark.parametrize(
    ("reference", "served", "verdict"),
    [
        ({"answers": [ANSWER]}, {"answers": [ANSWER]}, "serves"),
        ({"answers": [ANSWER]}, {"answers": [OTHER]}, "wrong"),
        ({"answers": [ANSWER]}, {"phase": "load", "error": "ValueError: no"}, "fails"),
        ({"error": "KeyError: 'x'"}, {"answers": [ANSWER]}, "no reference"),
    ],
)
def test_an_engine_is_held_to_transformers(reference: Said, served: Said, verdict: str) -> None:
    assert outcome_of(reference, served)["verdict"] == verdict


def test_sizes_stand_behind_the_folder(tmp_path: Path) -> None:
    asked = question(f"{tmp_path}:2")
    assert (asked.ranks, asked.stages, asked.folder) == (2, 1, tmp_path)
    assert question(f"{tmp_path}:1:2").stages == 2


def test_outcomes_are_kept_with_the_versions_that_said_so(tmp_path: Path) -> None:
    release = Release("python", "0.32.0", "5.19.0")
    path = stored_path(release.vllm, tmp_path)
    add(path, release.versions, {"1x1 a": {"verdict": "serves"}})
    add(path, release.versions, {"2x1 a": {"verdict": "wrong"}})
    assert path.name == "vllm_0.32.json"
    assert read(path) == {
        "versions": {"vllm": "0.32.0", "transformers": "5.19.0"},
        "outcomes": {"1x1 a": {"verdict": "serves"}, "2x1 a": {"verdict": "wrong"}},
    }


def test_answers_are_only_taken_up_for_the_same_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def says(listed: list[asking.Spec], *_: object) -> list[Said]:
        return [{"error": "KeyError: 'x'", "phase": "load"} for _ in listed]

    monkeypatch.setattr(asking, "run_listed", says)
    model, work = copy_model("hf_llama", tmp_path), tmp_path / "work"
    alone, both = question(f"{model}"), question(f"{model}:2")
    first = list(asking.ask([alone], "python", work))
    assert list(asking.ask([alone], "python", work)) == first
    with pytest.raises(asking.OtherQuestions, match="work holds answers to other questions"):
        list(asking.ask([both], "python", work))
    (model / "config.json").write_text("{}", "utf-8")
    with pytest.raises(asking.OtherQuestions):
        list(asking.ask([alone], "python", work))
