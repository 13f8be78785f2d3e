"""The result of every fix of every rule: the text and the verdict before and after.

`python -m tests.fixes_shown` writes `fixtures/verdicts/fixes.txt` anew; review it as a diff.
"""

from __future__ import annotations

import difflib
import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from forgather_lint.core.files import laid_over, write_over
from forgather_lint.core.record import record
from forgather_lint.linting.report import FileChange, ModelReport
from forgather_lint.session import checking
from forgather_lint.session.fixing import FixesTried, Fixing
from forgather_lint.session.texts import Texts, contents
from tests.cases import Case, read_cases
from tests.snapshots import FIXTURES, FOLDER
from tools import command_line

SHOWN = Path(__file__).parent.parent / "fixtures" / "verdicts" / "fixes.txt"
RULES = Path(__file__).parent.parent / "rules"
STYLE = re.compile(r"help: write `\w+` for `")
TARGET = ("vllm==0.30",)
"""What cases without a target are judged for, whatever is installed here."""


def may_fix(suite: Path) -> bool:
    """Whether the rule of a suite has a fix, its own or the one style that serves.

    That one comes with a verdict, of any rule, where there is just one: what is stored beside the
    suite tells.
    """
    rule = RULES / suite.parent.name / f"{suite.stem}.py"
    own = rule.exists() and "fix=" in rule.read_text("utf-8")
    return own or STYLE.search(suite.with_suffix(".txt").read_text("utf-8")) is not None


CASES = [
    case
    for suite in sorted(FIXTURES.glob("*/*.md"))
    if may_fix(suite)
    for case in read_cases(suite)
    if case.expected
]
"""The cases, of all rules with a fix, that have findings."""


TEXTS = (".py", ".json", ".yaml")


@record
class Fixed:
    """A case before and after all fixes, written to its folder."""

    before: tuple[ModelReport, ...]
    outcome: FixesTried
    changes: Sequence[FileChange]
    after: tuple[ModelReport, ...]


def fixed(case: Case, folder: Path, line_end: bytes = b"\n") -> Fixed:
    """Write `case` below `folder`, with these ends of lines, and fix it."""
    case.write(folder)
    if line_end != b"\n":
        for file in folder.rglob("*.*"):
            if file.suffix in TEXTS:
                file.write_bytes(file.read_bytes().replace(b"\n", line_end))
    settings = replace(case.settings, target=case.settings.target or TARGET)

    def check(texts: Texts) -> tuple[ModelReport, ...]:
        with laid_over(contents(texts)):
            return tuple(checking.check((folder,), settings))

    before = check({})
    fixing = Fixing(check, [folder], unsafe=True)
    outcome = fixing.run(before)
    changes = tuple(fixing.changes(outcome.state))
    for change in changes:
        write_over(Path(change.path), change.after.encode())
    return Fixed(before, outcome, changes, check({}))


def title(case: Case) -> str:
    """The heading of a case in the stored file."""
    return f"## {case.suite.parent.name}/{case.suite.stem}: {case.name}"


def shown(case: Case, made: Fixed) -> str:
    """The text that is stored for a case."""
    lines = [title(case), ""]
    lines += [f"{found.code}: {found.fix.title}" for found in made.outcome.state.fixed if found.fix]
    lines += [f"{found.code}, kept back: {why}" for found, why in made.outcome.kept_back]
    for change in made.changes:
        texts = (change.before.splitlines(), change.after.splitlines())
        name = Path(change.path).name
        lines += difflib.unified_diff(*texts, name, name, "before", "after", n=0, lineterm="")
    lines += [f"before: {_verdicts(made.before)}", f"after:  {_verdicts(made.after)}"]
    return "\n".join(lines) + "\n"


def _verdicts(reports: Sequence[ModelReport]) -> str:
    told = [
        f"{verdict.target}: "
        + ", ".join(f"{ranks}x{stages} {word}" for ranks, stages, word in verdict.sizes)
        for report in reports
        for verdict in report.verdicts
    ]
    return "; ".join(told) or "no verdict"


def main() -> None:
    """Store the results of all cases."""
    command_line.parser(__doc__).parse_args()
    texts = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            texts.append(shown(case, fixed(case, Path(folder).resolve() / FOLDER)))
    SHOWN.write_text("\n".join(texts), "utf-8")


if __name__ == "__main__":
    main()
