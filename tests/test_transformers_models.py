"""Transformers' own models with their own plans, small, against what two real ranks came to.

`python -m tools.tensor_parallel_truth` wrote that down. The counts of `python -m tools.corpus
--verdicts` are kept as they were last; they may only rise.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.select import installed, select
from forgather_lint.engines.transformers.judge import LibraryJudge
from forgather_lint.execution.layers import Role
from forgather_lint.execution.outcome import Outcome, Verdict
from forgather_lint.facts import NotBuilt
from forgather_lint.model.analysis import Built, build_tree, builder_of, contained

VERDICTS = Path(__file__).parents[1] / "fixtures" / "verdicts"
RAN = ("serves", "fails", "wrong", "misloaded")


def stored(name: str) -> Any:
    return json.loads((VERDICTS / name).read_text("utf-8"))


MODELS: Mapping[str, Any] = {
    name: each["config"]
    for name, each in stored("transformers_two_ranks.json")["models"].items()
    if each["verdict"] in RAN
}
FEW = [
    *list(MODELS)[::9],
    "EsmcConfig",
    "Gemma4TextConfig",
    "Inkling2TextConfig",
    "MuseSparkTextConfig",
]


def needs_that_release() -> None:
    expected = stored("transformers_two_ranks.json")["versions"]["transformers"]
    if importlib.util.find_spec("transformers") is None:
        pytest.skip("needs the source of transformers")
    if importlib.metadata.version("transformers") != expected:
        pytest.skip(f"written by transformers {expected}")


def builds(name: str, folder: Path) -> None:
    needs_that_release()
    (folder / "config.json").write_text(json.dumps(MODELS[name]), "utf-8")
    built = build_tree(builder_of(single_model(folder)))
    assert isinstance(built, Built), built
    assert built.structure.unknowns == ()


@pytest.mark.parametrize("name", FEW)
def test_a_few_models_build(name: str, tmp_path: Path) -> None:
    builds(name, tmp_path)


def test_the_plan_of_a_model_inside_a_model_counts(tmp_path: Path) -> None:
    needs_that_release()
    values = {"model_type": "llama4", "architectures": ["Llama4ForConditionalGeneration"]}
    (tmp_path / "config.json").write_text(json.dumps(values), "utf-8")
    found = select([], installed()).targets[0].prepare(single_model(tmp_path), "float32")
    assert found.judge is not None
    subject = found.judge.subject
    plan = subject.styles
    assert plan["vision_model.model.layers.*.self_attn.q_proj"] == "colwise"
    assert plan["language_model.model.layers.*.self_attn.q_proj"] == "colwise"
    judge = LibraryJudge(subject.machine, subject.tree, subject.root)
    loaded = {assignment.key: assignment.role for assignment in judge.loaded(plan).values()}
    assert loaded["language_model.model.embed_tokens"] is Role.TABLE
    assert "language_model.embed_tokens" not in loaded
    assert "language_model.model.embed_tokens" not in plan  # vLLM reads what is written


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_model_builds(name: str, tmp_path: Path) -> None:
    builds(name, tmp_path)


def verdict_on(name: str, folder: Path) -> Outcome:
    """What the analysis says of two ranks of transformers itself."""
    (folder / "config.json").write_text(json.dumps(MODELS[name]), "utf-8")
    target = select([], installed()).targets[0]
    prepared = target.prepare(single_model(folder), "float32", as_written=True)
    assert prepared.judge is not None and prepared.builder is not None, prepared.ended
    subject = prepared.judge.subject

    def judged() -> Outcome:
        judge = LibraryJudge(subject.machine, subject.tree, subject.root)
        if judge.alone[0].verdict is not Verdict.SERVES:
            return judge.alone[0]
        return judge.outcome(judge.loaded(subject.styles), ranks=2)

    found = contained(prepared.builder, judged)
    assert not isinstance(found, NotBuilt), found
    return found


def agrees(name: str, folder: Path) -> bool:
    """Whether the verdict is decided; it may only be what the ranks came to."""
    needs_that_release()
    said = verdict_on(name, folder)
    real = stored("transformers_two_ranks.json")["models"][name]
    if real["verdict"] != "misloaded":  # else the answer says nothing of the plan
        assert said.verdict.value in ("unknown", real["verdict"]), (said, real["error"])
    return said.verdict is not Verdict.UNKNOWN


@pytest.mark.parametrize("name", FEW)
def test_the_verdict_on_a_few_is_what_two_ranks_came_to(name: str, tmp_path: Path) -> None:
    agrees(name, tmp_path)


@pytest.mark.slow
def test_the_verdict_on_all_is_what_two_ranks_came_to(tmp_path: Path) -> None:
    undecided = [name for name in MODELS if not agrees(name, tmp_path)]
    assert len(undecided) <= 9, undecided


def test_enough_models_were_run() -> None:
    outcomes = Counter(
        each["verdict"] for each in stored("transformers_two_ranks.json")["models"].values()
    )
    assert sum(outcomes[verdict] for verdict in RAN) >= 109
    assert outcomes["fails"] >= 8


@pytest.mark.slow
def test_counts_of_the_corpus_only_rise(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    needs_that_release()
    from tools.comparison import Status
    from tools.corpus import counts_of, judged, rows, write_truth

    write_truth(tmp_path)
    found = [judged(row, tmp_path) for row in rows(tmp_path)]
    text = [row for row in found if row.is_text]
    buildable = [row for row in text if row.status is not Status.RAISES_TOO]
    exact = [row for row in buildable if row.status is Status.EXACT]
    assert not [row.name for row in found if row.status in (Status.DIFFERS, Status.CRASHED)]
    assert len(exact) >= 0.95 * len(buildable)
    assert not [row.name for row in text if row.entries.dead or row.entries.undecided]
    counts = counts_of(found)
    assert not {
        name: (counts.get(name, 0), number)
        for name, number in stored("transformers_models.json")["counts"].items()
        if counts.get(name, 0) < number
    }
