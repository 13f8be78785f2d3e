"""A release of an engine, and how it reacts to something."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from forgather_lint.core.errors import printed_error

OWN_MODEL = "own model"
"""The verdict where the engine has a model of that name and reads neither code nor plans."""


class Release(NamedTuple):
    """A release of a serving engine, as findings and verdicts name it.

    `project` is what `--target` and pip call it, `title` its usual spelling. `evidence` says what
    its verdicts rest on where the engine itself was never asked; it is printed with each of them.
    """

    project: str
    title: str
    version: str
    evidence: str = ""

    def __str__(self) -> str:
        return f"{self.project}=={self.version}"

    @property
    def as_data(self) -> dict[str, object]:
        """What JSON output holds of it; without `evidence`, the number alone is enough."""
        told: dict[str, object] = {"target": self.version}
        return told | {"engine": self.project, "evidence": self.evidence} if self.evidence else told

    def worded(self, verdict: str) -> str:
        """The word for a verdict, where the engine serves a model of its own a word for that."""
        return f"{self.title}'s {verdict}" if verdict == OWN_MODEL else verdict

    @property
    def said(self) -> str:
        """The release as named in a sentence."""
        return f"{self.title} {self.marked}"

    @property
    def marked(self) -> str:
        """The number, with `evidence` where there is any."""
        return f"{self.version} ({self.evidence})" if self.evidence else self.version


class Effect(StrEnum):
    """What the user of a release notices."""

    ERROR = "error"
    WARNING = "warning"
    SILENT = "silent"
    NONE = "none"


class Reaction(NamedTuple):
    """What a release does in some case: `raises` names the exception, `text` is its message.

    `{name}` in `text` stands for a part that varies. The effect SILENT goes wrong without a
    message; NONE means that the case is harmless in this release.
    """

    effect: Effect
    raises: str = ""
    text: str = ""

    def say(self, **parts: object) -> str:
        """The message as a user sees it.

        A placeholder without a value in `parts` stays as it is.
        """
        return re.sub(r"\{(\w+)\}", lambda hole: str(parts.get(hole[1], hole[0])), self.text)

    def shown(self, **parts: object) -> str:
        """The error as Python prints it."""
        return printed_error(self.raises, self.say(**parts).strip())
