"""What came of checking: one report per model, together a run."""

from __future__ import annotations

from collections.abc import Mapping

from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.record import record
from forgather_lint.core.source import Span


@record
class NotRendered:
    """What keeps a configuration of a Forgather project from being rendered."""

    where: Span
    message: str


@record
class ModelReport:
    """What the check of one model found.

    `error` says in one line why the model could not be checked, None when it was. `files` are
    the texts that were read for it, `targets` the releases of vLLM that it was judged for.
    A configuration that is `not_rendered` was checked as far as it could be read.
    """

    path: str
    diagnostics: tuple[Diagnostic, ...] = ()
    error: str | None = None
    files: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    not_rendered: NotRendered | None = None


@record
class Run:
    """All reports of one invocation, in the order of the paths."""

    reports: tuple[ModelReport, ...]

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Every finding once, also when it lies in a file that several models share."""
        found = (diagnostic for report in self.reports for diagnostic in report.diagnostics)
        return tuple(dict.fromkeys(found))

    @property
    def targets(self) -> tuple[str, ...]:
        """The releases that models were judged for, in the order asked for."""
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
    def checked(self) -> int:
        """How many models were checked."""
        return len(self.reports) - len(self.errors)

    @property
    def exit_code(self) -> int:
        """0 clean, 1 findings, 2 something could not be checked; the codes are ruff's.

        An info asks for a look and leaves the code at 0.
        """
        if self.errors:
            return 2
        return int(any(found.severity is not Severity.INFO for found in self.diagnostics))
