"""One run: finds what is at the paths, uses kept answers, and gives the rest to workers.

    paths -> places -> kept answers, equal models -> jobs for workers -> reports, in order

What a job does is in `pipeline.py`, which is imported only when there is one: a run that kept
answers can serve entirely loads neither the parser nor the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar, cast

from forgather_lint.answers.kept import Answers, RunStart
from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.core.files import done_over, laid, near_path, read_at_most
from forgather_lint.core.looks import States, joined, noted
from forgather_lint.core.meter import Meter
from forgather_lint.core.paths import absolute
from forgather_lint.core.record import record
from forgather_lint.core.settings import Settings
from forgather_lint.documents.changed import Changes, models_left
from forgather_lint.documents.commands.found import Marks, command_files, marks_of
from forgather_lint.documents.discover import CONFIG, Candidate, candidates
from forgather_lint.forgather.discover import ProjectCandidate, find_projects, projects_left
from forgather_lint.linting.report import ModelReport, NothingToCheck

if TYPE_CHECKING:
    from forgather_lint.core.workers import Workers
    from forgather_lint.documents.commands.found import ServingCommand

Outcome = ModelReport | NothingToCheck
NOTHING_KNOWN: Mapping[str, ModelReport] = MappingProxyType({})
Result = TypeVar("Result")


@record
class PlaceToCheck:
    """What there is to check at `path`: models, projects, files with commands that serve one.

    Where the user did not name it (`named`), it may be that there is nothing.
    """

    path: Path
    models: tuple[Candidate, ...] = ()
    projects: tuple[ProjectCandidate, ...] = ()
    commands: tuple[Path, ...] = ()
    named: bool = True


def look(path: Path, settings: Settings, marks: Sequence[Marks] | None = None) -> PlaceToCheck:
    """What there is to check at `path`; a file with commands has to contain one of `marks`."""
    if marks is None:
        marks = command_marks()
    found = tuple(candidates(path, settings.excludes))
    projects = tuple(find_projects(path, settings.excludes))
    commands = tuple(command_files(path, marks, settings.excludes))
    return PlaceToCheck(path, found, projects, commands)


def run_start(settings: Settings, answers: Answers | None) -> RunStart:
    """What is known of a run before it looks at any path.

    Raises `SettingsError` for invalid settings.
    """
    key = "run_start"
    kept = answers.get(RunStart, key) if answers is not None else None
    if kept is not None:
        return kept
    from forgather_lint.engines.chosen_targets import chosen_targets
    from forgather_lint.linting.registry import builtin_rules, names

    with noted() as seen:
        made = RunStart(chosen_targets(settings.target).notices, command_marks())
    settings.require_known((rule.code for rule in builtin_rules()), names())
    if answers is not None:
        answers.put(made, seen, key)
    return made


def command_marks() -> tuple[Marks, ...]:
    """What every file with a serve command contains."""
    from forgather_lint.engines.registry import launches

    return tuple(map(marks_of, launches()))


def check(
    paths: Sequence[Path],
    settings: Settings,
    meter: Meter | None = None,
    workers: Workers | None = None,
    known: Mapping[str, ModelReport] = NOTHING_KNOWN,
    answers: Answers | None = None,
    marks: Sequence[Marks] | None = None,
    changes: Changes | None = None,
) -> Iterator[ModelReport]:
    """Check every model at `paths` once, in order; one that cannot be read never stops the rest.

    A path without a model is an error, unless `force_exclude` says that whoever named it did not
    look, as pre-commit does. `meter` is told how far the run is. Without `workers` everything is
    done in this process, and a crash ends the run. Models whose reports are in `known`, by path,
    are not checked again, nor those for which `answers` of earlier runs hold. With `changes` only
    what rests on a changed file is reported.
    """
    places = [look(path, settings, marks) for path in paths if not _passed_over(path, settings)]
    if changes is None:
        yield from check_places(places, settings, meter, workers, known, answers)
        return
    narrowed = (_changed(place, changes) for place in places)
    found = [place for place in narrowed if place is not None]
    reports = list(check_places(found, settings, meter, workers, known, answers))
    lost = {each.path for place in found for each in place.models if each.config_missing}
    made_of = [frozenset(map(absolute, report.files)) for report in reports]
    attributed = frozenset().union(*made_of)
    for report, files in zip(reports, made_of, strict=True):
        changed = changes.of_answer(report.looked_at, files, attributed)
        if report.error or report.path in lost or changed:
            yield report


def check_left(
    went: Sequence[str],
    settings: Settings,
    meter: Meter | None = None,
    workers: Workers | None = None,
    answers: Answers | None = None,
) -> Iterator[ModelReport]:
    """Check the models and projects that the deleted files `went` belonged to."""
    gone = [path for path in went if not settings.excludes(path)]
    models = tuple(dict.fromkeys(models_left(gone)))
    projects = tuple(dict.fromkeys(projects_left(gone)))
    place = PlaceToCheck(Path(), models, projects, named=False)
    yield from check_places([place], settings, meter, workers, answers=answers)


def _changed(place: PlaceToCheck, changes: Changes) -> PlaceToCheck | None:
    """The part of `place` that has changed, as far as that shows by its paths.

    None if nothing has.
    """
    if not (place.models or place.projects or place.commands):
        return place
    models = tuple(filter(None, map(changes.of_model, place.models)))
    somewhere = bool(changes.all or changes.untracked)
    projects = place.projects if somewhere else ()
    commands = place.commands if changes.all else ()
    narrowed = PlaceToCheck(place.path, models, projects, commands)
    return narrowed if models or projects or commands else None


def check_places(
    places: Sequence[PlaceToCheck],
    settings: Settings,
    meter: Meter | None = None,
    workers: Workers | None = None,
    known: Mapping[str, ModelReport] = NOTHING_KNOWN,
    answers: Answers | None = None,
) -> Iterator[ModelReport]:
    """Check what has been found at `places`; for the arguments see `check`."""
    run = _Run(settings, meter or Meter(), workers, answers)
    if settings.debug:
        from forgather_lint.python.interpreter import guard

        guard.show_faults()
    is_model: dict[Candidate, bool] = {}
    linted: set[ProjectCandidate] = set()
    models = list(dict.fromkeys(candidate for place in places for candidate in place.models))
    run.meter.more(len(models))
    outcomes = run.models(models, known)
    told: set[Path] = set()
    said: set[tuple[str, str, int]] = set()
    for place in places:
        path, found = place.path, place.models
        for candidate in dict.fromkeys(each for each in found if each not in is_model):
            outcome = next(outcomes)
            is_model[candidate] = isinstance(outcome, ModelReport)
            if isinstance(outcome, ModelReport):
                said.update(map(_place_of, outcome.diagnostics))
                yield outcome
            run.meter.done(candidate.path)
        holds_model = bool(place.projects) or any(is_model[each] for each in found)
        fresh = [project for project in place.projects if project not in linted]
        linted.update(fresh)
        yield from run.projects(fresh) if fresh else ()
        untold = [file for file in place.commands if file not in told]
        told.update(untold)
        commands = 0
        for each in run.commands(untold, path) if untold else ():
            commands += 1
            yield _not_repeated(each, said)
        known_before = len(untold) < len(place.commands)
        something = holds_model or commands or known_before
        if place.named and not (something or settings.force_exclude):
            near = "" if path.exists() else near_path(path)
            reason = "no model here" if path.exists() else f"no such file or folder{near}"
            yield ModelReport(str(path), error=reason)
    if answers is not None:
        answers.close()


def _place_of(found: Diagnostic) -> tuple[str, str, int]:
    return found.code, absolute(found.span.path), found.span.start.row


def _not_repeated(report: ModelReport, said: Set[tuple[str, str, int]]) -> ModelReport:
    """The report without findings that repeat one `said` of the model itself (code, file, line)."""
    kept = tuple(
        each
        for each in report.diagnostics
        if not any(
            (each.repeats, absolute(label.span.path), label.span.start.row) in said
            for label in each.related
        )
    )
    return report if len(kept) == len(report.diagnostics) else replace(report, diagnostics=kept)


def check_command(
    command: ServingCommand, below: Path, settings: Settings, workers: Workers | None
) -> Iterator[ModelReport]:
    """Check one command, and its model (searched from `below`) under the command's options."""
    from forgather_lint import pipeline

    jobs: list[Callable[[], ModelReport | None]] = [
        partial(
            pipeline.report_of_commands, [command], command.path, below, settings, judged=False
        ),
        partial(pipeline.model_of_command, command, below, settings),
    ]
    run = _Run(settings, Meter(), workers, None)
    for done in run.done(jobs, [command.path] * 2):
        if done is not None:
            yield done


