"""Makes fixes, checks the result, and writes what holds.

As in ruff, all fixes that do not overlap are made at once, the texts are read again, and so on
until nothing is left to fix. Unlike in ruff, a fix changes how a model is served: so the changed
texts are checked, laid over the disk, before any is written. A fix that does not end its finding,
brings a new one or loses a size that serves is kept back, and the reader is told what it would have
done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from pathlib import Path

from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.record import record
from forgather_lint.facts.release import OWN_MODEL
from forgather_lint.facts.sizes import SERVES
from forgather_lint.linting.fixes import choose_fixes, files_of, is_applicable
from forgather_lint.linting.report import FileChange, ModelReport
from forgather_lint.session.texts import CannotChange, Originals, Texts

MOST_ROUNDS = 10
MOST_CHECKS = 60

Reports = tuple[ModelReport, ...]
Check = Callable[[Texts], Reports]
Identity = tuple[str, str, str]
KeptBack = dict[Identity, tuple[Diagnostic, str]]
"""Findings whose fix is not made, and the reason."""


@record
class State:
    """The state of the work: changed texts, what is found in them, and what has been fixed."""

    reports: Reports
    texts: Texts = field(default_factory=dict)
    fixed: tuple[Diagnostic, ...] = ()

    @property
    def findings(self) -> tuple[Diagnostic, ...]:
        """Every finding once."""
        return tuple(dict.fromkeys(each for report in self.reports for each in report.diagnostics))


@record
class FixesTried:
    """`state` after all fixes that hold; `kept_back` are the others, with the reasons."""

    state: State
    kept_back: tuple[tuple[Diagnostic, str], ...] = ()


class Fixing:
    """One run of `--fix`. `check` checks changed texts; only files below `roots` may be changed."""

    def __init__(self, check: Check, roots: Sequence[Path], *, unsafe: bool) -> None:
        self._check = check
        self._unsafe = unsafe
        self._checks = 0
        self._originals = Originals(roots)

    def run(self, reports: Reports) -> FixesTried:
        """The result of fixing the models whose check gave `reports`.

        All fixes are tried together, then those of each model, then one by one: so a fix that needs
        another is made with it, and a harmful one is kept back alone.
        """
        state, kept_back = State(reports), KeptBack()
        together = self._wanted(state.findings, kept_back)
        of_models: dict[str, list[Diagnostic]] = {}
        for each in together:
            of_models.setdefault(each.model, []).append(each)
        lots = [together] if len(of_models) == 1 else [together, *of_models.values()]
        for batch in lots:
            state = self._tried(state, batch, kept_back) or state
        while wanted := self._wanted(state.findings, kept_back):
            if self._checks >= MOST_CHECKS:
                break
            state = self._tried(state, wanted[:1], kept_back, last=True) or state
        return FixesTried(state, tuple(kept_back.values()))

    def _tried(
        self, state: State, batch: Sequence[Diagnostic], kept_back: KeptBack, *, last: bool = False
    ) -> State | None:
        """`state` with the still wanted fixes of `batch`, if the result holds; else None.

        If it does not hold in the last trial, the first of them is kept back.
        """
        still = set(map(_identity, self._wanted(state.findings, kept_back)))
        wanted = [each for each in batch if _identity(each) in still]
        if not wanted:
            return None
        grown = self._grown(state, wanted, kept_back)
        objection = self._objection(state, grown)
        if objection is None:
            return grown
        if last:
            kept_back[_identity(wanted[0])] = wanted[0], objection
        return None

    def _grown(self, state: State, wanted: Sequence[Diagnostic], kept_back: KeptBack) -> State:
        """`state` with the fixes of `wanted` and of findings that follow, until none is left."""
        known = {_identity(each) for each in state.findings} - {_identity(x) for x in wanted}
        seen = [dict(state.texts)]
        for _ in range(MOST_ROUNDS):
            choice = choose_fixes(wanted)
            if not choice.taken:
                break
            texts = dict(state.texts)
            for path, edits in choice.edits.items():
                texts[path] = self._originals.edited(state.texts, path, edits)
            if texts in seen:
                break  # two fixes that undo each other
            seen.append(texts)
            state = State(self._checked(texts), texts, (*state.fixed, *choice.taken))
            wanted = [
                each
                for each in self._wanted(state.findings, kept_back)
                if _identity(each) not in known
            ]
        return state

    def changes(self, state: State) -> Iterator[FileChange]:
        """The changes that are to be written."""
        yield from self._originals.changes(state.texts)

    def _checked(self, texts: Texts) -> Reports:
        self._checks += 1
        return self._check(texts)

    def _wanted(self, findings: Sequence[Diagnostic], kept_back: KeptBack) -> list[Diagnostic]:
        """The findings that are to be fixed.

        Those in files that must not be changed are kept back.
        """
        wanted = []
        for each in findings:
            if not is_applicable(each, self._unsafe) or _identity(each) in kept_back:
                continue
            assert each.fix is not None
            try:
                for path in files_of(each.fix):
                    self._originals.text(path)
            except CannotChange as reason:
                kept_back[_identity(each)] = (each, str(reason))
                continue
            wanted.append(each)
        return wanted

    @staticmethod
    def _objection(before: State, after: State) -> str | None:
        """Why the fixes that lead from `before` to `after` must not be made; None when they may."""
        if len(after.fixed) == len(before.fixed):
            return "it changes nothing"
        gained = _counted(after.findings) - _counted(before.findings)
        if gained:
            found = next(each for each in after.findings if _identity(each) in gained)
            return f"it would bring {found.code}: {found.message}"
        made = after.fixed[len(before.fixed) :]
        left = _counted(after.findings)
        was = _counted(before.findings)
        for each in made:
            if left[_identity(each)] >= was[_identity(each)] > 0:
                return "it would leave the finding"
        lost = _serving(before.reports) - _serving(after.reports)
        if lost:
            _, target, ranks, stages = min(lost)
            return f"{target} would no longer be proved to serve at {ranks} ranks, {stages} stages"
        if any(each.error for each in after.reports) and not any(x.error for x in before.reports):
            return "the model could not be checked any more"
        return None


def _identity(found: Diagnostic) -> Identity:
    """What identifies a finding even when the lines have moved."""
    return found.span.path, found.code, found.module or found.message


def _counted(findings: Sequence[Diagnostic]) -> Counter[Identity]:
    """How often each defect is found; an info is no defect."""
    return Counter(_identity(each) for each in findings if each.severity is not Severity.INFO)


def _serving(reports: Reports) -> set[tuple[str, str, int, int]]:
    """The models with the releases, ranks and stages that are proved to serve them."""
    return {
        (report.path, str(verdict.target), ranks, stages)
        for report in reports
        for verdict in report.verdicts
        for ranks, stages, word in verdict.sizes
        if word in (SERVES, OWN_MODEL)
    }
