"""Puts cases to the vLLM of another Python, each effect once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from oracles.asking import ask
from oracles.outcome import Outcome
from oracles.question import Question
from tests.latent_mutants import ALL_EXPANDED, EXPANDED
from tests.mutants import written
from tools.truth.cases import Case

_PIPELINE_IO = [["hidden_states"], ["hidden_states"]]


def run(cases: Sequence[Case], python: str, work: Path, jobs: int) -> Iterator[tuple[str, Outcome]]:
    """The outcome of each effect, run once; raises `CalledProcessError` when vLLM is unusable."""
    firsts = {case.effect: case for case in reversed(cases)}
    folders = _Folders(work)
    questions = [_question(effect, case, folders) for effect, case in firsts.items()]
    return ask(questions, python, work, jobs)


class _Folders:
    """The directories of the models, written once."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._known: dict[tuple[str, object], Path] = {}

    def of(self, case: Case) -> Path:
        key = (case.mutant.model, case.mutant.edits)
        folder = self._known.get(key)
        if folder is None:
            edited = self._work / "edited" / str(len(self._known))
            shutil.rmtree(edited, ignore_errors=True)
            folder = self._known[key] = written(case.mutant, edited)
        return folder


def _question(effect: str, case: Case, folders: _Folders) -> Question:
    overrides: dict[str, object] = {}
    if case.mutant.plan is not None:
        overrides["base_model_tp_plan"] = dict(case.mutant.plan)
    if case.mutant.pipeline_keys is not None:
        overrides["base_model_pp_plan"] = dict.fromkeys(case.mutant.pipeline_keys, _PIPELINE_IO)
    environment = ALL_EXPANDED if case.mutant in EXPANDED else {}
    folder = folders.of(case)
    return Question(effect, folder, case.ranks, case.stages, overrides, environment)
