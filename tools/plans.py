"""Holds inferred plans against transformers' own: `python -m tools.plans`.

    python -m tools.plans [--target RELEASE] [--json | --store] [--keep FOLDER] [NAME ...]

For every text model of the installed transformers that declares a tensor-parallel plan (written as
`tools.corpus` does; `--keep` skips that slow half), a plan is inferred from the source. Both plans
are then judged alike. Without `--target`, as transformers itself applies them on two ranks: is the
sharded base model the same function, and how many bytes of parameters does a rank hold? With
`--target vllm==0.33`, as that release serves them: its verdicts on two ranks and in two stages, and
the bytes on one of two ranks. Newer releases shard attention and gated units by themselves, so more
plans come to the same there.

`equivalent` is what the word says: the same verdicts and the same bytes, all decided. `better`
serves where the official plan does not, or with fewer bytes on a rank. `alike, undecided` are the
same bytes and verdicts of which one is unknown, for the same reason: it is counted for nothing.
`differs` is all else that is decided. No plan can be judged of two kinds of model: `refused` is one
that the release does not serve with any plan, `raises` one whose forward raises on one rank
already, called with tokens alone. Seconds are the processor's. `--store` writes what the tests
hold.

Official plans of like models contradict each other: DeepseekV3's leaves latent attention whole,
that of DeepseekV32 shards it. So a second figure asks less: a plan is `reproduced` where the
official one speaks when its verdict is as good, and every module that an official entry names has
the same bytes on a rank. What the official plan leaves out may be sharded or not.

Where the analysis does not decide a plan in transformers, what two real ranks came to
(`tools.tensor_parallel_truth`) stands for it. Where they came to another verdict, nothing is
claimed: a checkpoint may be rearranged while it loads, which the model's source does not say.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from forgather_lint.engines.api import Target
from tools import command_line
from tools.corpus import write_truth
from tools.corpus_truth import TRUTH
from tools.plan_comparison import Compared, Kind
from tools.plan_table import Row, as_json, store, table
from tools.plans_judged import by_library, by_target, judge_beside_the_corpus


def rows(folder: Path, names: Sequence[str] = (), target: Target | None = None) -> list[Row]:
    """Compare the plans of every text model below `folder`, or of those of `names`."""

    def judge(directory: Path) -> Compared:
        return by_target(directory, target) if target else by_library(directory)

    directories = sorted(path.parent for path in folder.glob(f"*/{TRUTH}"))
    return [_row(each, judge) for each in directories if _is_wanted(each, names)]


def _is_wanted(directory: Path, names: Sequence[str]) -> bool:
    """Whether it is a text model that transformers itself can build."""
    if names and directory.name not in names:
        return False
    truth: dict[str, Any] = json.loads((directory / TRUTH).read_text("utf-8"))
    return bool(truth.get("text")) and not truth["error"]


def _row(directory: Path, judge: Callable[[Path], Compared]) -> Row:
    begin = time.process_time()
    try:
        found = judge(directory)
    except Exception as crash:  # noqa: BLE001 - crashes are what is counted
        found = Compared(Kind.CRASHED, repr(crash))
    return Row(directory.name, found, time.process_time() - begin)


def server_of(target: Target | None) -> str | None:
    """The release of vLLM whose figures are stored."""
    return str(target.version) if target else None


def main() -> None:
    """Print the table; exit 1 when a run crashed."""
    parser = command_line.parser(__doc__)
    parser.add_argument("names", nargs="*", help="names of config classes; all by default")
    parser.add_argument("--target", help="a release of vLLM that judges, such as vllm==0.33")
    parser.add_argument("--keep", type=Path, help="keep the corpus here, and use what is there")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--store", action="store_true", help="write fixtures/verdicts/plans*.json")
    arguments = parser.parse_args()
    wanted = arguments.target
    target = judge_beside_the_corpus(wanted) if wanted else None
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        if not list(folder.glob(f"*/{TRUTH}")):
            write_truth(folder, arguments.names)
        found = rows(folder, arguments.names, target)
    if arguments.store:
        store(found, server_of(target))
    print(json.dumps(as_json(found), indent=1) if arguments.json else table(found))
    sys.exit(any(row.kind is Kind.CRASHED for row in found))


if __name__ == "__main__":
    main()
