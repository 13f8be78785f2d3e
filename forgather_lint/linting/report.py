"""The results of checking: one report for each model, together a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.looks import States
from forgather_lint.core.record import record
from forgather_lint.core.source import Span
from forgather_lint.facts.release import OWN_MODEL, Release
from forgather_lint.facts.sizes import SERVES, SizesJudged, SizeVerdict
from forgather_lint.linting.together import together


@record
class NotRendered:
    """Why a configuration of a Forgather project cannot be rendered."""

    where: Span
    message: str


@record
class TargetVerdict:
    """The verdicts of one release at each judged pair of sizes (ranks, stages).

    `of_defaults`: for the model as built from the defaults of its config class.
    """

    target: Release
    sizes: tuple[tuple[int, int, str], ...]
    of_defaults: bool = False

    def at(self, verdict: str) -> tuple[tuple[int, int], ...]:
        """The pairs of sizes with this verdict."""
        return tuple((ranks, stages) for ranks, stages, word in self.sizes if word == verdict)

    @property
    def serves(self) -> bool:
        """Whether every judged size serves, or is served by a model of the engine's own."""
        return all(word in (SERVES, OWN_MODEL) for _, _, word in self.sizes)


def verdicts_of(facts: Iterable[object]) -> tuple[TargetVerdict, ...]:
    """The verdicts among the facts about a model."""
    return tuple(
        TargetVerdict(fact.target, tuple(map(_cell, fact.sizes)), fact.of_defaults)
        for fact in facts
        if isinstance(fact, SizesJudged)
    )


def _cell(size: SizeVerdict) -> tuple[int, int, str]:
    return size.tensor_parallel_size, size.pipeline_parallel_size, size.verdict


@record
class Found:
    """What rules find in a model: the findings that hold for the targets, and the verdicts."""

    diagnostics: tuple[Diagnostic, ...]
    verdicts: tuple[TargetVerdict, ...] = ()


@record
class ModelReport:
    """What the check of one model found.

    `error` says in one line why the model could not be checked, None when it was. `files` are the
    paths of the texts that were read for it, `targets` the releases that it was judged for,
    `verdicts` their verdicts. A configuration that is `not_rendered` was checked as far as it could
    be read.
    """

    path: str
    diagnostics: tuple[Diagnostic, ...] = ()
    error: str | None = None
    files: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    not_rendered: NotRendered | None = None
    verdicts: tuple[TargetVerdict, ...] = ()
    commands: int = 0
    not_here: tuple[str, ...] = ()
    """The models of commands that are not on this machine, so that they were not judged."""
    looked_at: States = field(default_factory=dict, compare=False, repr=False)
    """Everything that the report rests on, with its states; empty where that is not known."""


@record
class NothingToCheck:
    """The report on files that hold nothing to check."""

    looked_at: States = field(default_factory=dict, compare=False, repr=False)


@record
class FileChange:
    """The text of a file before and after fixes."""

    path: str
    before: str
    after: str


@record
class FixNotice:
    """What a report has to tell about fixes.

    `fixed` are findings that fixes have ended, `kept_back` those whose fix was not made, with the
    reasons. `unsafe`: unsafe fixes count as fixes. `listed`: what was fixed is listed by kind, so
    that the number of fixes is not printed again.
    """

    unsafe: bool = False
    fixed: tuple[Diagnostic, ...] = ()
    kept_back: tuple[tuple[Diagnostic, str], ...] = ()
    changes: tuple[FileChange, ...] = ()
    listed: bool = False


@record
class Run:
    """All reports of one invocation, in the order of the paths."""

    reports: tuple[ModelReport, ...]
    fixes: FixNotice = FixNotice()
    known: int = 0
    """How many findings are left out because a baseline holds them."""

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Every finding once, even if it is in a file that several models share.

        Comments, baselines and fixes are about these; `told` is what is shown.
        """
        found = (diagnostic for report in self.reports for diagnostic in report.diagnostics)
        return tuple(dict.fromkeys(found))

    @property
    def told(self) -> tuple[Diagnostic, ...]:
        """The findings as they are shown: what has one cause is one, with all its places."""
        return together(each for report in self.reports for each in report.diagnostics)

    @property
    def targets(self) -> tuple[str, ...]:
        """The releases that models were judged for, in the order in which they were asked for."""
        return tuple(dict.fromkeys(each for report in self.reports for each in report.targets))

    @property
    def errors(self) -> tuple[ModelReport, ...]:
        """The reports of models that could not be checked."""
        return tuple(report for report in self.reports if report.error is not None)

    @property
    def not_rendered(self) -> Mapping[str, NotRendered]:
        """The configurations that cannot be rendered, by path, with the reasons."""
        return {each.path: each.not_rendered for each in self.reports if each.not_rendered}

    @property
    def passed(self) -> bool:
        """Whether there are no findings at all, and every judged size is proved to serve."""
        left = self.diagnostics or self.errors or self.not_rendered or self.not_here
        return self.serves and not left

    @property
    def serves(self) -> bool:
        """Whether every judged size is proved to serve."""
        verdicts = (verdict for report in self.reports for verdict in report.verdicts)
        return all(verdict.serves for verdict in verdicts)

    @property
    def checked(self) -> int:
        """How many models were checked."""
        return sum(not each.commands for each in self.reports) - len(self.errors)

    @property
    def commands(self) -> int:
        """How many commands that serve a model were checked."""
        return sum(each.commands for each in self.reports)

    @property
    def not_here(self) -> tuple[str, ...]:
        """The models of commands that were not judged, as they are not on this machine."""
        return tuple(dict.fromkeys(each for report in self.reports for each in report.not_here))

    @property
    def exit_code(self) -> int:
        """0 clean, 1 findings, 2 something could not be checked; as in ruff.

        An info is no reason for 1; a configuration that cannot be rendered is, whichever rules are
        selected.
        """
        if self.errors:
            return 2
        grave = any(found.severity is not Severity.INFO for found in self.diagnostics)
        return int(grave or bool(self.not_rendered))
