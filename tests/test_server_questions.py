"""What is outdated is given up by the analysing process, and each question gets its answer."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from forgather_lint import pipeline
from forgather_lint.core.settings import Settings
from forgather_lint.core.workers import CAN_FORK
from forgather_lint.documents.discover import Candidate
from forgather_lint.documents.python import read_text
from forgather_lint.linting.report import ModelReport, NothingToCheck
from forgather_lint.shell.server.analyst import PATIENCE, Analyst
from forgather_lint.shell.server.link import Link
from forgather_lint.shell.server.questions import Answer, Check, Choices, Done, Found, Question
from tests.fixture_models import copy_model
from tests.language_client import editing

PLAN = "configuration_broken_llama.py"
MARK, LONG, SHORT = "# seconds: ", 60.0, 0.2
look_at_model = pipeline.look_at_model


def look_as_long_as_is_said(
    candidate: Candidate, settings: Settings
) -> ModelReport | NothingToCheck:
    """`look_at_model`, after as many seconds as stand in the last line of the plan's file."""
    said = read_text(candidate.folder / PLAN).rpartition(MARK)[2]
    time.sleep(float(said))
    return look_at_model(candidate, settings)


@pytest.fixture
def bell() -> Iterator[tuple[int, int]]:
    """A pipe in the place of standard input: what can be read, and where to write."""
    ends = os.pipe()
    yield ends
    for each in ends:
        os.close(each)


def _question(folder: Path, seconds: float) -> Check:
    file = folder / PLAN
    text = f"{file.read_text('utf-8')}{MARK}{seconds}"
    return Check(Choices((str(folder.parent),)), {str(file): text}, (str(file),))


@pytest.mark.skipif(not CAN_FORK, reason="jobs are given up where processes fork")
def test_what_is_outdated_is_given_up(
    tmp_path: Path, bell: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that takes long ends with the next question; one that is nearly done is finished."""
    monkeypatch.setattr(pipeline, "look_at_model", look_as_long_as_is_said)
    model = copy_model("broken_llama", tmp_path)
    analyst = Analyst(bell[0])
    try:
        os.write(bell[1], b"?")  # the next question is there already
        start = time.monotonic()
        given_up = list(analyst.answers(_question(model, LONG)))
        taken = time.monotonic() - start
        assert given_up[-1] == Done(outdated=True)
        assert not any(isinstance(each, Found) for each in given_up)
        assert PATIENCE <= taken < LONG / 2
        os.read(bell[0], 1)
        answered = list(analyst.answers(_question(model, SHORT)))
        assert answered[-1] == Done()
        (found,) = (each for each in answered if isinstance(each, Found))
        assert {each.code for each in found.reports[0].diagnostics} >= {"FGL101", "FGL202"}
    finally:
        analyst.end()


async def _answers(link: Link, question: Question) -> list[Answer]:
    return [each async for each in link.answers(question)]


def test_a_process_that_dies_ends_its_own_questions_alone() -> None:
    """Whoever asks after it has died is answered by the next one."""
    nothing = Check(Choices(), {}, ())

    async def asked() -> list[list[Answer]]:
        link = Link()
        try:
            found = [await _answers(link, nothing)]
            waiting = link._waiting
            link._process.kill()
            link._process.wait()
            found.append(await _answers(link, nothing))
            assert link._waiting is not waiting
            return found
        finally:
            link.end()

    assert asyncio.run(asked()) == [[Done()], [Done()]]


def test_a_finding_tells_that_something_is_of_no_use_or_of_yesterday(tmp_path: Path) -> None:
    """Editors draw it pale, or struck through."""
    model = copy_model("hf_llama", tmp_path)
    plan, script = model / "configuration_hf_llama.py", tmp_path / "serve.sh"
    plan.write_text(f"{plan.read_text('utf-8')}x = 1  # forgather-lint: ignore[FGL106]\n", "utf-8")
    script.write_text("vllm serve some/model --disable-log-requests\n", "utf-8")
    options = {"target": ["vllm==0.13", "transformers==4.57"]}
    with editing(tmp_path, options=options) as client:
        client.open(plan)
        client.open(script, language="shellscript")
        tags = {each["code"]: each.get("tags") for each in client.on(plan)}
        assert tags["FGL901"] == [1], "unnecessary"
        assert {code for code, each in tags.items() if each} == {"FGL901"}
        assert {each["code"]: each.get("tags") for each in client.on(script)} == {"FGL701": [2]}
