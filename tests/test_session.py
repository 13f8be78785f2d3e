"""A session: texts over the disk, and nothing analysed twice that did not change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from forgather_lint import pipeline
from forgather_lint.core.settings import Settings
from forgather_lint.core.workers import JobLimits, Workers
from forgather_lint.documents.discover import Candidate
from forgather_lint.linting.report import ModelReport
from forgather_lint.session.session import Session
from tests.fixture_models import copy_model
from tests.forgather_projects import write_workspace

PLAN = "configuration_hf_llama.py"
SETTINGS = Settings(select=("FGL1",))


@pytest.fixture
def analysed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The models that were analysed, by the names of their folders."""
    names: list[str] = []
    check_model = pipeline.check_model

    def counted(candidate: Candidate, settings: Settings) -> ModelReport | None:
        names.append(candidate.folder.name)
        return check_model(candidate, settings)

    monkeypatch.setattr(pipeline, "check_model", counted)
    yield names


def codes(reports: tuple[ModelReport, ...]) -> list[str]:
    return sorted({found.code for report in reports for found in report.diagnostics})


def test_only_what_read_a_changed_text_is_analysed_again(
    tmp_path: Path, analysed: list[str]
) -> None:
    model = copy_model("hf_llama", tmp_path)
    copy_model("hf_tied", tmp_path)
    file = str(model / PLAN)
    broken = (model / PLAN).read_text("utf-8").replace("self_attn.q_proj", "self_attn.q_porj")
    session = Session([tmp_path], SETTINGS)
    assert codes(session.check()) == []
    assert analysed == ["hf_llama", "hf_tied"]
    assert session.models_of(file) == (str(model),)
    analysed.clear()
    assert codes(session.check({file: broken})) == ["FGL101"]
    assert analysed == ["hf_llama"]
    analysed.clear()
    assert codes(session.check({file: broken})) == ["FGL101"]
    assert analysed == []
    assert codes(session.check()) == []
    assert (model / PLAN).read_text("utf-8") != broken, "nothing is written"


def test_a_session_answers_as_a_cold_check_does(tmp_path: Path) -> None:
    """Also where a file is new, is gone, or is a text that was never saved."""
    model = copy_model("hf_llama", tmp_path)
    session = Session([tmp_path], SETTINGS)
    whole = (model / PLAN).read_text("utf-8")
    for text in (whole.replace("q_proj", "q_porj"), whole, "class (", whole.replace("mlp", "ffn")):
        (model / PLAN).write_text(text, "utf-8")
        assert session.check() == Session([tmp_path], SETTINGS).check()
    (model / PLAN).rename(model / "elsewhere.py")
    assert session.check() == Session([tmp_path], SETTINGS).check()
    unsaved = {str(model / PLAN): whole}
    assert session.check(unsaved)[0].diagnostics == ()
    assert session.check() == Session([tmp_path], SETTINGS).check()


def test_a_worker_forgets_what_was_typed_when_it_was_forked(tmp_path: Path) -> None:
    """Edit 511 of the first seed: a document that was closed was still read as it had been open."""
    model = copy_model("hf_llama", tmp_path)
    file = model / PLAN
    whole = file.read_text("utf-8")
    typed = whole.replace("q_proj", "q_porj")
    with Workers(1, JobLimits(60.0, 4 << 30)) as workers:
        session = Session([tmp_path], SETTINGS, workers)
        assert codes(session.check({str(file): typed})) == ["FGL101"]
        assert codes(session.check()) == []
        file.write_text(whole.replace("k_proj", "k_porj"), "utf-8")
        assert [each.message for each in session.check()[0].diagnostics] == [
            each.message for each in Session([tmp_path], SETTINGS).check()[0].diagnostics
        ]


def test_a_part_of_a_template_counts_as_it_is_typed(tmp_path: Path) -> None:
    """Also what it imports: what was read of it for an earlier answer says nothing of that."""
    project = write_workspace(tmp_path) / "llama"
    part = tmp_path / "models" / "forgather_llama" / "glu_feedforward.py"
    whole = part.read_text("utf-8")
    typed = "from .extra import Linear\n" + whole.replace("nn.Linear", "Linear")
    session = Session([project], Settings(select=("FGL4", "FGL101")))
    assert codes(session.check()) == []
    assert set(codes(session.check({str(part): typed}))) == {"FGL405"}, "there is no such module"
    (part.parent / "extra.py").write_text("from torch import nn\n\nLinear = nn.Linear\n", "utf-8")
    assert codes(session.check()) == []
    assert codes(session.check({str(part): typed})) == []
    part.write_text(typed.replace("gate_proj", "gate_linear"), "utf-8")
    assert "FGL101" in codes(session.check())
    assert codes(session.check({str(part): whole})) == []


def test_what_was_remembered_is_asked_again(tmp_path: Path) -> None:
    """The index of a checkpoint that is being written, and then is open in an editor."""
    model = copy_model("hf_llama", tmp_path)
    index = model / "model.safetensors.index.json"
    settings = Settings(select=("FGL62",))
    session = Session([model], settings)
    assert codes(session.check()) == []
    index.write_text('{"weight_map": {"a": "gone.safetensors"}}', "utf-8")
    broken = codes(session.check())
    assert broken
    assert codes(session.check({str(index): "{"})) != broken
    index.unlink()
    assert codes(session.check()) == []
