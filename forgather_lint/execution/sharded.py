"""One abstract forward on one of several ranks, with the engine's layers substituted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import NamedTuple

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.attention_runs import AttentionRuns, Repeated
from forgather_lint.execution.engine import Engine, Heads, given_arguments
from forgather_lint.execution.engine_library import EngineLibrary, leave_out_expansions
from forgather_lint.execution.error_causes import cause_of
from forgather_lint.execution.inputs import engine_arguments
from forgather_lint.execution.kept_state import KeptByForward
from forgather_lint.execution.layers import (
    Role,
    all_reduce,
    of_masked_sum,
    run_linear,
    share,
    split_parameter,
)
from forgather_lint.execution.module_answers import ModuleAnswers
from forgather_lint.execution.norms import NO_NORMS, Norms
from forgather_lint.execution.outcome import (
    SERVES,
    Outcome,
    Verdict,
    of_result,
    undecided,
    undecided_error,
)
from forgather_lint.execution.replaced import (
    Replacing,
    has_own_forward,
    is_of_every_module,
    require_one_input,
)
from forgather_lint.facts.causes.attention import AttentionRunsTwice
from forgather_lint.facts.causes.code import BareTensorReturned
from forgather_lint.facts.causes.placement import PartMisused
from forgather_lint.facts.causes.running import ForwardRaises
from forgather_lint.facts.release import Effect
from forgather_lint.libraries.aliases import Aliases
from forgather_lint.libraries.devices import without_values
from forgather_lint.libraries.element_types import leave_to_types, refusal
from forgather_lint.libraries.names import LINEAR
from forgather_lint.libraries.torch.linear import PRODUCT
from forgather_lint.model.tree import Tree, class_name
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine, Observer
from forgather_lint.python.interpreter.subscripts import read
from forgather_lint.python.values import dims
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.placement import Shard, Undecided, Wrong
from forgather_lint.python.values.told import Told
from forgather_lint.python.values.value import Arguments, Known, TensorValue, Unknown, Value

Assignments = Mapping[Instance, Assignment]


class RankRun(NamedTuple):
    """One forward on one rank: its outcome, and those of undecided branches that raise.

    `unproved` is the verdict to use instead of *serves*, where that rests on something unknown.
    `retyped` are modules that returned another dtype than they were given.
    """

    outcome: Outcome
    branches: list[Outcome]
    unproved: Outcome | None = None
    retyped: frozenset[Instance] = frozenset()

    @property
    def proved(self) -> Outcome:
        """The outcome as far as it is proved."""
        return self.unproved if self.unproved and self.outcome is SERVES else self.outcome


@record(frozen=False)
class RunningModules:
    """The modules that run, outermost first, and the one in which the last error was raised."""

    tree: Tree
    path: list[Instance] = field(default_factory=list)
    failed: tuple[Raised, Instance] | None = None

    def raised_in(self, instance: Instance, error: Raised) -> None:
        """`error` leaves the forward of `instance`.

        Only the first (innermost) module is recorded.
        """
        if self.failed is None or self.failed[0] is not error:
            self.failed = error, instance

    def abandoned(self, error: Raised) -> None:
        """The innermost running module ends with `error`."""
        self.raised_in(self.path.pop(), error)

    def name_of(self, error: Raised) -> str:
        """The dotted name of the module that raised `error`, or of the one that runs now."""
        if self.failed is not None and self.failed[0] is error:
            return self.tree.name_of(self.failed[1]) or ""
        return (self.tree.name_of(self.path[-1]) or "") if self.path else ""


@record(frozen=False)
class LayersOfRank:
    """What one of `ranks` ranks runs instead of the model's modules: parallel layers and norms."""

    machine: Machine
    engine: Engine
    ranks: int
    assignments: Assignments
    norms: Norms
    running: RunningModules
    forward_dropped: bool = False
    """Whether a layer was run whose own forward the engine leaves out."""
    given: list[str | None] = field(default_factory=list)
    """The dtypes of what the running modules were given, outermost first."""
    retyped: set[Instance] = field(default_factory=set)
    """Modules that returned another dtype than they were given, each by the first alike."""

    def result(self, instance: Instance, arguments: Arguments, where: Place) -> Value | None:
        """The result of the layer that replaces `instance`; None where the module itself runs."""
        assignment = self.assignments.get(instance)
        if assignment is not None and self._replaces_linear(instance):
            return self._linear(instance, assignment, arguments, where)
        if self.ranks == 1:
            return None
        if assignment is not None and assignment.role is Role.DIVIDED:
            return share(arguments, where)
        return self._norm(instance, arguments, where)

    def entered(self, instance: Instance, arguments: Arguments, where: Place) -> None:
        """`instance` runs on these arguments."""
        given = arguments.all()[:1]
        dtype = given[0].dtype if given and isinstance(given[0], TensorValue) else None
        self.given.append(dtype)
        own = self.machine.environment.dtype
        if dtype not in (None, own) and self.norms.has(instance):
            leave_to_types(self.machine, f"the norm is given {dtype}", where)

    def left(self, instance: Instance, result: Value) -> Value:
        """`result` of `instance`: the engine's norms return the type that they are given."""
        dtype = self.given.pop()
        if dtype is None or not isinstance(result, TensorValue) or result.dtype in (None, dtype):
            return result
        self.retyped.add(instance.first_alike)
        return replace(result, dtype=dtype) if self.norms.has(instance) else result

    def joined(self, instance: Instance, result: Value) -> Value:
        """`result` of `instance`, after what the ranks do behind it (such as adding it up)."""
        if self._role(instance) is Role.SUMMED:
            result = all_reduce(result, instance.where)
        path = self.running.path
        if path and self._role(path[-1]) is Role.TABLE:
            result = of_masked_sum(result, instance.where)
        return result

    def _role(self, instance: Instance) -> Role | None:
        assignment = self.assignments.get(instance) if self.ranks > 1 else None
        return assignment.role if assignment else None

    def _replaces_linear(self, instance: Instance) -> bool:
        """Whether the replacement of this Linear computes something else than the Linear."""
        if not self.machine.is_instance_of(instance, LINEAR):
            return False
        if self.engine.replaced.linear is None or not has_own_forward(self.machine, instance):
            return self.ranks > 1
        self.forward_dropped = True
        return True

    def _linear(
        self, instance: Instance, assignment: Assignment, arguments: Arguments, where: Place
    ) -> Value:
        given = arguments.all()
        if not given:
            return Unknown("call-without-input", where)
        role = assignment.role if self.ranks > 1 else Role.REPLICATED
        try:
            if self.forward_dropped:
                require_one_input(arguments, assignment.role, where)
            return run_linear(self.machine, instance, role, self.ranks, given[0], where)
        except Raised as error:
            self.running.failed = error, instance
            raise

    def _norm(self, instance: Instance, arguments: Arguments, where: Place) -> Value | None:
        """The result of the engine's RMS norm: some gather a sharded input, some raise on it."""
        given = arguments.all()[:1]
        wanted = self.norms.width(instance)
        if wanted is None or not given or not isinstance(given[0], TensorValue):
            return None
        width = given[0].shape[-1] if given[0].shape else None
        here = None if width is None else dims.local(width)
        if width is None or not isinstance(here, int) or here == wanted:
            return None
        refused = self.engine.norms.of_other_width
        if refused.effect is Effect.ERROR:
            raise Raised(refused.raises, refused.say(full=wanted, width=here), where)
        if here > wanted:
            return None
        if here * self.ranks != wanted:
            fact = self.engine.norms.of_uneven_shard
            text = fact.say(full=wanted, width=here, size=self.ranks)
            raise Raised(fact.raises, text, where)
        return _gathered(given[0], where)


