"""Checks the models under some paths as texts change, and nothing unchanged twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from forgather_lint.core.files import done_over, laid_over, stands
from forgather_lint.core.looks import States, joined, rests_on
from forgather_lint.core.meter import Meter
from forgather_lint.core.record import record
from forgather_lint.core.remembered import new_run
from forgather_lint.core.settings import Settings
from forgather_lint.core.workers import Workers
from forgather_lint.linting.report import FileChange, ModelReport
from forgather_lint.session import checking
from forgather_lint.session.checking import PlaceToCheck
from forgather_lint.session.picture import Picture
from forgather_lint.session.texts import Texts, contents

if TYPE_CHECKING:
    from forgather_lint.session.picturing import Taken

NO_TEXTS: Texts = {}
MOST_ANSWERS, MOST_PICTURES = 1_000, 50

Reports = tuple[ModelReport, ...]


@record
class _KeptReports:
    """What was found for a model or a place, with the states that it rests on."""

    reports: Reports
    states: States

    @classmethod
    def of(cls, reports: Reports) -> _KeptReports:
        """The answer `reports`; if two of them saw different states, it does not hold."""
        states: States = {}
        for each in reports:
            states = joined(states, each.looked_at)
        return cls(reports, states)

    @property
    def holds(self) -> bool:
        """Whether all states are unchanged."""
        return stands(self.states)


class Session:
    """Answers the command line, `--fix` and editors, with changed texts laid over the disk.

    Answers are kept while the states that they rest on are unchanged; at most the latest
    `MOST_ANSWERS`.
    """

    def __init__(
        self, paths: Sequence[Path], settings: Settings, workers: Workers | None = None
    ) -> None:
        self.paths = tuple(paths)
        self.settings = settings
        self._workers = workers
        self._answers: dict[str, _KeptReports] = {}
        self._of_places: dict[PlaceToCheck, _KeptReports] = {}
        self._last: _KeptReports | None = None
        self._found: tuple[PlaceToCheck, ...] = ()
        self._pictures: dict[tuple[PlaceToCheck, str], Taken] = {}

    def check(self, texts: Texts = NO_TEXTS, meter: Meter | None = None) -> Reports:
        """The reports on all models at the paths, as if `texts` were on disk."""
        new_run()
        with laid_over(contents(texts)):
            known = {
                path: answer.reports[0] for path, answer in self._answers.items() if answer.holds
            }
            self._found = tuple(checking.look(path, self.settings) for path in self.paths)
            reports = tuple(checking.check(self.paths, self.settings, meter, self._workers, known))
            self._answers = {
                each.path: self._answers[each.path]
                if each.path in known
                else _KeptReports.of((each,))
                for each in reports
                if each.error is None
            }
            self._last = _KeptReports.of(reports)
        return reports

    def is_current(self) -> bool:
        """Whether a check of the paths would find what the last one found.

        That depends on which models there are, and on the states that the answers rest on.
        """
        new_run()
        found = tuple(checking.look(path, self.settings) for path in self.paths)
        as_before, self._found = found == self._found, found
        if self._last is None or not as_before:
            return False
        return self._last.holds or not self._last.states

    def check_place(
        self, place: PlaceToCheck, texts: Texts, told: Callable[[ModelReport], None] | None = None
    ) -> Reports:
        """The reports on what is at `place`, as if `texts` were on disk.

        `told` is called with each as soon as it is ready.
        """
        new_run()
        with laid_over(contents(texts)):
            known = self._of_places.pop(place, None)
            if known is None or not known.holds:
                found = []
                for each in checking.check_places([place], self.settings, workers=self._workers):
                    found.append(each)
                    if told is not None:
                        told(each)
                known = _KeptReports.of(tuple(found))
            elif told is not None:
                for each in known.reports:
                    told(each)
            # The latest stand last; one that could not be checked is tried again.
            if not any(each.error for each in known.reports):
                self._of_places[place] = known
            while len(self._of_places) > MOST_ANSWERS:
                del self._of_places[next(iter(self._of_places))]
        return known.reports

    def picture(self, place: PlaceToCheck, document: str, texts: Texts) -> Picture | None:
        """The picture of the model at `place`, as if `texts` were on disk.

        None where there is no model.

        For a project it is that of the configuration in `document`.
        """
        from forgather_lint.session.picturing import Taken, taken  # a check does not pay for it

        new_run()
        key = place, document if place.projects else ""
        with laid_over(contents(texts)):
            known = self._pictures.pop(key, None)
            if known is None or not stands(known.looked_at):
                came = self._done(partial(taken, place, document, self.settings), texts)
                if not isinstance(came, Taken):
                    return None  # it was given up, which its findings tell
                known = came
            self._pictures[key] = known
            while len(self._pictures) > MOST_PICTURES:
                del self._pictures[next(iter(self._pictures))]
        return known.picture

    def inferred(
        self, place: PlaceToCheck, texts: Texts, *, missing_only: bool = False
    ) -> tuple[FileChange, ...]:
        """The changes that write the plans inferred for the model at `place`.

        With `missing_only` existing plans stay as they are.
        """
        from forgather_lint.session.inferring import inferred

        new_run()
        job = partial(inferred, place, self.settings, missing_only)
        came = self._done(job, texts)
        return came if isinstance(came, tuple) else ()

    def _done(self, job: Callable[[], object], texts: Texts) -> object:
        """The result of `job`, in a worker if there are any, with `texts` over the disk."""
        over = partial(done_over, contents(texts), job)
        if self._workers is None:
            return over()
        (came,) = self._workers.results([over])
        return came

    def knows(self, place: PlaceToCheck, texts: Texts) -> bool:
        """Whether what is found at `place` is known without any work."""
        with laid_over(contents(texts)):
            return place in self._of_places and self._of_places[place].holds

    def places_of(self, document: str) -> tuple[PlaceToCheck, ...]:
        """The places whose last answer rests on the file `document`, an absolute path."""
        return tuple(
            place for place, answer in self._of_places.items() if rests_on(answer.states, document)
        )

    def models_of(self, document: str) -> tuple[str, ...]:
        """The models whose last answer rests on the file `document`, an absolute path."""
        return tuple(
            path for path, answer in self._answers.items() if rests_on(answer.states, document)
        )
