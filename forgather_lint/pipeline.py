"""The whole flow, one call per stage. Read this first.

paths -> candidates -> sources and config -> trees, plans, trace (facts) -> rules -> findings

A Forgather project is rendered first (`forgather.lint`); its models then go the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from forgather_lint.core.diagnostics import Diagnostic, merged, resolve
from forgather_lint.core.meter import Meter
from forgather_lint.core.settings import Settings
from forgather_lint.core.source import file_start
from forgather_lint.documents.discover import Candidate, candidates
from forgather_lint.documents.model_input import ModelInput, open_model
from forgather_lint.documents.python import SourceError, read_text
from forgather_lint.engines.chosen_targets import chosen_targets, read_release
from forgather_lint.engines.vllm.verdicts import is_read
from forgather_lint.execution.model_facts import facts_of
from forgather_lint.facts import EndKind, NotBuilt, RuleFailed, SizesJudged, Unreadable
from forgather_lint.forgather.discover import ProjectCandidate, find_projects
from forgather_lint.linting import suppressions as suppress
from forgather_lint.linting.holding import holding, not_explained
from forgather_lint.linting.registry import builtin_rules
from forgather_lint.linting.report import ModelReport, verdicts_of
from forgather_lint.linting.rule import Rule
from forgather_lint.linting.sizes import judged, not_judged
from forgather_lint.model.analysis import missing_packages, unread_files, workshop_of
from forgather_lint.python.interpreter.environment import Environment

if TYPE_CHECKING:
    from forgather_lint.forgather.library import Library
    from forgather_lint.forgather.lint import Task

Facts = list[object]
Result = TypeVar("Result")


def check(
    paths: Sequence[Path], settings: Settings, meter: Meter | None = None
) -> Iterator[ModelReport]:
    """Lint every model at `paths` once, in order; one that cannot be read never stops the rest.

    A path without a model is an error, unless `force_exclude` says that whoever named it did not
    look, as pre-commit does. `meter` is told how far the run is.
    """
    meter = meter or Meter()
    is_model: dict[Candidate, bool] = {}
    linted: set[ProjectCandidate] = set()
    for path in paths:
        if settings.force_exclude and settings.excludes(str(path)):
            continue
        found = list(candidates(path, settings.excludes))
        projects = list(find_projects(path, settings.excludes))
        unseen = [each for each in dict.fromkeys(found) if each not in is_model]
        meter.more(len(unseen))
        for candidate in unseen:
            outcome = check_model(candidate, settings)
            is_model[candidate] = outcome is not None
            if outcome is not None:
                yield outcome
            meter.done(candidate.path)
        if not (projects or settings.force_exclude or any(is_model[each] for each in found)):
            reason = "no model here" if path.exists() else "no such file or folder"
            yield ModelReport(str(path), error=reason)
        fresh = [project for project in projects if project not in linted]
        linted.update(fresh)
        yield from _check_projects(fresh, settings, meter) if fresh else ()


def check_model(candidate: Candidate, settings: Settings) -> ModelReport | None:
    """Lint one model; None when its files define none."""

    def work() -> ModelReport | None:
        facts, files = gather(candidate, settings)
        return None if _hold_no_model(facts) else report(candidate.path, facts, files, settings)

    return _guarded(candidate.path, work, settings)


def _check_projects(
    projects: Sequence[ProjectCandidate], settings: Settings, meter: Meter
) -> Iterator[ModelReport]:
    # Jinja is loaded only now, when there are templates to render.
    from forgather_lint.forgather.library import Library

    library = Library()
    listed = [_tasks(project, library, settings) for project in projects]
    meter.more(sum(len(each) for each in listed if isinstance(each, list)))
    for each in listed:
        if isinstance(each, ModelReport):
            yield each
        for task in each if isinstance(each, list) else ():
            checked = _guarded(task.path, partial(_check_task, task, settings), settings)
            if checked is not None:
                yield checked
            meter.done(task.path)


def _tasks(
    project: ProjectCandidate, library: Library, settings: Settings
) -> list[Task] | ModelReport:
    """The configurations of a Forgather project; `library` keeps the templates they share."""
    from forgather_lint.forgather.lint import tasks

    return _guarded(str(project.folder), lambda: list(tasks(project, library)), settings)


def _check_task(task: Task, settings: Settings) -> ModelReport | None:
    opened = task.open(partial(facts_of_model, settings=settings))
    if opened is None:
        return None
    found = [
        told
        for lot in opened.lots
        for diagnostic in held_findings(list(lot.facts), task.path, settings)
        if (told := lot.tell(diagnostic)) is not None
    ]
    of_models = (verdicts_of(lot.facts) for lot in opened.lots)
    verdicts = () if opened.ended else next(filter(None, of_models), ())
    # A template serves many configurations: what one leaves unused another may need.
    kept, _ = suppress.apply(found, (), _text_or_none, settings.checks)
    done = _report_of(task.path, kept, opened.files, settings)
    return replace(done, not_rendered=opened.ended, verdicts=verdicts)


def _guarded(path: str, work: Callable[[], Result], settings: Settings) -> Result | ModelReport:
    """`work()`. An error of ours is shown as one, with the model it came from."""
    try:
        return work()
    except Exception as error:
        if settings.debug:
            raise
        return ModelReport(path, error=f"internal error: {error!r} (see --debug)")


def gather(candidate: Candidate, settings: Settings) -> tuple[Facts, tuple[str, ...]]:
    """All facts about one model, and the files they were read from."""
    try:
        model = open_model(candidate)
    except SourceError as problem:
        targets = chosen_targets(settings.target).targets
        where = file_start(problem.where.path)
        sizes = not_judged(targets, settings, problem.message, where)
        return [Unreadable(problem.message, problem.where), *sizes], (problem.where.path,)
    return facts_of_model(model, settings)


def facts_of_model(model: ModelInput, settings: Settings) -> tuple[Facts, tuple[str, ...]]:
    """The facts of a model that has been opened: its trees and plans, then the sizes it serves.

    Where no target loads the code of the model, that is all there is to say.
    """
    targets = chosen_targets(settings.target).targets
    if not is_read(model, targets, settings.model_impl):
        return list(judged(model, targets, settings)), ()
    workshop = workshop_of(model, Environment(transformers=read_release(targets)))
    facts = facts_of(workshop, model)
    files = tuple(file.path for file in workshop.loader.files.values())
    told: Facts = [*unread_files(workshop), *missing_packages(workshop)]
    if not (isinstance(facts, NotBuilt) and facts.nothing):
        # First: what a target says of a constructor that raises tells more.
        told += judged(model, targets, settings)
    return [*told, facts], files


def report(path: str, facts: Facts, files: tuple[str, ...], settings: Settings) -> ModelReport:
    """Run the rules on `facts`, then apply suppressions."""
    found = held_findings(facts, path, settings)
    kept, unused = suppress.apply(found, files, _text_or_none, settings.checks)
    done = _report_of(path, kept + findings(list(unused), path, settings), files, settings)
    return replace(done, verdicts=verdicts_of(facts))


def _report_of(
    path: str, found: list[Diagnostic], files: tuple[str, ...], settings: Settings
) -> ModelReport:
    kept = merged(each for each in found if settings.checks(each.span.path, each.code))
    releases = tuple(str(target.vllm) for target in chosen_targets(settings.target).targets)
    return ModelReport(path, kept, files=files, targets=releases)


def _hold_no_model(facts: Facts) -> bool:
    ends = [fact for fact in facts if isinstance(fact, NotBuilt)]
    unreadable = any(isinstance(fact, Unreadable) for fact in facts)
    nothing = bool(ends) and ends[0].kind is EndKind.NO_CLASS and ends[0].nothing
    return nothing and not unreadable


def held_findings(facts: Facts, path: str, settings: Settings) -> list[Diagnostic]:
    """The findings that hold for the chosen targets; no verdict goes without an error."""
    targets = chosen_targets(settings.target).targets
    judged = [fact for fact in facts if isinstance(fact, SizesJudged)]
    ours = {rule.code for rule in builtin_rules() if rule.consumes is RuleFailed}
    found = findings(facts, path, settings)
    held = list(holding((each for each in found if each.code not in ours), targets, judged))
    told: Facts = [fact for fact in not_explained(facts, held) if settings.selects(fact.code)]
    failed = [each for each in found if each.code in ours]
    return [*held, *failed, *findings(told, path, settings)]


def findings(facts: Facts, path: str, settings: Settings) -> list[Diagnostic]:
    """What the selected rules say of `facts`, each rule on the kind that it consumes."""
    return [
        diagnostic
        for rule in builtin_rules()
        if settings.selects(rule.code)
        for fact in facts
        if isinstance(fact, rule.consumes)
        for diagnostic in run_rule(rule, fact, path, settings)
    ]


def run_rule(rule: Rule, fact: object, path: str, settings: Settings) -> Iterator[Diagnostic]:
    """The findings of one rule on one fact. A rule that fails never stops the others."""
    try:
        for finding in rule.check(fact):
            yield resolve(finding, rule.code, rule.name, rule.severity, path)
    except Exception as error:
        if settings.debug or isinstance(fact, RuleFailed):
            raise
        failed = RuleFailed(rule.code, repr(error), file_start(path))
        yield from findings([failed], path, settings)


def _text_or_none(path: str) -> str | None:
    try:
        return read_text(Path(path))
    except SourceError:
        return None
