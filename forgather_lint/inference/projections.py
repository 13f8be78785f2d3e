"""The projections inside one forward, and which of them feed which.

A projection is a call of an `nn.Linear` that the module owns, or a product with a parameter of its
own, as with experts that are kept in one tensor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from forgather_lint.core.record import record
from forgather_lint.execution.dataflow import Body, Step
from forgather_lint.libraries.names import IDENTITY, LINEAR
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import TensorValue, ValueId

ATTENTION = frozenset(
    """transformers.attention_interface torch.nn.functional.scaled_dot_product_attention
    torch.nn.functional.softmax torch.softmax Tensor.softmax""".split()
)
PRODUCTS = frozenset(
    """torch.nn.functional.linear torch.matmul operator.matmul Tensor.matmul torch.bmm Tensor.bmm
    torch.einsum torch.nn.functional.scaled_dot_product_attention""".split()
)


@record
class ProjectionGroup:
    """Projections of one kind of module that can be sharded together, by attribute name.

    The input of each of `rows` is computed from outputs of `columns`; those in `inner` feed other
    columns as well. `parameters` are projections that are tensors and no Linears; `bare` are other
    tensors of the module, such as one value for each head; `identities` are its modules that return
    their input. `attends`: the module computes attention.
    """

    columns: tuple[str, ...]
    rows: tuple[str, ...]
    inner: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()
    identities: frozenset[str] = frozenset()
    attends: bool = False

    @property
    def names(self) -> frozenset[str]:
        """All projections of the group."""
        return frozenset((*self.columns, *self.rows))


def group_of(machine: Machine, body: Body) -> ProjectionGroup | None:
    """The projections of a body, ending in one that feeds no other; None when there are none."""
    flow = _Flow(body, dict(_projections(machine, body)))
    feeding = {name: flow.feeders(name) for name in flow.names}
    fed_by_none = {name for found in feeding.values() for name in found}
    rows = [name for name in flow.names if feeding[name] and name not in fed_by_none]
    if not rows:
        return None
    columns = tuple(dict.fromkeys(name for row in rows for name in feeding[row]))
    inner = frozenset(name for other in columns for name in feeding[other] if name in columns)
    own = frozenset(n for n in (*columns, *rows) if not _is_module(body.owner, n))
    attends = any(step.name in ATTENTION for step in body.steps)
    identities = frozenset(_owned(machine, body, IDENTITY).values())
    return ProjectionGroup(
        columns, tuple(rows), inner, own, frozenset(_bare(body)), identities, attends
    )


def _bare(body: Body) -> Iterator[str]:
    """The names of parameters of one dimension that the owner's forward reads."""
    read = {value for step in body.steps for value in step.inputs}
    for name, value in body.owner.attributes.items():
        if not isinstance(value, TensorValue) or len(value.shape or ()) != 1:
            continue
        if value.is_parameter and ValueId(value) in read:
            yield name


def apart(groups: Sequence[ProjectionGroup]) -> list[list[ProjectionGroup]]:
    """The groups in sets, such that groups of different sets have no projection name in common."""
    sets: list[list[ProjectionGroup]] = []
    for group in groups:
        joined = [each for each in sets if any(group.names & other.names for other in each)]
        sets = [each for each in sets if each not in joined]
        sets.append([*(other for each in joined for other in each), group])
    return sets


def merge(groups: Sequence[ProjectionGroup]) -> ProjectionGroup | None:
    """One group for the modules that one pattern matches.

    None when they disagree, or there are none.
    """
    columns = tuple(dict.fromkeys(name for group in groups for name in group.columns))
    rows = tuple(dict.fromkeys(name for group in groups for name in group.rows))
    if not rows or set(columns) & set(rows):
        return None
    inner = frozenset[str]().union(*(group.inner for group in groups))
    parameters = frozenset[str]().union(*(group.parameters for group in groups))
    bare = frozenset[str]().union(*(group.bare for group in groups))
    identities = frozenset[str]().union(*(group.identities for group in groups))
    attends = any(group.attends for group in groups)
    return ProjectionGroup(columns, rows, inner, parameters, bare, identities, attends)


def _is_module(owner: Instance, name: str) -> bool:
    return isinstance(owner.attributes[name], Instance)


def _projections(machine: Machine, body: Body) -> Iterator[tuple[ValueId, str]]:
    """The output of each projection in the body, with the attribute that holds its weight."""
    owned = body.owner.attributes
    linears = _owned(machine, body, LINEAR)
    weights = {
        ValueId(value): name
        for name, value in owned.items()
        if isinstance(value, TensorValue) and value.is_parameter and len(value.shape or ()) > 2
    }
    made_from: dict[ValueId, str] = dict(weights)
    for step in body.steps:
        if step.module is not None and step.module in linears:
            yield step.output, linears[step.module]
        elif step.module is None:
            names = {made_from[each] for each in step.inputs if each in made_from}
            if names and step.name in PRODUCTS:
                yield step.output, next(iter(names))
            elif names and step.inputs[0] in made_from:
                made_from[step.output] = made_from[step.inputs[0]]


def _owned(machine: Machine, body: Body, cls: str) -> dict[Instance, str]:
    """The modules of a class that the owner of the body has, with their attribute names."""
    return {
        value: name
        for name, value in body.owner.attributes.items()
        if isinstance(value, Instance) and machine.is_instance_of(value, cls)
    }


@record(frozen=False)
class _Flow:
    """Follows values of a body back to where they come from."""

    body: Body
    projections: Mapping[ValueId, str]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.projections.values()))

    def feeders(self, name: str) -> tuple[str, ...]:
        """The projections whose output reaches `name` without passing through another."""
        calls = [step for step in self.body.steps if self.projections.get(step.output) == name]
        found = (self._reached_from(call) for call in calls)
        return tuple(dict.fromkeys(each for names in found for each in names if each != name))

    def _reached_from(self, call: Step) -> Iterator[str]:
        makers = self._makers()
        pending, seen = list(call.inputs), set(call.inputs)
        while pending:
            value = pending.pop()
            if value in self.projections:
                yield self.projections[value]
                continue
            fresh = [each for step in makers.get(value, ()) for each in step.inputs]
            pending += _unseen(fresh, seen)

    def _makers(self) -> dict[ValueId, list[Step]]:
        makers: dict[ValueId, list[Step]] = {}
        for step in self.body.steps:
            makers.setdefault(step.output, []).append(step)
        return makers


def _unseen(values: Iterable[ValueId], seen: set[ValueId]) -> list[ValueId]:
    fresh = [value for value in values if value not in seen]
    seen.update(fresh)
    return fresh
