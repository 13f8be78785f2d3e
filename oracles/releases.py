"""Several releases of vLLM, each in a Python of its own, asked one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from oracles.asking import ask, releases
from oracles.outcome import Outcome
from oracles.question import Question

VARIABLE = "FORGATHER_LINT_VLLM_PYTHON"
"""Names the Pythons that have vLLM, separated as in PATH; slow tests are skipped without it."""


@dataclass(frozen=True, slots=True)
class Release:
    """A Python that has a release of vLLM, and its versions of packages."""

    python: str
    vllm: str
    transformers: str

    @property
    def versions(self) -> dict[str, str]:
        """The versions, with the keys of stored outcomes."""
        return {"vllm": self.vllm, "transformers": self.transformers}


def release(python: str) -> Release:
    """The release that `python` has. Raises `Missing`."""
    return Release(python, **releases(python))


def known(variable: str = VARIABLE) -> tuple[Release, ...]:
    """The releases that the environment variable names, in its order."""
    pythons = os.environ.get(variable, "").split(os.pathsep)
    return tuple(release(python) for python in pythons if python)


def ask_all(
    questions: Sequence[Question], asked: Sequence[Release], work: Path, jobs: int = 2
) -> Iterator[tuple[Release, str, Outcome]]:
    """The outcomes of every question by every release.

    An interrupted run is continued in `work`.
    """
    for each in asked:
        below = work / f"vllm_{each.vllm}"
        for identity, found in ask(questions, each.python, below, jobs):
            yield each, identity, found
