"""Holds inferred plans against transformers' own: `python -m tools.plans`.

    python -m tools.plans [--json | --store] [--keep FOLDER] [NAME ...]

For every text model of the installed transformers that declares a tensor-parallel plan (written as
`tools.corpus` does; `--keep` skips that slow half), a plan is inferred from the source. Both plans
are then judged alike, as transformers itself applies them on two ranks: is the sharded base model
the same function, and how many bytes of parameters does a rank hold?

`equivalent` is what the word says: the same verdict and the same bytes. `better` serves where the
official plan does not, or with fewer bytes on a rank. `differs` is all else that is decided.
`raises` is a model whose forward raises on one rank already, called with tokens alone: no plan of
it can be judged. Seconds are the processor's. `--store` writes what the tests hold.

Official plans of like models contradict each other: DeepseekV3's leaves latent attention whole,
that of DeepseekV32 shards it. So a second figure asks less: a plan is `reproduced` where the
official one speaks when its verdict is as good, and every module that an official entry names has
the same bytes on a rank. What the official plan leaves out may be sharded or not.

Where the analysis does not decide an official plan, what two real ranks came to
(`tools.tensor_parallel_truth`) stands for it. Where they came to another verdict, nothing is
claimed: a checkpoint may be rearranged while it loads, which the model's source does not say.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from forgather_lint.analysis import contained
from forgather_lint.facts import NotBuilt
from forgather_lint.flow.assign import Assignment
from forgather_lint.flow.infer import RANKS, folded, infer
from forgather_lint.flow.judge import Subject
from forgather_lint.flow.library_judge import LibraryJudge
from forgather_lint.flow.memory import DTYPE_BYTES, bytes_per_rank
from forgather_lint.flow.outcome import Outcome, Verdict
from forgather_lint.flow.subject import prepare
from forgather_lint.inputs.single import single_model
from forgather_lint.model.tree import Tree
from forgather_lint.targets.select import installed, select
from tools.corpus import versions, write_truth
from tools.corpus_truth import TRUTH

DTYPE = "bfloat16"
VERDICTS = Path(__file__).parents[1] / "fixtures" / "verdicts"
STORED = VERDICTS / "plans.json"
REAL = VERDICTS / "transformers_two_ranks.json"


class Kind(StrEnum):
    """How an inferred plan compares with the official one."""

    EQUIVALENT = "equivalent"
    BETTER = "better"
    DIFFERS = "differs"
    UNDECIDED = "undecided"
    RAISES = "raises"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Judged:
    """A plan with what it comes to on two ranks."""

    plan: Mapping[str, str]
    verdict: Verdict
    reason: str
    size: int | None
    named: Mapping[str, int | None]
    """The bytes on a rank by what the official plan names."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model of the corpus."""

    name: str
    kind: Kind
    reason: str
    seconds: float
    official: Judged | None = None
    inferred: Judged | None = None

    @property
    def misses(self) -> str | None:
        """Why the official plan is not reproduced where it speaks, None when it is."""
        official, inferred = self.official, self.inferred
        if official is None or inferred is None or self.kind is Kind.UNDECIDED:
            return self.reason or self.kind
        if inferred.verdict not in (Verdict.SERVES, official.verdict):
            return f"inferred {inferred.reason}"
        other = [key for key, size in official.named.items() if inferred.named[key] != size]
        told = f"other bytes in {', '.join(other)}" if other else ""
        return f"{told}; official {official.reason}" if told and official.reason else told or None


def rows(folder: Path, names: Sequence[str] = ()) -> list[Row]:
    """Compare the plans of every text model below `folder`, or of those of `names`."""
    directories = sorted(path.parent for path in folder.glob(f"*/{TRUTH}"))
    return [_row(each) for each in directories if _is_wanted(each, names)]


def _is_wanted(directory: Path, names: Sequence[str]) -> bool:
    """A text model that transformers itself can build."""
    if names and directory.name not in names:
        return False
    truth: dict[str, Any] = json.loads((directory / TRUTH).read_text("utf-8"))
    return bool(truth.get("text")) and not truth["error"]


