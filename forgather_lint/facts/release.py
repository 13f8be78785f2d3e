"""A release of what serves a model, and what it says in some case."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

OWN_MODEL = "own model"
"""The verdict where the engine has a model of that name and reads neither code nor plans."""


class Release(NamedTuple):
    """A release of a serving engine, as findings and verdicts name it.

    `project` is what `--target` and pip call it, `title` what people do. `evidence` says what its
    verdicts rest on where no engine was asked; it stands wherever one of them is printed.
    """

    project: str
    title: str
    version: str
    evidence: str = ""

    def __str__(self) -> str:
        return f"{self.project}=={self.version}"

    @property
    def as_data(self) -> dict[str, object]:
        """The keys by which JSON names it; one that was asked itself is known by its number."""
        told: dict[str, object] = {"target": self.version}
        return told | {"engine": self.project, "evidence": self.evidence} if self.evidence else told

    def worded(self, verdict: str) -> str:
        """The word for a verdict: a model of the engine's own is said to be that."""
        return f"{self.title}'s {verdict}" if verdict == OWN_MODEL else verdict

    @property
    def said(self) -> str:
        """The release in a sentence."""
        return f"{self.title} {self.marked}"

    @property
    def marked(self) -> str:
        """The number alone, with what the verdicts rest on."""
        return f"{self.version} ({self.evidence})" if self.evidence else self.version


class Effect(StrEnum):
    """What the user of a release notices."""

    ERROR = "error"
    WARNING = "warning"
    SILENT = "silent"
    NONE = "none"


class Reaction(NamedTuple):
    """What a release does in some case: `raises` names the exception, `text` is its message.

    `{name}` in `text` stands for a part that varies. SILENT goes wrong without a word; NONE means
    that the case is harmless in this release.
    """

    effect: Effect
    raises: str = ""
    text: str = ""

    def say(self, **parts: object) -> str:
        """The message as a user sees it; placeholders that are not given stay as they are."""
        return re.sub(r"\{(\w+)\}", lambda hole: str(parts.get(hole[1], hole[0])), self.text)

    def shown(self, **parts: object) -> str:
        """The error as Python prints it."""
        return f"{self.raises}: {self.say(**parts).strip()}"