@record(frozen=False)
class Rank(Observer):
    """Observes a forward on one rank, and substitutes the layers of that rank."""

    layers: LayersOfRank
    running: RunningModules
    answers: ModuleAnswers
    attention: AttentionRuns
    kept: KeptByForward
    aliases: Aliases
    replacing: Replacing | None = None
    given_up: list[Outcome] = field(default_factory=list)
    by_condition: TensorValue | None = None
    """The first tensor whose placement depends on an undecided condition."""

    def answer(self, instance: Instance, arguments: Arguments, where: Place) -> Value | None:
        arguments = self.aliases.current(arguments)
        result = self.layers.result(instance, arguments, where)
        if result is not None:
            return result
        known = self.answers.result(instance, arguments)
        if known is not None:
            self.attention.answered(instance, known, where)
        return known

    def entered(self, instance: Instance, arguments: Arguments, where: Place) -> None:
        self.running.path.append(instance)
        self.layers.entered(instance, arguments, where)
        self.answers.entered(instance, self.aliases.current(arguments))
        self.attention.entered(where)

    def left(self, instance: Instance, result: Value) -> Value:
        self.running.path.pop()
        result = self.layers.joined(instance, self.layers.left(instance, result))
        self.answers.left(result)
        self.attention.left(instance, result)
        return result

    def abandoned(self, instance: Instance, error: Raised) -> None:
        self.running.abandoned(error)
        self.layers.given.pop()
        self.answers.abandoned()
        self.attention.abandoned()

    def undecided(self, where: Place) -> None:
        self.attention.undecided()

    def decided(self) -> None:
        self.attention.decided()

    def read(self, instance: Instance, name: str, where: Place) -> None:
        """Raises where the model reads an attribute that the engine's layer does not have."""
        self.kept.read(instance, name, where)
        if name == "__class__":
            self.asked_kind(instance, where)
        if self.replacing is None or instance in self.running.path or is_of_every_module(name):
            return
        assignment = self.layers.assignments.get(instance)
        role = assignment.role if assignment is not None else Role.REPLICATED
        error = self.replacing.lacks(instance, name, role, where)
        if error is not None:
            raise error
        if self.replacing.has_other_rows(instance, name, self.layers.ranks):
            self.layers.machine.leave_unproved(Unknown("rows-of-the-embedding", where))

    def asked_kind(self, value: Value, where: Place) -> None:
        """A layer that holds parameters may be one of the engine's, and says so if it is asked."""
        is_layer = isinstance(value, Instance) and value not in self.running.path
        if is_layer and isinstance(value, Instance):
            is_layer = any(map(_is_parameter, value.attributes.values()))
        if is_layer or _is_parameter(value):
            machine = self.layers.machine
            machine.leave_unproved(Unknown("asks-who-runs-it", where, "the class of a layer"))

    def gave_up(self, error: Raised) -> None:
        self.given_up.append(_failure(error, self))

    def merged(self, result: object, options: Sequence[object]) -> None:
        if self.by_condition is None and isinstance(result, TensorValue):
            self.by_condition = result


