"""Computes a plan from the module tree and the data flow alone.

Inside one forward, a projection that is fed by others and feeds none can end a sharded stretch: it
is row-parallel, and what feeds it is column-parallel. The most that can be sharded is tried first;
a change is kept if the abstract run on two ranks proves the function the same and it is worth what
it sends (`communication.py`). The search is over plans as text, read as transformers reads them.

Modules that a forward with tokens alone does not reach, such as experts for images, are sharded
like others of their class.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.engines.api import PlanJudge
from forgather_lint.engines.registry import library
from forgather_lint.execution.dataflow import Body, graphs
from forgather_lint.execution.outcome import Outcome, Verdict
from forgather_lint.facts import Trace
from forgather_lint.inference.communication import is_large, is_wide
from forgather_lint.inference.pipeline import Names, pipeline_entries
from forgather_lint.inference.projections import ProjectionGroup, apart, group_of, merge
from forgather_lint.inference.shardings import StyleNames, Styles, gathered, paired, with_parameters
from forgather_lint.libraries.names import EMBEDDING
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import TensorValue, Value

RANKS = 2


@record
class InferredPlan:
    """A plan: `tensor` maps patterns to styles, `pipeline` patterns to input and output names.

    `outcome` is the verdict of the abstract run on two ranks.
    """

    tensor: Mapping[str, str]
    pipeline: Mapping[str, Names]
    outcome: Outcome | None = None


@record
class PatternUnit:
    """The projections of all modules that one pattern matches: an entry is about all of them."""

    pattern: str
    group: ProjectionGroup
    names: tuple[str, ...]

    def ways(self, tree: Tree, style_names: StyleNames) -> Iterator[Styles]:
        """Ways to shard it that are worth what they send, the best first."""
        owners = [(name, tree.instances[name]) for name in self.names]
        if any(is_wide(owner, self.group) for _, owner in owners):
            yield from paired(self.group, style_names)
            yield from with_parameters(self.group, style_names)
        if any(is_large(tree, name, self.group) for name, _ in owners):
            yield from gathered(self.group, style_names)


@record(frozen=False)
class Search:
    """Extends a plan by one unit after the other."""

    judge: PlanJudge
    style_names: StyleNames
    plan: dict[str, str] = field(default_factory=dict)
    by_class: dict[Value, list[Styles]] = field(default_factory=dict)

    def outcome(self, plan: Mapping[str, str]) -> Outcome:
        """The verdict on `plan`."""
        return self.judge.outcome(self.judge.written(plan), RANKS)

    def add(self, unit: PatternUnit) -> None:
        """Add the first way to shard `unit` that leaves the model's function unchanged.

        Where the verdict is unknown even on a single rank: the first way that does not change it.
        """
        ways = unit.ways(self.judge.tree, self.style_names)
        found = next((each for each in ways if self._grows(unit.pattern, each)), {})
        for name in unit.names:
            known = self.by_class.setdefault(self.judge.tree.instances[name].cls, [])
            if found not in known:
                known.append(found)

    def add_table(self, bodies: Mapping[Instance, Body]) -> None:
        """Split the token embedding, where the library does not do so by itself.

        An entry that keeps it whole is added where the library would split it although a module
        inside it, such as a norm, uses the look-ups: until the embedding's forward is over they are
        partial sums.
        """
        judge = self.judge
        known = judge.root.attributes.get(library().table)
        body = bodies.get(known.first_alike) if isinstance(known, Instance) else None
        if body and any(step.module for step in body.steps) and self.style_names.whole is not None:
            self._grows(library().table, {"": self.style_names.whole})
        table = next(_tables(judge.machine, judge.root, bodies), None)
        name = table and judge.tree.name_of(table)
        if (
            name
            and library().table not in judge.root.attributes
            and self.style_names.table is not None
        ):
            self._grows(folded(name), {"": self.style_names.table})

    def add_uncalled(self, bodies: Mapping[Instance, Body]) -> None:
        """Shard modules whose forward has not run like others of their class."""
        for name, instance in self.judge.tree.instances.items():
            if instance.first_alike in bodies or any(
                k in self.plan for k in _keys_of(name, instance)
            ):
                continue
            known = self.by_class.get(instance.cls, [])
            if len(known) == 1 and known[0]:
                self._grows(folded(name), known[0])

    def _grows(self, pattern: str, styles: Styles) -> bool:
        """Add `styles` for the modules of the pattern; whether the function is unchanged."""
        before = self.judge.alone.outcome
        grown = self.plan | {_key(pattern, name): style for name, style in styles.items()}
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
    style_names: StyleNames | None = None,
) -> InferredPlan:
    """The plan of the base model `root`, its styles called by `style_names`.

    Raises `Raised` when its forward does.
    """
    search = Search(library().judge(machine, tree, root), style_names or StyleNames())
    bodies = graphs(machine, root, library().flow, None)
    for unit in units(machine, tree, bodies):
        search.add(unit)
    search.add_table(bodies)
    search.add_uncalled(bodies)
    tensor = dict(_in_tree_order(tree, search.plan))
    outcome = search.outcome(tensor)
    pipeline = dict(pipeline_entries(tree, trace)) if trace else {}
    if not search.style_names.names_local:
        tensor = dict(_without_local(tree, tensor, search.style_names))
    return InferredPlan(tensor, pipeline, outcome)


def units(machine: Machine, tree: Tree, bodies: Mapping[Instance, Body]) -> Iterator[PatternUnit]:
    """What can be sharded, in tree order. Groups that contradict each other are left out.

    One pattern may match several kinds of module; groups without a name in common are separate
    units.
    """
    groups = {kind: group_of(machine, body) for kind, body in bodies.items()}
    by_pattern: dict[str, dict[str, ProjectionGroup]] = {}
    for name, instance in tree.instances.items():
        group = groups.get(instance.first_alike)
        known = by_pattern.setdefault(folded(name), {})
        if group is not None:
            known[name] = group
    for pattern, found in by_pattern.items():
        for together in apart(list(dict.fromkeys(found.values()))):
            merged = merge(together)
            if merged is not None:
                names = tuple(name for name, group in found.items() if group in together)
                yield PatternUnit(pattern, merged, names)


def _tables(
    machine: Machine, root: Instance, bodies: Mapping[Instance, Body]
) -> Iterator[Instance]:
    """The embeddings that look up the model's own input."""
    given = set(bodies[root.first_alike].placeholders) if root.first_alike in bodies else set()
    for step in (step for body in bodies.values() for step in body.steps):
        module = step.module if given & set(step.inputs) else None
        if module is not None and machine.is_instance_of(module, EMBEDDING):
            yield module


