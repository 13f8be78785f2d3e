"""The output for each rule, stored as a whole beside its suite.

    python -m tests.snapshots [SUITE...]

writes `fixtures/rules/<family>/<name>.txt` anew, from every case that has findings: headline,
labels, consequence, releases and help. `git diff` then shows what changes for a reader;
`tests/test_fixtures.py` compares.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.linting.report import ModelReport, Run
from forgather_lint.session import checking
from forgather_lint.shell.reporters import reporter
from forgather_lint.shell.reporters.parts.style import Style
from tests.cases import Case, read_cases
from tools import command_line

FIXTURES = Path(__file__).parent.parent / "fixtures" / "rules"
FOLDER = "model"
"""The name of the folder of every model: some messages contain it."""


def findings(case: Case, folder: Path) -> list[Diagnostic]:
    """Write the model of a case into `folder` and lint it; only the codes of the suite count."""
    case.write(folder)
    reports = list(checking.check((folder,), case.settings))
    assert {report.error for report in reports} == {None}
    return [found for report in reports for found in report.diagnostics if found.code in case.codes]


def rendered(found: Sequence[Diagnostic], folder: Path) -> str:
    """The findings as `--output-format full` shows them."""
    run = Run((ModelReport(str(folder), tuple(found)),))
    lines = reporter("full")(run, Style(color=False, base=str(folder), quiet=True))
    shown = "".join(f"{line.rstrip()}\n" for line in lines).rstrip("\n") + "\n"
    return shown.replace(f"{folder.parent}/", "")


def stored(suite: Path) -> dict[str, str]:
    """What is stored for each case of a suite that finds something."""
    file = suite.with_suffix(".txt")
    text = file.read_text("utf-8") if file.exists() else ""
    _, *parts = re.split(r"^## (.+)\n\n", text, flags=re.MULTILINE)
    return {
        name: text.rstrip("\n") + "\n" for name, text in zip(parts[::2], parts[1::2], strict=True)
    }


def refresh(suite: Path) -> None:
    """Store what the cases of a suite show now."""
    sections = []
    for case in read_cases(suite):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary).resolve() / FOLDER
            if found := findings(case, folder):
                sections.append(f"## {case.name}\n\n{rendered(found, folder)}")
    suite.with_suffix(".txt").write_text("\n".join(sections), "utf-8")


def main(arguments: Sequence[str]) -> None:
    """Refresh the suites that are named, or all."""
    parser = command_line.parser(__doc__)
    parser.add_argument("suites", nargs="*", type=Path, metavar="SUITE")
    given: list[Path] = parser.parse_args(arguments).suites
    for suite in given or sorted(FIXTURES.glob("*/*.md")):
        refresh(suite)


if __name__ == "__main__":
    main(sys.argv[1:])
