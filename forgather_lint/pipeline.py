"""The whole flow, one call per stage. Read this first.

paths -> candidates -> sources and config -> trees, plans, trace (facts) -> rules -> findings
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from forgather_lint import suppress
from forgather_lint.analysis import unread_files, workshop_of
from forgather_lint.assemble import facts_of
from forgather_lint.diagnostics import Diagnostic, Finding, resolve
from forgather_lint.facts import EndKind, NotBuilt, Unreadable
from forgather_lint.inputs.discover import Candidate, candidates
from forgather_lint.inputs.open import ModelInput, open_model
from forgather_lint.registry import builtin_rules
from forgather_lint.report import ModelReport
from forgather_lint.rule import Rule
from forgather_lint.settings import Settings
from forgather_lint.syntax.python import SourceError, read_text

Facts = list[object]


def check(paths: Sequence[Path], settings: Settings) -> Iterator[ModelReport]:
    """Lint every model at `paths`, in order; one that cannot be read never stops the rest."""
    for path in paths:
        found = list(candidates(path, settings.excludes))
        if not found:
            yield _nothing(path, settings)
        for candidate in found:
            yield check_model(candidate, settings)


def _nothing(path: Path, settings: Settings) -> ModelReport:
    if settings.force_exclude and path.exists():
        return ModelReport(str(path))
    reason = "no model here" if path.exists() else "no such file or folder"
    return ModelReport(str(path), error=reason)


def check_model(candidate: Candidate, settings: Settings) -> ModelReport:
    """Lint one model. An error of ours is shown as one, with the model it came from."""
    try:
        facts, files = gather(candidate, settings)
        return report(candidate.path, facts, files, settings)
    except Exception as error:
        if settings.debug:
            raise
        return ModelReport(candidate.path, error=f"internal error: {error!r} (see --debug)")


def gather(candidate: Candidate, settings: Settings) -> tuple[Facts, tuple[str, ...]]:
    """All facts about one model, and the files they were read from."""
    try:
        model = open_model(candidate)
    except SourceError as problem:
        return [Unreadable(problem.message, problem.where)], (problem.where.path,)
    return facts_of_model(model)


def facts_of_model(model: ModelInput) -> tuple[Facts, tuple[str, ...]]:
    """The facts of a model that has been opened."""
    workshop = workshop_of(model)
    facts = facts_of(workshop, model)
    files = tuple(file.path for file in workshop.loader.files.values())
    return [*unread_files(workshop), facts], files


def report(path: str, facts: Facts, files: tuple[str, ...], settings: Settings) -> ModelReport:
    """Run the rules on `facts`, then apply suppressions."""
    missing = _without_model(facts)
    if missing is not None:
        return ModelReport(path, error=missing)
    found = findings(facts, path, settings)
    kept, unused = suppress.apply(found, files, _text_or_none, settings.checks)
    kept += findings(list(unused), path, settings)
    kept = [each for each in kept if settings.checks(each.span.path, each.code)]
    return ModelReport(path, tuple(sorted(set(kept))), files=files)


def _without_model(facts: Facts) -> str | None:
    """Why there is nothing to check: a file that defines no model at all."""
    ends = [fact for fact in facts if isinstance(fact, NotBuilt)]
    unreadable = any(isinstance(fact, Unreadable) for fact in facts)
    if ends and ends[0].kind is EndKind.NO_CLASS and ends[0].nothing and not unreadable:
        return ends[0].message
    return None


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
        if settings.debug:
            raise
        yield resolve(_internal(rule, error, path), "FGL999", "internal-error", rule.severity, path)


def _internal(rule: Rule, error: Exception, path: str) -> Finding:
    from forgather_lint.source import file_start

    message = f"internal error in {rule.code}: {error!r}"
    return Finding(file_start(path), message, help="run again with --debug and report it")


def _text_or_none(path: str) -> str | None:
    try:
        return read_text(Path(path))
    except SourceError:
        return None
