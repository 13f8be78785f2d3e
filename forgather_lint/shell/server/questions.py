"""What the server asks of the process that analyses, and what that answers."""

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
    """Where a client works, and what it has chosen: options by the names of `Settings`."""

    roots: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    config: str | None = None


@record
class Check:
    """What is found where `documents` belong, those that matter most first."""

    choices: Choices
    texts: Texts
    documents: tuple[str, ...]


@record
class CheckAll:
    """What is found below all roots."""

    choices: Choices
    texts: Texts


@record
class Mend:
    """What safe fixes make of the texts where `document` belongs."""

    choices: Choices
    texts: Texts
    document: str


@record
class Infer:
    """What writing the inferred plans would change where `document` belongs."""

    choices: Choices
    texts: Texts
    document: str
    missing_only: bool = False


@record
class Look:
    """What the models look like that `document` belongs to."""

    choices: Choices
    texts: Texts
    document: str


@record
class Seen:
    """The picture of one model."""

    picture: Picture


@record
class Mended:
    """The texts that fixes have changed, and the findings that they have ended."""

    changes: tuple[FileChange, ...]
    fixed: tuple[Diagnostic, ...] = ()


@record
class Found:
    """The reports on one place; `seconds` is what they took, `known` that nothing was done.

    `pages` are the files that the rules behind the findings are written in, by code.
    """

    place: str
    reports: tuple[ModelReport, ...]
    documents: tuple[str, ...] = ()
    seconds: float = 0.0
    known: bool = False
    pages: Mapping[str, str] = field(default_factory=dict)


@record
class Note:
    """Something that the user should be told, such as a configuration that cannot be read."""

    text: str


@record
class Begun:
    """A place that is being looked at."""

    place: str


@record
class Done:
    """The end of an answer. `outdated`: it was given up for the next question."""

    outdated: bool = False


Question = Check | CheckAll | Mend | Infer | Look
Answer = Found | Mended | Seen | Note | Begun | Done
