"""The analysing process of the server: answers one question after the other, from standard input.

It has no threads, so that its workers may be forked. When the next question arrives, running jobs
are given up, except those that are nearly done.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from forgather_lint.core.files import laid_over
from forgather_lint.core.framing import received_from, send
from forgather_lint.core.remembered import new_run
from forgather_lint.core.settings import Settings, SettingsError
from forgather_lint.core.workers import CAN_FORK, Bell, Outdated, Workers
from forgather_lint.engines.chosen_targets import chosen_targets
from forgather_lint.linting.registry import builtin_rules, names
from forgather_lint.linting.report import ModelReport
from forgather_lint.session.checking import PlaceToCheck, look
from forgather_lint.session.example import warm_up
from forgather_lint.session.fixing import Fixing
from forgather_lint.session.places import is_there, places_at
from forgather_lint.session.session import Session
from forgather_lint.session.texts import Texts, contents
from forgather_lint.shell import configuration
from forgather_lint.shell.contained import limits_of, processors
from forgather_lint.shell.server.questions import (
    Answer,
    Begun,
    Check,
    CheckAll,
    Choices,
    Done,
    Found,
    Infer,
    Mend,
    Mended,
    Note,
    Question,
    Seen,
    Show,
)

PATIENCE = 0.6
"""Seconds that a job may take before the next question can end it."""
_OBJECTS_BEFORE_COLLECTION = 100_000


class Analyst:
    """Answers questions; keeps a session for each kind of settings that was last used."""

    def __init__(self, bell: int | None = None) -> None:
        self._bell = Bell(bell, PATIENCE) if bell is not None and CAN_FORK else None
        self._sessions: dict[Settings, tuple[Session, ExitStack]] = {}
        self._used: dict[type[Question], set[Settings]] = {}

    def answers(self, question: Question) -> Iterator[Answer]:
        """The answers to `question`, as they come; `Done` is the last."""
        new_run()
        try:
            with laid_over(contents(question.texts)):
                match question:
                    case Check():
                        yield from self._check(question)
                    case CheckAll():
                        yield from self._check_all(question)
                    case Mend():
                        yield from self._mend(question)
                    case Infer():
                        yield from self._infer(question)
                    case Show():
                        yield from self._look(question)
        except Outdated:
            yield Done(outdated=True)
        else:
            yield Done()

    def end(self) -> None:
        """End the workers."""
        for _, stack in self._sessions.values():
            stack.close()
        self._sessions = {}

    def _check(self, asked: Check) -> Iterator[Answer]:
        places: dict[tuple[Settings, PlaceToCheck], list[str]] = {}
        told: set[str] = set()
        for document in asked.documents:
            for settings, place, note in self._places(asked.choices, document):
                if note and note not in told:
                    told.add(note)
                    yield Note(note)
                places.setdefault((settings, place), []).append(document)
        for (settings, place), documents in places.items():
            yield from self._found(settings, place, asked, tuple(documents))
        self._let_go(Check, {settings for settings, _ in places})

    def _check_all(self, asked: CheckAll) -> Iterator[Answer]:
        used: set[Settings] = set()
        for root in map(Path, asked.choices.roots):
            settings, note = settings_for(root, asked.choices)
            if note:
                yield Note(note)
            whole = look(root, settings)
            places = [PlaceToCheck(Path(each.path), (each,)) for each in whole.models]
            places += [PlaceToCheck(each.folder, projects=(each,)) for each in whole.projects]
            places += [PlaceToCheck(root, commands=(each,)) for each in whole.commands]
            for place in places:
                settings, _ = settings_for(place.path, asked.choices)
                used.add(settings)
                yield from self._found(settings, place, asked, ())
        self._let_go(CheckAll, used)

    def _places(
        self, choices: Choices, document: str
    ) -> Iterator[tuple[Settings, PlaceToCheck, str]]:
        path = Path(document)
        roots = [root for root in map(Path, choices.roots) if root in path.parents]
        root = max(roots, key=lambda each: len(each.parts), default=None)
        general, _ = settings_for(path.parent, choices)
        seen = set()
        for place in places_at(path, root, general):
            seen.add(place)
            yield _settled(place, choices)
        for settings, (session, _) in list(self._sessions.items()):
            for place in session.places_of(document):
                if place not in seen and is_there(place):
                    seen.add(place)
                    yield settings, place, ""

    def _found(
        self, settings: Settings, place: PlaceToCheck, asked: Question, documents: tuple[str, ...]
    ) -> Iterator[Answer]:
        name = name_of(place)
        session = self._session(settings)
        yield Begun(name)
        start = time.monotonic()
        known = session.knows(place, asked.texts)
        reports = session.check_place(place, asked.texts)
        seconds = time.monotonic() - start
        yield Found(name, reports, documents, seconds, known, _pages(reports))

    def _mend(self, asked: Mend) -> Iterator[Answer]:
        """The fixed texts: of open documents as they are typed, of others as they are on disk."""
        for settings, place, _ in self._places(asked.choices, asked.document):
            session = self._session(settings)

            def check(
                texts: Texts, session: Session = session, place: PlaceToCheck = place
            ) -> tuple[ModelReport, ...]:
                return session.check_place(place, {**asked.texts, **texts})

            fixing = Fixing(check, [place.path], unsafe=False)
            outcome = fixing.run(check({}))
            yield Mended(tuple(fixing.changes(outcome.state)), outcome.state.fixed)

    def _infer(self, asked: Infer) -> Iterator[Answer]:
        for settings, place, _ in self._places(asked.choices, asked.document):
            session = self._session(settings)
            yield Mended(session.inferred(place, asked.texts, missing_only=asked.missing_only))

    def _look(self, asked: Show) -> Iterator[Answer]:
        for settings, place, _ in self._places(asked.choices, asked.document):
            picture = self._session(settings).picture(place, asked.document, asked.texts)
            if picture is not None:
                yield Seen(picture)

    def _session(self, settings: Settings) -> Session:
        if settings not in self._sessions:
            stack = ExitStack()
            workers = Workers(
                settings.jobs or processors(), limits_of(settings), own=False, bell=self._bell
            )
            stack.enter_context(workers)
            self._sessions[settings] = Session([], settings, workers), stack
        return self._sessions[settings][0]

    def _let_go(self, kind: type[Question], used: set[Settings]) -> None:
        """Forget sessions used neither by this question nor by the last one of another kind."""
        self._used[kind] = used
        wanted = set().union(*self._used.values())
        for settings in [each for each in self._sessions if each not in wanted]:
            self._sessions.pop(settings)[1].close()


def _pages(reports: Sequence[ModelReport]) -> dict[str, str]:
    """The files of the rules behind the findings, by code."""
    codes = {found.code for report in reports for found in report.diagnostics}
    return {rule.code: rule.file for rule in builtin_rules() if rule.code in codes}


def name_of(place: PlaceToCheck) -> str:
    """What identifies a place; for a place of commands, its files."""
    return "\n".join(map(str, place.commands)) or str(place.path)


def _settled(place: PlaceToCheck, choices: Choices) -> tuple[Settings, PlaceToCheck, str]:
    settings, note = settings_for(place.path, choices)
    return settings, place, note


def settings_for(path: Path, choices: Choices) -> tuple[Settings, str]:
    """The settings at `path`, and what is wrong with those that were asked for."""
    try:
        return _settings(path, choices.config, choices.options), ""
    except SettingsError as error:
        wrong = str(error)
    try:
        return _settings(path, None, {}), wrong
    except SettingsError:
        return replace(configuration.resolve(None, {}), force_exclude=True), wrong


def _settings(path: Path, config: str | None, options: Mapping[str, object]) -> Settings:
    file = Path(config) if config else None
    (settings,) = configuration.grouped([path], file, False, options)
    settings.require_known((rule.code for rule in builtin_rules()), names())
    chosen_targets(settings.target)
    # Nobody has named the path: that nothing is found there is no error.
    return replace(settings, force_exclude=True)


def serve() -> None:
    """Answer the questions on standard input until it is closed."""
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but answers goes out there
    if CAN_FORK:
        warm_up()  # what every worker needs is there before they are forked
        gc.collect()
        gc.freeze()
    analyst = Analyst(0)
    try:
        while (question := received_from(0)) is not None:
            for answer in analyst.answers(pickle.loads(question)):
                send(answers, pickle.dumps(answer))
    except BrokenPipeError:  # the server has ended
        sys.exit(0)
    finally:
        analyst.end()
