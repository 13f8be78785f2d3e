"""A session: texts over the disk, and nothing analysed twice that did not change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from forgather_lint import pipeline
from forgather_lint.core.settings import Settings
from forgather_lint.documents.discover import Candidate
from forgather_lint.linting.report import ModelReport
from forgather_lint.session.session import Session
from tests.fixture_models import copy_model

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