def _is_parameter(value: Value) -> bool:
    return isinstance(value, TensorValue) and value.is_parameter


def run(
    machine: Machine,
    tree: Tree,
    root: Instance,
    assignments: Assignments,
    engine: Engine,
    ranks: int,
    heads: Heads | None,
    environment: Environment | None = None,
    norms: Norms = NO_NORMS,
) -> RankRun:
    """One forward on one of `ranks` ranks: its outcome, and those of branches that raise."""
    roles = {
        key: (each.role, each.parameters, each.copies, each.parts)
        for key, each in assignments.items()
    }
    replacing = Replacing(machine, root, engine.replaced) if engine.replaced.linear else None
    attention, running = AttentionRuns(), RunningModules(tree)
    layers = LayersOfRank(machine, engine, ranks, assignments, norms, running)
    kept, aliases = KeptByForward(machine), Aliases()
    rank = Rank(layers, running, ModuleAnswers(machine, roles), attention, kept, aliases, replacing)
    library = EngineLibrary(engine, ranks, heads, attention, state=kept, aliases=aliases)
    with machine.undone_run(library, rank, environment):
        try:
            leave_out_expansions(machine, tree, heads)
            _leave_without_values(machine, tree)
            _split(machine, tree, assignments, ranks, engine.plan.uneven_parts)
            with kept.watching():
                result = machine.call(root, _told(machine, engine, root), root.where)
            outcome = _outcome(rank, result, root)
            retyped = frozenset(layers.retyped)
            found = RankRun(outcome, rank.given_up, _unproved(rank, root), retyped)
            asked = machine.asked()
        except Raised as error:
            failed = _failure(machine.doubted(error), rank)
            return RankRun(failed, rank.given_up, None, frozenset(layers.retyped))
        except BudgetExceeded as error:
            return RankRun(undecided(error.reason, root.where), rank.given_up)
    if found.outcome is not SERVES or found.unproved is not None:
        return found
    return found._replace(unproved=_asks_who_runs(machine, tree, root, engine, heads, asked))


def _told(machine: Machine, engine: Engine, root: Instance) -> Arguments:
    """What the release calls the model with, of which transformers would not say all."""
    given = given_arguments(engine)
    told = machine.tell(False, None, "`return_dict`", root.where)
    given.keywords["return_dict"] = told
    return given


def _asks_who_runs(
    machine: Machine,
    tree: Tree,
    root: Instance,
    engine: Engine,
    heads: Heads | None,
    asked: tuple[Told, bool] | None,
) -> Outcome | None:
    """Why a forward that serves is not proved: it asks who runs it, and computes by the answer."""
    # Few models pay for these.
    from forgather_lint.execution.other_host import computes_alike, keywords_are_asked

    if asked is None and not keywords_are_asked(machine, tree):
        return None
    first, here = asked or (None, True)
    if here and computes_alike(machine, root, engine, heads):
        return None
    what, where = (first.what, first.where) if first else ("its keywords", root.where)
    return undecided(f"asks who runs it: {what}", where)


def runs_alone(machine: Machine, root: Instance) -> bool:
    """Whether the forward surely gets to its end with transformers' own attention.

    If so, an error behind the engine's attention is the engine's doing. Source of the attention
    that is replaced: transformers/integrations/sdpa_attention.py, which returns `[batch, tokens,
    heads, head size]`.
    """
    try:
        with machine.undone_run():
            result = machine.call(root, engine_arguments(), root.where)
    except (Raised, BudgetExceeded):
        return False
    return not isinstance(result, Unknown)


