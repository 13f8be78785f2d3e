"""The messages from the server to the analysing process, and its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.core.record import record
from forgather_lint.linting.report import FileChange, ModelReport
from forgather_lint.session.picture import Picture
from forgather_lint.session.texts import Texts


@record
class Choices:
    """The folders of a client, and its settings by their names in `Settings`."""

    roots: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    config: str | None = None


@record
class Check:
    """Asks for the findings of the models that `documents` belong to, the most urgent first."""

    choices: Choices
    texts: Texts
    documents: tuple[str, ...]


@record
class CheckAll:
    """Asks for all findings below all roots."""

    choices: Choices
    texts: Texts


@record
class Mend:
    """Asks for the texts after safe fixes, of the models that `document` belongs to."""

    choices: Choices
    texts: Texts
    document: str


@record
class Infer:
    """Asks for the texts with inferred plans, of the models that `document` belongs to."""

    choices: Choices
    texts: Texts
    document: str
    missing_only: bool = False


@record
class Show:
    """Asks for the pictures of the models that `document` belongs to."""

    choices: Choices
    texts: Texts
    document: str


@record
class Seen:
    """Answers with the picture of one model."""

    picture: Picture


@record
class Mended:
    """Answers with the texts that fixes have changed, and the findings that these have ended."""

    changes: tuple[FileChange, ...]
    fixed: tuple[Diagnostic, ...] = ()


@record
class Found:
    """Answers with the reports on one place.

    `seconds` is what they took, `known`: they were known already. `pages` are the files of the
    rules behind the findings, by code.
    """

    place: str
    reports: tuple[ModelReport, ...]
    documents: tuple[str, ...] = ()
    seconds: float = 0.0
    known: bool = False
    pages: Mapping[str, str] = field(default_factory=dict)


@record
class Note:
    """Tells the user something, such as that a configuration cannot be read."""

    text: str


@record
class Begun:
    """Says that a place is now being analysed."""

    place: str


@record
class Done:
    """Ends an answer. `outdated`: it was given up for the next question."""

    outdated: bool = False


Question = Check | CheckAll | Mend | Infer | Show
Answer = Found | Mended | Seen | Note | Begun | Done
