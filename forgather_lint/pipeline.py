"""The whole flow, one call per stage. Read this first.

paths -> candidates -> sources and config -> trees, plans, trace (facts) -> rules -> findings

A Forgather project is rendered first (`forgather.lint`); its models then go the same way. Who asks
for which model, and what is known already, stands in `session/checking.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from forgather_lint.core import doing
from forgather_lint.core.diagnostics import Diagnostic, Fix, Severity, merged, resolve
from forgather_lint.core.looks import States, joined, noted
from forgather_lint.core.paths import absolute
from forgather_lint.core.record import record
from forgather_lint.core.settings import Settings
from forgather_lint.core.source import file_start
from forgather_lint.core.workers import Lost
from forgather_lint.documents.discover import Candidate
from forgather_lint.documents.model_input import ModelInput, open_model
from forgather_lint.documents.python import SourceError, read_text
from forgather_lint.engines.api import CommandReading, Target
from forgather_lint.engines.chosen_targets import chosen_targets, read_release, targets_of
from forgather_lint.engines.matrix import is_read
from forgather_lint.engines.registry import launches, server
from forgather_lint.execution.model_facts import facts_of
from forgather_lint.facts import (
    EndKind,
    GivenUp,
    Model,
    NotBuilt,
    RuleFailed,
    SizesJudged,
    Unreadable,
)
from forgather_lint.facts.command import CommandJudged
from forgather_lint.facts.templates import Configuration
from forgather_lint.forgather.discover import ProjectCandidate, is_project
from forgather_lint.linting import suppressions as suppress
from forgather_lint.linting.holding import holding, not_explained
from forgather_lint.linting.registry import builtin_rules, code_of
from forgather_lint.linting.report import Found, ModelReport, NothingToCheck, verdicts_of
from forgather_lint.linting.rule import Rule
from forgather_lint.linting.sizes import judged, not_judged
from forgather_lint.model.analysis import builder_of, missing_packages, unread_files, unreadable
from forgather_lint.python.interpreter.environment import Environment

if TYPE_CHECKING:
    from forgather_lint.documents.commands.found import ServingCommand
    from forgather_lint.forgather.library import TemplateLibrary
    from forgather_lint.forgather.lint import Task
    from forgather_lint.inference.on_target import MissingEntries

Facts = list[object]
Result = TypeVar("Result")


def look_at_model(candidate: Candidate, settings: Settings) -> ModelReport | NothingToCheck:
    """`check_model`, with what the answer rests on also where there is no model."""
    with noted() as looked_at:
        done = check_model(candidate, settings)
    return NothingToCheck(looked_at) if done is None else done


def check_model(candidate: Candidate, settings: Settings) -> ModelReport | None:
    """Lint one model; None when its files define none."""

    def work() -> ModelReport | None:
        facts, files = gather(candidate, settings)
        if _hold_no_model(facts):
            return None
        return _mended_in_source(candidate, report(candidate.path, facts, files, settings))

    with noted() as looked_at:
        done = _guarded(candidate.path, work, settings)
    return replace(done, looked_at=looked_at) if done else None


def _mended_in_source(candidate: Candidate, done: ModelReport) -> ModelReport:
    """The report with the fixes of generated files in the templates that they are made from."""
    if not any(each.fix for each in done.diagnostics) or not _project_above(candidate.folder):
        return done
    from forgather_lint.forgather.generated import generated_in

    doing.now(f"looking for the templates of {candidate.path}")
    generated = generated_in(candidate.folder)
    if generated is None:
        return done
    return replace(done, diagnostics=tuple(map(generated, done.diagnostics)))


def _project_above(folder: Path) -> bool:
    return any(is_project(each) for each in Path(absolute(str(folder))).parents)


def look_at_commands(file: Path, below: Path, settings: Settings) -> ModelReport | NothingToCheck:
    """`check_commands`, with what the answer rests on also where there is nothing to tell."""
    with noted() as looked_at:
        done = check_commands(file, below, settings)
    return NothingToCheck(looked_at) if done is None else done


def check_commands(file: Path, below: Path, settings: Settings) -> ModelReport | None:
    """Lint the commands in `file`; their models are looked for from there up to `below`."""

    def work() -> ModelReport | None:
        # Only a file that speaks of the engine pays for what reads commands.
        from forgather_lint.documents.commands.texts import commands_of

        found = [each for launch in launches() for each in commands_of(file, launch)]
        if not found:
            return None
        return report_of_commands(found, str(file), below, settings)

    with noted() as looked_at:
        done = _guarded(str(file), work, settings)
    return replace(done, looked_at=looked_at) if done else None


def report_of_commands(
    found: Sequence[ServingCommand],
    path: str,
    below: Path,
    settings: Settings,
    *,
    judged: bool = True,
) -> ModelReport:
    """What there is to say of commands that stand in `path`; `judged`: of their models too."""
    doing.now(f"reading the commands of {path}")
    facts: Facts = []
    releases: dict[str, None] = {}
    files = {path: None}
    not_here: dict[str, None] = {}
    for command in found:
        for target in targets_of(command, settings.target):
            releases[str(target.release)] = None
            read = _read_command(command, target, below)
            files.update(dict.fromkeys(read.files))
            facts += read.facts(settings, gather if judged else None)
            if read.model is None:
                not_here[read.named] = None
    kept, unused = suppress.apply(
        findings(facts, path, settings), tuple(files), _text_or_none, settings.checks
    )
    all_found = kept + findings(list(unused), path, settings)
    told = merged(each for each in all_found if settings.checks(each.span.path, each.code))
    return ModelReport(
        path,
        told,
        files=tuple(files),
        targets=tuple(releases),
        commands=len(found),
        not_here=tuple(not_here),
    )


def model_of_command(
    command: ServingCommand, below: Path, settings: Settings
) -> ModelReport | None:
    """Lint the model that `command` serves, as it asks for it; None where it is not here.

    That the model serves is not said of a command that is refused itself, or undecided.
    """
    # Of several releases the first one's model speaks: the command itself is told for each.
    for target in targets_of(command, settings.target)[:1]:
        read = _read_command(command, target, below)
        asked = read.asked(settings)
        if read.model is None or asked is None:
            continue
        report = check_model(Candidate(read.model), asked)
        facts = list(read.facts(settings, None))
        undecided = any(isinstance(fact, CommandJudged) for fact in facts)
        told = findings(facts, command.path, settings)
        refused = any(each.severity is Severity.ERROR for each in told)
        if report is not None and (undecided or refused):
            kept = tuple(each for each in report.verdicts if not each.serves)
            report = replace(report, verdicts=kept)
        return report
    return None


def _read_command(command: ServingCommand, target: Target, below: Path) -> CommandReading:
    return server(command.launch.project).command(command, target, below)


@record(frozen=False)
class _Read:
    """The projects that this process has read, in the run of that number."""

    run: int
    library: TemplateLibrary
    listed: dict[ProjectCandidate, list[Task]] = field(default_factory=dict)
    looked_at: States = field(default_factory=dict)


_read: _Read | None = None
_RUNS = count()


@record
class Shelf:
    """What one process has read of the projects of one run; each worker fills its own."""

    run: int = field(default_factory=lambda: next(_RUNS))

    def tasks(self, project: ProjectCandidate) -> list[Task]:
        """The configurations of `project`, read once; all projects share their templates."""
        # Jinja is loaded only now, when there are templates to render.
        from forgather_lint.forgather.lint import tasks

        read = self._of_this_run()
        if project not in read.listed:
            read.listed[project] = list(tasks(project, read.library))
        return read.listed[project]

    def looked_at(self, states: States) -> States:
        """`states`, with all that was looked at before: what was read once is read by all."""
        read = self._of_this_run()
        read.looked_at = joined(read.looked_at, states)
        return read.looked_at

    def _of_this_run(self) -> _Read:
        from forgather_lint.forgather.library import TemplateLibrary

        global _read
        if _read is None or _read.run != self.run:
            _read = _Read(self.run, TemplateLibrary())
        return _read


def list_configurations(
    project: ProjectCandidate, shelf: Shelf, settings: Settings
) -> list[str] | ModelReport:
    """Where the configurations of a Forgather project stand."""
    doing.now(f"reading the project {project.folder}")
    with noted() as looked_at:
        listed = _guarded(
            str(project.folder), lambda: [task.path for task in shelf.tasks(project)], settings
        )
    shelf.looked_at(looked_at)
    return listed


def look_at_configuration(
    project: ProjectCandidate, number: int, shelf: Shelf, settings: Settings
) -> ModelReport | NothingToCheck:
    """Lint the configuration of that number; the answer rests on all that was read before it."""
    with noted() as looked_at:
        task = shelf.tasks(project)[number]
        done = _guarded(task.path, partial(_check_configuration, task, settings), settings)
    seen = shelf.looked_at(looked_at)
    return replace(done, looked_at=seen) if done is not None else NothingToCheck(seen)


def _check_configuration(task: Task, settings: Settings) -> ModelReport | None:
    doing.now(f"rendering {task.path}")
    opened = task.open(partial(_found_in, settings=settings))
    if opened is None:
        return None
    found = [
        replace(told, model=task.path)
        for each in opened.to_tell
        for diagnostic in each.found.diagnostics
        if (told := each.tell(diagnostic)) is not None
    ]
    of_models = (each.found.verdicts for each in opened.to_tell)
    verdicts = () if opened.ended else next(filter(None, of_models), ())
    # A template serves many configurations: what one leaves unused another may need.
    kept, _ = suppress.apply(found, (), _text_or_none, settings.checks)
    done = _report_of(task.path, kept, opened.files, settings)
    return replace(done, not_rendered=opened.ended, verdicts=verdicts)


def _found_in(subject: Configuration | ModelInput, settings: Settings) -> Found:
    facts: Facts = [subject]
    if isinstance(subject, ModelInput):
        facts, _ = facts_of_model(subject, settings)
    path = subject.path if isinstance(subject, ModelInput) else subject.where.span.path
    return Found(tuple(held_findings(facts, path, settings)), verdicts_of(facts))


def given_up(path: str, lost: Lost, settings: Settings) -> ModelReport:
    """The report of a model whose analysis was ended from outside."""
    found = findings([GivenUp(lost.reason, lost.doing, file_start(path))], path, settings)
    told = f", while {lost.doing}" if lost.doing else ""
    return ModelReport(path, tuple(found), error=f"given up{told}: {lost.reason}")


def is_sound(report: ModelReport) -> bool:
    """Whether no fault or limit of ours is in `report`, so that the next run would say the same."""
    of_ours = {each.code for each in builtin_rules() if each.consumes in (RuleFailed, GivenUp)}
    return report.error is None and not any(each.code in of_ours for each in report.diagnostics)


def _guarded(path: str, work: Callable[[], Result], settings: Settings) -> Result | ModelReport:
    """`work()`. An error of ours is shown as one, with the model it came from."""
    try:
        return work()
    except MemoryError:
        raise
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
        return [unreadable(problem), *sizes], (problem.where.path,)
    if settings.hf_overrides and model.config is not None:
        config = model.config.overridden_by(json.loads(settings.hf_overrides))
        model = replace(model, config=config)
    if settings.adapters:
        model = replace(model, adapters=settings.adapters)
    return facts_of_model(model, settings)


def facts_of_model(model: ModelInput, settings: Settings) -> tuple[Facts, tuple[str, ...]]:
    """The facts of a model that has been opened: its trees and plans, then the sizes it serves.

    Where no target loads the code of the model, that is all there is to say.
    """
    targets = chosen_targets(settings.target).targets
    if not is_read(model, targets, settings.model_impl):
        return list(judged(model, targets, settings)), ()
    builder = builder_of(model, Environment(transformers=read_release(targets)))
    doing.now(f"building the model of {model.path}")
    facts = facts_of(builder, model)
    if isinstance(facts, Model):
        facts = replace(facts, missing_plan=_missing_plans(model, targets[0], facts))
    files = tuple(file.path for file in builder.loader.files.values())
    told: Facts = [*unread_files(builder), *missing_packages(builder)]
    if not (isinstance(facts, NotBuilt) and facts.nothing):
        # First: what a target says of a constructor that raises tells more.
        told += judged(model, targets, settings)
    return [*told, facts], files


def _missing_plans(model: ModelInput, target: Target, facts: Model) -> Callable[[str], Fix | None]:
    @cache
    def missing() -> MissingEntries | None:
        # Few models have no plan; the others do not pay for the import.
        from forgather_lint.inference.on_target import missing_plans

        doing.now(f"inferring the plan of {model.path}")
        return missing_plans(model, target)

    def written(attribute: str) -> Fix | None:
        plans = missing()
        return plans.written(facts, attribute) if plans else None

    return written


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
    releases = tuple(str(target.release) for target in chosen_targets(settings.target).targets)
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
    rules = builtin_rules()
    ours = {rule.code for rule in rules if rule.consumes is RuleFailed}
    engines = {rule.code: rule.engines for rule in rules}
    found = findings(facts, path, settings)
    told_of_model = (each for each in found if each.code not in ours)
    held = list(holding(told_of_model, targets, judged, engines))
    told: Facts = [
        fact for fact in not_explained(facts, held) if settings.selects(code_of(fact.judged))
    ]
    failed = [each for each in found if each.code in ours]
    return [*held, *failed, *findings(told, path, settings)]


def findings(facts: Facts, path: str, settings: Settings) -> list[Diagnostic]:
    """What the selected rules say of `facts`, each rule on those that it reads."""
    return [
        diagnostic
        for rule in builtin_rules()
        if settings.selects(rule.code)
        for fact in facts
        if rule.reads(fact)
        for diagnostic in run_rule(rule, fact, path, settings)
    ]


def run_rule(rule: Rule, fact: object, path: str, settings: Settings) -> Iterator[Diagnostic]:
    """The findings of one rule on one fact. A rule that fails never stops the others."""
    doing.now(f"checking {rule.code}")
    try:
        for finding in rule.findings(fact):
            yield resolve(finding, rule.code, rule.name, rule.severity, path)
    except MemoryError:
        raise
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