def _leave_without_values(machine: Machine, tree: Tree) -> None:
    """Make what is computed from buffers that stayed on `meta` undecided: they have no values."""
    for instance in tree.instances.values():
        for name, value in list(instance.attributes.items()):
            if isinstance(value, TensorValue) and without_values(value):
                empty = Undecided("buffer-without-values", value.origin or instance.where)
                machine.trail.stand_in(instance, name, replace(value, placement=empty))


def _split(
    machine: Machine, tree: Tree, assignments: Assignments, ranks: int, unevenly: bool
) -> None:
    """Give the rank its part of the weights. Raises what the engine raises."""
    if ranks == 1:
        return
    for instance in tree.instances.values():
        assignment = assignments.get(instance)
        if assignment is None:
            continue
        since = assignment.where or instance.where
        for name, value in list(instance.attributes.items()):
            part = None
            if isinstance(value, TensorValue) and value.is_parameter:
                part = split_parameter(
                    name,
                    value,
                    assignment.role_of(name),
                    ranks,
                    since,
                    unevenly=unevenly,
                    copies=assignment.copies,
                    parts=assignment.parts,
                )
            if part is not None:
                machine.trail.stand_in(instance, name, part)


def _outcome(rank: Rank, result: Value, root: Instance) -> Outcome:
    """The verdict on `outputs[0]`."""
    machine, repeated = rank.layers.machine, rank.attention.first
    if isinstance(result, TensorValue) and result.shape is not None and len(result.shape) == 3:
        reason = "forward returns a tensor of 3 dimensions, of which the engine takes the first row"
        return Outcome(Verdict.FAILS, BareTensorReturned(), reason, result.origin or root.where)
    first = result if isinstance(result, Unknown) else _first(machine, result, root)
    first = rank.aliases.now(first)
    if isinstance(first, TensorValue):
        found = of_result(first.placement, first.origin)
        if found is SERVES:
            found = _given_to_head(machine, first, first.origin or root.where)
        if repeated and found is SERVES:
            return _twice(rank, repeated, root)
        return found
    reason = first.reason if isinstance(first, Unknown) else "unmodelled-output"
    where = first.where if isinstance(first, Unknown) else None
    return undecided(reason, where or root.where)


def _given_to_head(machine: Machine, states: TensorValue, where: Place) -> Outcome:
    """The verdict on hidden states of this type: the output head is a product with its weight."""
    refused = refusal(machine, states.dtype, machine.environment.dtype, PRODUCT, where)
    if refused is None:
        return SERVES
    error = Raised("RuntimeError", refused.text, where)
    return Outcome(Verdict.FAILS, refused.cause or ForwardRaises(), error.shown, where)


def _unproved(rank: Rank, root: Instance) -> Outcome | None:
    """The verdict where a forward ran to its end but rests on something unknown; else None."""
    if rank.kept.found:
        return undecided("state-kept-between-calls", rank.kept.found[0] or root.where)
    if rank.by_condition is not None:
        return undecided("value-by-condition", rank.by_condition.origin or root.where)
    taken = rank.layers.machine.unproved()
    if taken is None:
        return None
    reason = f"{taken.reason.replace('-', ' ')}: {taken.detail}" if taken.detail else taken.reason
    return undecided(reason, taken.where or root.where)


def _twice(rank: Rank, repeated: Repeated, root: Instance) -> Outcome:
    name = rank.running.tree.name_of(repeated.module) or ""
    reason = f"`{name}` runs twice in one forward, on one KV cache"
    cause = AttentionRunsTwice(class_name(root), name)
    return Outcome(Verdict.WRONG, cause, reason, repeated.where, module=name)


def _gathered(tensor: TensorValue, where: Place) -> TensorValue:
    """The result of a norm that gathers its sharded input and splits the output again."""
    assert tensor.shape is not None
    if tensor.placement == Shard(len(tensor.shape) - 1) or isinstance(tensor.placement, Wrong):
        return tensor
    reason = "a norm joins what is no part of one value"
    return replace(tensor, placement=Wrong(PartMisused(reason), where))


def _first(machine: Machine, result: Value, root: Instance) -> Value:
    return read(machine, result, Known(0), root.where)


def _failure(error: Raised, rank: Rank) -> Outcome:
    library = rank.layers.machine.library
    assert isinstance(library, EngineLibrary)
    if error.doubt is not None:
        return undecided_error(error)
    cause, module = (
        cause_of(error, library, dropped=rank.layers.forward_dropped),
        rank.running.name_of(error),
    )
    return Outcome(Verdict.FAILS, cause, error.shown, error.where, error.since, module, error.cause)
