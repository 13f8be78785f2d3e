"""Models under some paths while texts change: what did not change is not analysed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from forgather_lint import pipeline
from forgather_lint.core.files import laid_over, state_of
from forgather_lint.core.meter import Meter
from forgather_lint.core.record import record
from forgather_lint.core.settings import Settings
from forgather_lint.core.workers import Workers
from forgather_lint.linting.report import ModelReport
from forgather_lint.session.texts import Texts, contents

NO_TEXTS: Texts = {}


@record
class _Answer:
    """What was found of a model, and how all stood that this rests on."""

    report: ModelReport
    states: Mapping[str, object]

    @property
    def holds(self) -> bool:
        """Whether all stands as it stood."""
        return bool(self.states) and all(
            state_of(path) == state for path, state in self.states.items()
        )


class Session:
    """What the command line, `--fix` and an editor ask: the findings, with texts over the disk.

    As many answers are kept as there are models at `paths`. Configurations of Forgather projects
    share what they read, and are read anew each time.
    """

    def __init__(
        self, paths: Sequence[Path], settings: Settings, workers: Workers | None = None
    ) -> None:
        self.paths = tuple(paths)
        self.settings = settings
        self._workers = workers
        self._answers: dict[str, _Answer] = {}

    def check(self, texts: Texts = NO_TEXTS, meter: Meter | None = None) -> tuple[ModelReport, ...]:
        """The reports on all models, as if `texts` stood on disk."""
        with laid_over(contents(texts)):
            known = {path: answer.report for path, answer in self._answers.items() if answer.holds}
            reports = tuple(pipeline.check(self.paths, self.settings, meter, self._workers, known))
            self._answers = {
                each.path: self._answers[each.path]
                if each.path in known
                else _Answer(each, {path: state_of(path) for path in each.looked_at})
                for each in reports
                if each.error is None
            }
        return reports

    def models_of(self, document: str) -> tuple[str, ...]:
        """The models whose last answer rests on the file `document`, an absolute path."""
        return tuple(path for path, answer in self._answers.items() if document in answer.states)
