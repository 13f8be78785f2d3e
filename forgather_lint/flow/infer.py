"""Computes a plan from the module tree and the data flow alone.

Inside one forward, a projection that feeds no other of it, but is fed by some, is the place where a
sharded stretch can end: it is row-parallel, and what feeds it is column-parallel. The most that can
be sharded is tried first; what is kept is what the abstract run on two ranks proves to be the same
function. The search is over plans as they are written, read as transformers itself reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from forgather_lint.facts import Trace
from forgather_lint.flow.candidates import Styles, Words, gathered, paired, with_parameters
from forgather_lint.flow.dataflow import Body, graphs, kind_of
from forgather_lint.flow.infer_pipeline import Names, pipeline_entries
from forgather_lint.flow.library_judge import LibraryJudge
from forgather_lint.flow.library_plan import LIBRARY
from forgather_lint.flow.outcome import Outcome, Verdict
from forgather_lint.flow.projections import Group, group_of, merge
from forgather_lint.interp.machine import Machine
from forgather_lint.model.tree import Tree
from forgather_lint.record import record
from forgather_lint.values.objects import Instance
from forgather_lint.values.value import TensorValue

RANKS = 2
WAYS = (paired, with_parameters, gathered)
"""Ways to shard a group, the best first: to gather costs as much again as the sum behind a row."""


@record
class InferredPlan:
    """A plan: `tensor` maps patterns to styles, `pipeline` patterns to input and output names.

    `outcome` is what the abstract run on two ranks makes of it.
    """

    tensor: Mapping[str, str]
    pipeline: Mapping[str, Names]
    outcome: Outcome | None = None


@record
class Unit:
    """The projections of all modules that one pattern names: an entry speaks of all of them."""

    pattern: str
    group: Group


@record(frozen=False)
class Search:
    """Grows a plan by one unit after the other."""

    judge: LibraryJudge
    words: Words
    plan: dict[str, str] = field(default_factory=dict)

    def outcome(self, plan: Mapping[str, str]) -> Outcome:
        """What the plan computes."""
        return self.judge.outcome(self.judge.written(plan), RANKS)

    def add(self, unit: Unit) -> None:
        """Take in the first way to shard `unit` that leaves the function what it is.

        Where it was not decided on one rank, the first that does not change that.
        """
        for ways in WAYS:
            if any(self._grows(unit, styles) for styles in ways(unit.group, self.words)):
                return

    def _grows(self, unit: Unit, styles: Styles) -> bool:
        """Whether the plan has grown by `styles`."""
        before = self.judge.alone[0]
        grown = self.plan | {_key(unit.pattern, name): style for name, style in styles.items()}
        outcome = self.outcome(grown)
        undecided = outcome.verdict is Verdict.UNKNOWN and outcome.reason == before.reason
        if outcome.verdict is not Verdict.SERVES and not undecided:
            return False
        self.plan = grown
        return True


def infer(
    machine: Machine,
    tree: Tree,
    root: Instance,
    trace: Trace | None,
    words: Words | None = None,
) -> InferredPlan:
    """The plan of the base model `root`, its styles called by `words`.

    Raises `Raised` when its forward does.
    """
    search = Search(LibraryJudge(machine, tree, root), words or Words())
    bodies = graphs(machine, root, LIBRARY, None)
    for unit in units(machine, tree, bodies):
        search.add(unit)
    tensor = dict(_in_tree_order(tree, search.plan))
    pipeline = dict(pipeline_entries(tree, trace)) if trace else {}
    return InferredPlan(tensor, pipeline, search.outcome(tensor))


def units(machine: Machine, tree: Tree, bodies: Mapping[int, Body]) -> Iterator[Unit]:
    """What can be sharded, in tree order. Groups that contradict each other are left out."""
    groups = {kind: group_of(machine, body) for kind, body in bodies.items()}
    by_pattern: dict[str, list[Group]] = {}
    for name, instance in tree.instances.items():
        group = groups.get(kind_of(instance))
        known = by_pattern.setdefault(folded(name), [])
        if group is not None and group not in known:
            known.append(group)
    for pattern, found in by_pattern.items():
        merged = merge(found)
        if merged is not None:
            yield Unit(pattern, merged)


def _key(pattern: str, name: str) -> str:
    return ".".join(filter(None, (pattern, name)))


def _in_tree_order(tree: Tree, plan: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The entries in the order of the modules; vLLM applies the first that begins a name."""
    done: set[str] = set()
    for name, instance in tree.instances.items():
        pattern = folded(name)
        tensors = (n for n, value in instance.attributes.items() if isinstance(value, TensorValue))
        for key in (*(_key(pattern, each) for each in tensors), pattern):
            if key in plan and key not in done:
                done.add(key)
                yield key, plan[key]


def folded(name: str) -> str:
    """A dotted name with `*` for each number."""
    return re.sub(r"(?<=\.)\d+(?=\.|$)", "*", name)