Compared = tuple[Kind, str, Judged | None, Judged | None]


def _row(directory: Path) -> Row:
    begin = time.process_time()
    try:
        found = _compared(directory)
    except Exception as crash:  # noqa: BLE001 - crashes are what is counted
        found = Kind.CRASHED, repr(crash), None, None
    found = _beside_real(directory.name, found)
    return Row(directory.name, *found[:2], time.process_time() - begin, *found[2:])


def _beside_real(name: str, found: Compared) -> Compared:
    """The comparison with the word of two real ranks on the official plan."""
    _, _, official, inferred = found
    ran = json.loads(REAL.read_text("utf-8"))["models"].get(name, {})
    real = ran.get("verdict")
    if official is None or inferred is None or real not in iter(Verdict):
        return found
    if official.verdict is Verdict.UNKNOWN:
        official = replace(official, verdict=Verdict(real), reason=f"{real} on real ranks")
        return (*_kind(official, inferred), official, inferred)
    if real == official.verdict:
        return found
    told = official.reason or Verdict.SERVES
    reason = f"official: two real ranks say {real}, the analysis {told}"
    return Kind.UNDECIDED, reason, official, inferred


def _compared(directory: Path) -> Compared:
    target = select([], installed()).targets[0]
    prepared = prepare(single_model(directory), target, DTYPE, experts_fused=False)
    if prepared.judge is None or prepared.workshop is None:
        reason = prepared.ended.message if prepared.ended else ""
        return Kind.UNDECIDED, f"not built: {reason}", None, None
    subject = prepared.judge.subject
    found = contained(prepared.workshop, lambda: _both(subject))
    return (Kind.UNDECIDED, found.message, None, None) if isinstance(found, NotBuilt) else found


def _both(subject: Subject) -> Compared:
    judge = LibraryJudge(subject.machine, subject.tree, subject.root)
    alone = judge.alone[0]
    if alone.verdict is Verdict.FAILS:
        return Kind.RAISES, f"on one rank: {alone.reason}", None, None
    if alone.verdict is not Verdict.SERVES:
        return Kind.UNDECIDED, f"on one rank: {_told(alone)}", None, None
    written = {entry.full_key: entry.style or "" for entry in subject.tensor_plan}
    official = _judged(judge, written, written)
    plan = infer(subject.machine, subject.tree, subject.root, None)
    inferred = _judged(judge, plan.tensor, written)
    return (*_kind(official, inferred), official, inferred)


def _judged(judge: LibraryJudge, plan: Mapping[str, str], named: Iterable[str]) -> Judged:
    tree, assigned = judge.tree, judge.loaded(plan)
    outcome = judge.outcome(assigned, RANKS)
    sizes = {key: _bytes(_only(tree, key), assigned) for key in named}
    return Judged(plan, outcome.verdict, _told(outcome), _bytes(tree, assigned), sizes)


def _bytes(tree: Tree, assigned: Mapping[int, Assignment]) -> int | None:
    width = DTYPE_BYTES[DTYPE]
    return bytes_per_rank(tree, assigned, RANKS, 1, (), 0, width, tables_split=False)


def _only(tree: Tree, key: str) -> Tree:
    """The tree with no parameters but those that an entry names, or that a module of it owns."""
    found = (p for p in tree.structure.parameters if key in _called(p.name))
    return replace(tree, structure=replace(tree.structure, parameters=tuple(found)))


def _called(parameter: str) -> tuple[str, str]:
    return folded(parameter), folded(parameter.rpartition(".")[0])


def _told(outcome: Outcome) -> str:
    place = f" ({outcome.where.span})" if outcome.where else ""
    return f"{outcome.verdict}: {outcome.code} {outcome.reason}{place}" if outcome.reason else ""