def _keys_of(name: str, instance: Instance) -> Iterator[str]:
    """The keys by which a plan may name the module and what it owns."""
    pattern = folded(name)
    yield pattern
    for attribute in instance.attributes:
        yield _key(pattern, attribute)


def _key(pattern: str, name: str) -> str:
    return ".".join(filter(None, (pattern, name)))


def _in_tree_order(tree: Tree, plan: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The entries in the order of the modules.

    An engine applies the first that is a prefix of a name.
    """
    done: set[str] = set()
    for name, instance in tree.instances.items():
        pattern = folded(name)
        tensors = (n for n, value in instance.attributes.items() if isinstance(value, TensorValue))
        for key in (*(_key(pattern, each) for each in tensors), pattern):
            if key in plan and key not in done:
                done.add(key)
                yield key, plan[key]


def _without_local(
    tree: Tree, plan: Mapping[str, str], style_names: StyleNames
) -> Iterator[tuple[str, str]]:
    """The plan for an engine that splits by itself the parameters with one value for each head."""
    modules = {folded(name) for name in tree.instances}
    local = {key for key, style in plan.items() if style == style_names.local}
    for key, style in plan.items():
        is_parameter = key not in modules and key.rpartition(".")[0] in local
        if key not in local and not is_parameter:
            yield key, style


def folded(name: str) -> str:
    """A dotted name with each number replaced by `*`."""
    return re.sub(r"(?<=\.)\d+(?=\.|$)", "*", name)
