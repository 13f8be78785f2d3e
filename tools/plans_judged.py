"""Judges the official and the inferred plan of one model of the corpus alike.

`by_library` asks what transformers itself makes of them on two ranks, `by_target` what a release of
vLLM makes of them on two ranks and in two stages. A plan is inferred for the one that judges it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from forgather_lint.core.settings import ModelImpl
from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.api import AnyPreparedModel, PlanJudge, Subject, Target
from forgather_lint.engines.matrix import blocking, examine
from forgather_lint.engines.registry import library
from forgather_lint.engines.select import installed, select
from forgather_lint.engines.vllm.target import VllmTarget as Vllm
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.memory import DTYPE_BYTES, Cut, bytes_of_rank
from forgather_lint.execution.outcome import Outcome, Verdict
from forgather_lint.facts import EndKind, NotBuilt
from forgather_lint.inference.infer import RANKS, folded, infer
from forgather_lint.inference.on_target import DTYPE, cells, infer_for, with_plan
from forgather_lint.linting.registry import code_of
from forgather_lint.model.analysis import contained
from forgather_lint.model.tree import Tree
from forgather_lint.python.values.objects import Instance
from tools.plan_comparison import Compared, Judged, Kind, compared
from tools.plan_table import VERDICTS

OFFICIAL = VERDICTS / "transformers_two_ranks.json"
INFERRED = VERDICTS / "inferred_two_ranks.json"
MISLOADED = "misloaded"
"""The reason where ranks hold other weights than the file.

If that happens with the official plan too, it is not the plan that does it.
"""


def judge_beside_the_corpus(wanted: str) -> Target:
    """The release of vLLM that `wanted` names, beside the transformers that the corpus is of.

    vLLM's own requirement may rule that pair out, but the classes of the corpus are read from the
    transformers that is installed, and from no other.
    """
    chosen = select([wanted], installed()).targets[-1]
    beside = installed().transformers
    return chosen if beside is None else Vllm.of(str(chosen.version), str(beside))


def by_library(directory: Path) -> Compared:
    """Both plans as transformers applies them, with the results of two real ranks."""
    found = _by_library(directory)
    if found.official is None or found.inferred is None:
        return found
    real = _real(OFFICIAL, directory.name)
    official, against = _beside_real(found.official, None if real == MISLOADED else real)
    inferred, as_well = _beside_real(found.inferred, _real(INFERRED, directory.name))
    doubts = {"official": against, "inferred": as_well}
    reason = next((f"{whose}: {why}" for whose, why in doubts.items() if why), "")
    found = compared(official, inferred)
    return replace(found, kind=Kind.UNDECIDED, reason=reason) if reason else found


def _real(file: Path, name: str) -> str | None:
    """The verdict of two real ranks; None where there is none."""
    ran = json.loads(file.read_text("utf-8"))["models"].get(name, {})
    return None if ran.get("verdict") == "no truth" else ran.get("verdict")


def _beside_real(plan: Judged, real: str | None) -> tuple[Judged, str]:
    """The plan, decided by the real verdict if it was undecided, and what contradicts it."""
    if real is None or (real,) == plan.verdicts:
        return plan, ""
    if plan.undecided is not None and real != MISLOADED:
        reasons = ("" if real == Verdict.SERVES else f"{real} on real ranks",)
        return replace(plan, verdicts=(Verdict(real),), reasons=reasons), ""
    return plan, f"two real ranks say {real}, the analysis {plan.reason or Verdict.SERVES}"


def _by_library(directory: Path) -> Compared:
    target = select([], installed()).targets[0]
    prepared = target.prepare(single_model(directory), DTYPE, as_written=True)
    if prepared.judge is None or prepared.builder is None:
        return _not_built(prepared)
    subject = prepared.judge.subject
    found = contained(prepared.builder, lambda: _both(subject))
    return Compared(Kind.UNDECIDED, found.message) if isinstance(found, NotBuilt) else found


def _not_built(prepared: AnyPreparedModel) -> Compared:
    reason = prepared.ended.message if prepared.ended else ""
    return Compared(Kind.UNDECIDED, f"not built: {reason}")


def _both(subject: Subject) -> Compared:
    judge = library().judge(subject.machine, subject.tree, subject.root)
    alone = judge.alone[0]
    if alone.verdict is Verdict.FAILS:
        return Compared(Kind.RAISES, f"on one rank: {alone.reason}")
    if alone.verdict is not Verdict.SERVES:
        return Compared(Kind.UNDECIDED, f"on one rank: {_told(alone)}")
    written = subject.styles
    plan = infer(subject.machine, subject.tree, subject.root, None)
    return compared(_applied(judge, written, written), _applied(judge, plan.tensor, written))


def _applied(judge: PlanJudge, plan: Mapping[str, str], named: Iterable[str]) -> Judged:
    tree, assigned = judge.tree, judge.loaded(plan)
    outcome = judge.outcome(assigned, RANKS)
    sizes = {key: _bytes(_only(tree, key), assigned) for key in named}
    reasons = (_told(outcome),)
    return Judged(plan, (outcome.verdict,), reasons, _bytes(tree, assigned), sizes)


def by_target(directory: Path, target: Target) -> Compared:
    """Both plans as a release of vLLM serves them, or refuses to."""
    model = single_model(directory)
    prepared = target.prepare(model, DTYPE, as_written=True)
    if prepared.judge is None or prepared.builder is None:
        return _not_built(prepared)
    subject = prepared.judge.subject
    plan = contained(prepared.builder, lambda: infer_for(subject, target))
    if isinstance(plan, NotBuilt):
        kind = Kind.RAISES if plan.kind is EndKind.RAISES else Kind.UNDECIDED
        return Compared(kind, f"on one rank: {plan.message}")
    written = subject.styles
    examined = examine(model, target, DTYPE, impl=ModelImpl.TRANSFORMERS)
    official = _served(examined, written, written)
    inferred = _served(with_plan(examined, plan), plan.tensor, written)
    refused = blocking(examined)
    found = compared(official, inferred)
    return replace(found, kind=Kind.REFUSED, reason=_told(refused)) if refused else found


def _served(prepared: AnyPreparedModel, plan: Mapping[str, str], named: Iterable[str]) -> Judged:
    """The judged plan; its bytes are counted even where the release refuses the model."""
    judge = prepared.judge
    assert judge is not None
    outcomes = [each.outcome for each in cells(prepared)]
    assigned, tree = judge.assignments(RANKS), judge.subject.tree
    sizes = {key: _bytes(_only(tree, key), assigned) for key in named}
    size = judge.bytes_per_rank(RANKS, 1)
    return Judged(
        plan, tuple(o.verdict for o in outcomes), tuple(map(_told, outcomes)), size, sizes
    )


def _bytes(tree: Tree, assigned: Mapping[Instance, Assignment]) -> int | None:
    width = DTYPE_BYTES[DTYPE]
    held = bytes_of_rank(tree, assigned, RANKS, Cut(), width)
    return held.fullest(1) if held is not None else None


def _only(tree: Tree, key: str) -> Tree:
    """The tree with only those parameters that an entry names, or whose module it names."""
    found = (p for p in tree.structure.parameters if key in _called(p.name))
    return replace(tree, structure=replace(tree.structure, parameters=tuple(found)))


def _called(parameter: str) -> tuple[str, str]:
    return folded(parameter), folded(parameter.rpartition(".")[0])


def _told(outcome: Outcome) -> str:
    place = f" ({outcome.where.span})" if outcome.where else ""
    return (
        f"{outcome.verdict}: {code_of(outcome)} {outcome.reason}{place}" if outcome.reason else ""
    )