def _kind(official: Judged, inferred: Judged) -> tuple[Kind, str]:
    for whose, plan in (("official", official), ("inferred", inferred)):
        if plan.verdict is Verdict.UNKNOWN:
            return Kind.UNDECIDED, f"{whose}: {plan.reason}"
    sizes = f"{official.size} to {inferred.size} bytes"
    if (official.verdict, official.size) == (inferred.verdict, inferred.size):
        return Kind.EQUIVALENT, ""
    serves = inferred.verdict is Verdict.SERVES
    if serves and official.verdict is not Verdict.SERVES:
        return Kind.BETTER, f"official {official.reason}"
    fewer = (inferred.size or 0) < (official.size or 0)
    kind = Kind.BETTER if serves and fewer else Kind.DIFFERS
    return kind, sizes + (f", inferred {inferred.reason}" if inferred.reason else "")


def as_json(found: Iterable[Row]) -> dict[str, Any]:
    """All rows, for a program."""
    return {
        "versions": versions(),
        "models": [
            {
                "name": row.name,
                "kind": row.kind,
                "reason": row.reason,
                "misses": row.misses,
                "seconds": round(row.seconds, 3),
                "official": dict(row.official.plan) if row.official else None,
                "inferred": dict(row.inferred.plan) if row.inferred else None,
            }
            for row in found
        ],
    }


def table(found: Sequence[Row]) -> str:
    """A line for every model that is not equivalent or not reproduced, then the counts."""
    lines = [
        f"{row.kind:<10} {row.name:<38} {row.reason[:150]}"
        for row in sorted(found, key=lambda row: list(Kind).index(row.kind))
        if row.kind is not Kind.EQUIVALENT
    ]
    misses = {row.name: row.misses for row in found if row.misses is not None}
    lines += [f"missed     {name:<38} {why[:150]}" for name, why in misses.items()]
    counts = Counter(row.kind for row in found)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in Kind if counts[kind])
    lines.append(f"{len(found)} text models: {told}")
    reproduced = len(found) - len(misses)
    lines.append(f"{reproduced} of {len(found)} reproduced where the official plan speaks")
    slowest = max(found, key=lambda row: row.seconds)
    seconds = sum(row.seconds for row in found)
    lines.append(f"{seconds:.1f} s, the slowest {slowest.name}: {slowest.seconds:.1f} s")
    return "\n".join(lines)


def stored_kinds() -> dict[str, Kind]:
    """How each model compared when the figures were stored."""
    stored: dict[str, dict[str, Any]] = json.loads(STORED.read_text("utf-8"))["models"]
    return {name: Kind(model["kind"]) for name, model in stored.items()}


def stored_misses() -> dict[str, str | None]:
    """What each model lacked when the figures were stored, None where it was reproduced."""
    stored: dict[str, dict[str, Any]] = json.loads(STORED.read_text("utf-8"))["models"]
    return {name: model["misses"] for name, model in stored.items()}


def store(found: Iterable[Row]) -> None:
    """Write what the tests hold: how each model compares, and why not better."""
    models = {
        row.name: {
            "kind": row.kind,
            "reason": _portable(row.reason),
            "misses": _portable(row.misses) if row.misses is not None else None,
        }
        for row in found
    }
    content = {"versions": versions(), "models": models}
    STORED.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def _portable(reason: str) -> str:
    """The reason without the folder that transformers is installed in."""
    return re.sub(r"/\S*/site-packages/", "", reason)


def main() -> None:
    """Print the table; exit 1 when a run crashed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="names of config classes; all by default")
    parser.add_argument("--keep", type=Path, help="keep the corpus here, and use what is there")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--store", action="store_true", help="write fixtures/verdicts/plans.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        if not list(folder.glob(f"*/{TRUTH}")):
            write_truth(folder, arguments.names)
        found = rows(folder, arguments.names)
    if arguments.store:
        store(found)
    print(json.dumps(as_json(found), indent=1) if arguments.json else table(found))
    sys.exit(any(row.kind is Kind.CRASHED for row in found))


if __name__ == "__main__":
    main()
