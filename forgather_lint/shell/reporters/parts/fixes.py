"""What a report for people says about fixes, in ruff's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.linting.fixes import is_applicable
from forgather_lint.linting.report import Run
from forgather_lint.linting.together import together
from forgather_lint.shell.reporters.parts.style import Style

MARK = "[*]"


def mark(found: Diagnostic, run: Run, style: Style) -> str:
    """`[*] ` for a finding that `--fix` would fix, else empty."""
    if not is_applicable(found, run.fixes.unsafe):
        return ""
    return f"{style.paint(MARK, 'cyan')} "


def fixable(run: Run, style: Style) -> Iterator[str]:
    """How many findings `--fix` would fix, and how many more `--unsafe-fixes`."""
    kept_back = {found for found, _ in run.fixes.kept_back}
    offered = together(each for each in run.diagnostics if each not in kept_back)
    now = sum(is_applicable(each, run.fixes.unsafe) for each in offered)
    hidden = sum(is_applicable(each, unsafe=True) for each in offered) - now
    noun = "fix" if hidden == 1 else "fixes"
    more = f"{hidden} hidden {noun} can be enabled with the `--unsafe-fixes` option"
    if now:
        behind = f" ({more})" if hidden else ""
        yield f"{style.paint(MARK, 'cyan')} {now} fixable with the `--fix` option{behind}."
    elif hidden:
        yield f"No fixes available ({more})."


def told_of_fixed(run: Run) -> Iterator[str]:
    """How many findings were fixed, if any, unless they are listed."""
    if run.fixes.fixed and not run.fixes.listed:
        yield fixed(run)


def fixed(run: Run, *, would: bool = False) -> str:
    """How many findings were fixed; with `would`, how many would have been."""
    number = len(together(run.fixes.fixed))
    noun = "finding" if number == 1 else "findings"
    if not number:
        return f"No {noun} would be fixed." if would else "No fixes available."
    return f"{'Would fix' if would else 'Fixed'} {number} {noun}."


def fixed_by_file(run: Run, style: Style, *, would: bool = False) -> Iterator[str]:
    """For `--show-fixes`: how many findings of each rule were fixed in each file."""
    yield fixed(run, would=would).removesuffix(".") + ":"
    by_file: dict[str, Counter[tuple[str, str]]] = {}
    for each in together(run.fixes.fixed):
        by_file.setdefault(each.span.path, Counter())[each.code, each.name] += 1
    for path, kinds in by_file.items():
        yield f"- {style.path(path)}:"
        for (code, name), number in sorted(kinds.items()):
            yield f"    {number} × {code} ({name})"