def _passed_over(path: Path, settings: Settings) -> bool:
    return settings.force_exclude and settings.excludes(str(path))


@record
class _Run:
    """What all jobs of a run have in common."""

    settings: Settings
    meter: Meter
    workers: Workers | None
    answers: Answers | None

    def models(
        self, models: Sequence[Candidate], known: Mapping[str, ModelReport]
    ) -> Iterator[Outcome]:
        """The outcome for each of `models`, in their order."""
        found: dict[Candidate, Outcome] = {
            each: known[each.path] for each in models if each.path in known
        }
        for each in models:
            kept = self._kept_of_model(each) if each not in found else None
            if kept is not None:
                found[each] = kept
        # Jobs are made only where there are some: they load the analysis.
        unknown = [each for each in models if each not in found]
        firsts = _firsts(unknown)
        asked = [each for each in unknown if firsts.get(each, each) == each]
        coming = zip(asked, self._analysed(asked), strict=True) if asked else iter(())
        for each in models:
            if each not in found:
                first = firsts.get(each, each)
                copied = self._copied(found[first], first, each) if first != each else None
                if copied is not None:
                    found[each] = copied
                elif first == each:
                    asked_for, found[each] = next(coming)
                    assert asked_for == each
                else:
                    # Alike at first sight alone: these are analysed when nothing else is.
                    found.update(coming)
                    left = [
                        other
                        for other in unknown
                        if other not in found and not self._take_copy(other, firsts, found)
                    ]
                    found.update(zip(left, self._analysed(left), strict=True))
            yield found[each]

    def _analysed(self, models: Sequence[Candidate]) -> Iterator[Outcome]:
        from forgather_lint import pipeline

        jobs = [partial(pipeline.look_at_model, each, self.settings) for each in models]
        outcomes = self.done(jobs, [each.path for each in models])
        for model, outcome in zip(models, outcomes, strict=True):
            self._keep(outcome, *_key_of_model(model))
            yield outcome

    def _take_copy(
        self,
        model: Candidate,
        firsts: Mapping[Candidate, Candidate],
        found: dict[Candidate, Outcome],
    ) -> bool:
        first = firsts.get(model, model)
        outcome = found.get(first)
        copied = self._copied(outcome, first, model) if outcome is not None else None
        if copied is not None:
            found[model] = copied
        return copied is not None

    def _copied(self, outcome: Outcome, first: Candidate, copy: Candidate) -> ModelReport | None:
        """The report on `copy`, made from the `outcome` of `first`; None where they differ."""
        from forgather_lint.answers.moved import moved  # few runs meet copies

        if not isinstance(outcome, ModelReport):
            return None
        report = moved(outcome, first, copy, self.settings)
        if report is not None:
            self._keep(report, *_key_of_model(copy))
        return report

    def _kept_of_model(self, model: Candidate) -> Outcome | None:
        return self._kept(*_key_of_model(model))

    def projects(self, projects: Sequence[ProjectCandidate]) -> Iterator[ModelReport]:
        """The reports on all configurations of `projects`.

        What is reported of one depends on those before it (nothing is reported twice), so that they
        are kept together as one answer.
        """
        key = ("projects", *(str(each) for project in projects for each in _key_of(project)))
        reports = self.answers.get(tuple, *key) if self.answers is not None else None
        if reports is not None:
            self.meter.more(len(reports))
            for report in reports:
                yield report
                self.meter.done(report.path)
            return
        yield from self._analysed_projects(projects, key)

    def _analysed_projects(
        self, projects: Sequence[ProjectCandidate], key: tuple[str, ...]
    ) -> Iterator[ModelReport]:
        """All configurations in turn by one worker, since they share templates."""
        from forgather_lint import pipeline

        shelf, settings = pipeline.Shelf(), self.settings
        folders = [str(project.folder) for project in projects]
        listing = [
            partial(pipeline.list_configurations, project, shelf, settings) for project in projects
        ]
        listed = list(self.done(listing, folders, by_one=True))
        self.meter.more(sum(len(each) for each in listed if isinstance(each, list)))
        done: list[Outcome] = []
        for project, each in zip(projects, listed, strict=True):
            if isinstance(each, ModelReport):
                done.append(each)
                yield each
                continue
            jobs = [
                partial(pipeline.look_at_configuration, project, n, shelf, settings)
                for n in range(len(each))
            ]
            outcomes = self.done(jobs, each, by_one=True)
            for path, checked in zip(each, outcomes, strict=True):
                done.append(checked)
                if isinstance(checked, ModelReport):
                    yield checked
                self.meter.done(path)
        self._keep_all(done, key)

    def commands(self, files: Sequence[Path], below: Path) -> Iterator[ModelReport]:
        """The reports on files whose commands serve a model; a file without any has no report."""
        keys = {file: ("commands", str(file), absolute(str(file)), str(below)) for file in files}
        found: dict[Path, Outcome] = {}
        for file, key in keys.items():
            kept = self._kept(*key)
            if kept is not None:
                found[file] = kept
        unknown = [file for file in files if file not in found]
        coming = self._analysed_commands(unknown, below, keys) if unknown else iter(())
        for file in files:
            outcome = found.get(file) or next(coming)
            if isinstance(outcome, ModelReport):
                yield outcome

    def _analysed_commands(
        self, files: Sequence[Path], below: Path, keys: Mapping[Path, tuple[str, ...]]
    ) -> Iterator[Outcome]:
        from forgather_lint import pipeline

        jobs = [partial(pipeline.look_at_commands, file, below, self.settings) for file in files]
        outcomes = self.done(jobs, [str(file) for file in files])
        for file, outcome in zip(files, outcomes, strict=True):
            self._keep(outcome, *keys[file])
            yield outcome

    def _kept(self, *key: str) -> Outcome | None:
        """The answer of an earlier run; None where none holds."""
        kept = self.answers.get(object, *key) if self.answers is not None else None
        return kept if isinstance(kept, ModelReport | NothingToCheck) else None

    def _keep(self, outcome: Outcome, *key: str) -> None:
        self._keep_all([outcome], key, single=True)

    def _keep_all(
        self, outcomes: Sequence[Outcome], key: tuple[str, ...], *, single: bool = False
    ) -> None:
        """Keep the outcome of a job for the next run, unless a limit or a bug ended it."""
        if self.answers is None:
            return
        from forgather_lint import pipeline

        reports = tuple(each for each in outcomes if isinstance(each, ModelReport))
        if not all(map(pipeline.is_sound, reports)):
            return
        states: States = {}
        for each in outcomes:
            if not each.looked_at:
                return
            states = joined(states, each.looked_at)
        self.answers.put(outcomes[0] if single else reports, states, *key)

    def done(
        self,
        jobs: Sequence[Callable[[], Result]],
        paths: Sequence[str],
        *,
        by_one: bool = False,
    ) -> Iterator[Result | ModelReport]:
        """The result of each of `jobs`, in order.

        For one that was ended, a report about its path.
        """
        if self.workers is None:
            for job in jobs:
                yield job()
            return
        from forgather_lint.core.workers import Lost

        if contents := laid():
            jobs = [partial(done_over, contents, job) for job in jobs]
        for came, path in zip(self.workers.results(jobs, by_one=by_one), paths, strict=True):
            if isinstance(came, Lost):
                from forgather_lint import pipeline

                yield pipeline.given_up(path, came, self.settings)
            else:
                yield cast("Result", came)


def _key_of_model(model: Candidate) -> tuple[str, ...]:
    return ("model", model.path, absolute(model.path), str(model.file), str(model.config_missing))


def _key_of(project: ProjectCandidate) -> tuple[object, ...]:
    return project.folder, absolute(str(project.folder)), project.template


def _firsts(models: Sequence[Candidate]) -> Mapping[Candidate, Candidate]:
    """For each model, the first one that looks the same."""
    if len(models) < 2:
        return {}
    first: dict[object, Candidate] = {}
    return {each: first.setdefault(_appearance(each), each) for each in models}


def _appearance(model: Candidate) -> object:
    """What copies of a model have in common, at little cost: names and sizes of files, config."""
    folder = model.folder
    try:
        files = sorted((path.name, path.stat().st_size) for path in folder.iterdir())
        config = read_at_most(folder / CONFIG, 1 << 16) if (folder / CONFIG).is_file() else b""
    except OSError:
        return model
    name = model.file.name if model.file is not None else ""
    return name, model.config_missing, tuple(files), config
