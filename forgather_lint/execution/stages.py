"""Runs a model as a pipeline: stage after stage, with placeholders for modules of other stages.

Only `hidden_states` cross from one stage to the next. The verdict compares what the last stage
computed with what the undivided model computes.
"""

from __future__ import annotations

from dataclasses import field, replace
from functools import cached_property
from typing import NamedTuple

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.execution.engine import Engine, Heads, given_arguments
from forgather_lint.execution.engine_library import EngineLibrary
from forgather_lint.execution.module_answers import ModuleAnswers
from forgather_lint.execution.outcome import SERVES, Outcome, Verdict, undecided, undecided_error
from forgather_lint.execution.partition import StageParts, get_pp_indices
from forgather_lint.execution.value_numbers import (
    MARK,
    digest,
    first_tensor,
    is_numbered,
    number_of,
    numbered,
    plain_arguments,
)
from forgather_lint.facts.causes.stages import (
    AppliedPerStage,
    FewerLayersThanStages,
    NoHiddenStates,
    StageRaises,
)
from forgather_lint.libraries.names import PLACEHOLDER
from forgather_lint.libraries.neutral import handed_on
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.calls import call_forward
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine, Observer
from forgather_lint.python.interpreter.subscripts import read
from forgather_lint.python.values.contents import keeps_no_writes
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    DictValue,
    Known,
    ListValue,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    next_serial,
)


@record(frozen=False)
class NumberingLibrary(EngineLibrary):
    """Gives the result of every op a number (`value_numbers.py`).

    `stream` holds the numbers of the hidden states as they pass through the stage, `sites` the
    places of ops that changed them outside the planned modules. `within` is the planned module
    that runs, whose ops are told from those of another one that is like it.
    """

    stream: set[str] = field(default_factory=set)
    sites: list[Place] = field(default_factory=list)
    within: str = ""

    def call(self, machine: Machine, name: str, arguments: Arguments, where: Place) -> Value:
        result = EngineLibrary.call(self, machine, name, arguments, where)
        if is_numbered(result):
            return result
        source = handed_on(name, arguments, result)
        if source is not None:
            return numbered(result, number_of(source).removeprefix(MARK))
        made = numbered(result, digest(f"{self.within}{name}", arguments))
        read = any(number_of(value) in self.stream for value in arguments.all())
        if read and is_numbered(made):
            self.stream.add(number_of(made))
            self.sites.append(where)
        return made


class Made(NamedTuple):
    """What a stage passes on.

    `sites` are where it changed the hidden states outside the planned modules. `shared`: it gave a
    planned module something by which modules may leave each other more than they return.
    """

    output: TensorValue
    sites: list[Place]
    shared: bool


@record(frozen=False)
class Stage(Observer):
    """Observes one stage: planned modules are opaque functions, missing ones return their argument.

    With `follows` they are not opaque: each op in them has a number, and nothing is remembered.

    `planned` are the answers of planned modules in the undivided model. The stage uses them as long
    as nothing was written that a module could read; the run of the undivided model itself (`gives`)
    produces them. `shared`: a planned module is given what others are given too, and may write to.
    """

    machine: Machine
    library: NumberingLibrary
    opaque: dict[Instance, str]
    missing: frozenset[Instance]
    answers: ModuleAnswers
    planned: ModuleAnswers
    gives: bool = False
    born: int = 0
    follows: bool = False
    shared: bool = False
    path: list[Instance] = field(default_factory=list)

    def answer(self, instance: Instance, arguments: Arguments, where: Place) -> Value | None:
        if instance in self.missing:
            return arguments.all()[0] if arguments.all() else NONE
        name = self.opaque.get(instance)
        if name is None or instance in self.path:
            return None if self.follows else self.answers.result(instance, arguments)
        if self.follows:
            return self._follow(name, instance, arguments, where)
        self.shared |= not all(keeps_no_writes(each, self.born) for each in arguments.all())
        # Before it runs: a module may write to a list or a dict that it is given.
        number = digest(name, arguments)
        made = numbered(self._run(instance, arguments, where), number)
        self.library.stream.add(number_of(first_tensor(made)))
        return made

    def _follow(self, name: str, instance: Instance, arguments: Arguments, where: Place) -> Value:
        """The module's own forward, on values with their numbers."""
        around, self.library.within = self.library.within, f"{name}: "
        try:
            return call_forward(self.machine, instance, arguments, where)
        finally:
            self.library.within = around

    def _run(self, instance: Instance, arguments: Arguments, where: Place) -> Value:
        """The module's own forward, on values without numbers."""
        plain = plain_arguments(arguments)
        known = self.answers.result(instance, plain)
        if known is None and not self.gives and self.machine.trail.outside_writes == 0:
            known = self.planned.result(instance, plain)
        if known is not None:
            return known
        if not self.gives:
            return call_forward(self.machine, instance, plain, where)
        self.planned.entered(instance, plain)
        try:
            made = call_forward(self.machine, instance, plain, where)
        except BaseException:
            self.planned.abandoned()
            raise
        if all(map(self._outlasts, (made, *plain.all()))):
            self.planned.left(made)
        else:
            self.planned.abandoned()
        return made

    def _outlasts(self, value: Value) -> bool:
        """Whether `value` stays the same when the run is undone, which empties what it has made."""
        match value:
            case TensorValue() | Known():
                return True
            case TupleValue(items):
                return all(map(self._outlasts, items))
            case DictValue() | ListValue():
                return value.serial < self.born
        return False

    def entered(self, instance: Instance, arguments: Arguments, where: Place) -> None:
        self.path.append(instance)
        self.answers.entered(instance, arguments)

    def left(self, instance: Instance, result: Value) -> Value:
        self.path.pop()
        self.answers.left(result)
        return result

    def abandoned(self, instance: Instance, error: Raised) -> None:
        self.path.pop()
        self.answers.abandoned()

    def read(self, instance: Instance, name: str, where: Place) -> None:
        if instance in self.missing and name not in ("forward", "__class__"):
            text = f"'{PLACEHOLDER.rpartition('.')[2]}' object has no attribute '{name}'"
            raise Raised("AttributeError", text, where)


@record(frozen=False, eq=False, slots=False)
class Pipeline:
    """A model, its parts, and how the engine cuts it.

    Runs that stages have in common are made once.
    """

    machine: Machine
    root: Instance
    parts: StageParts
    engine: Engine
    heads: Heads | None
    layers: int
    tied: bool = False

    @cached_property
    def arguments(self) -> Arguments:
        """The arguments of the first stage."""
        return given_arguments(self.engine)

    @cached_property
    def whole(self) -> tuple[Made | Outcome, ModuleAnswers]:
        """What the undivided model computes, and the answers of its planned modules.

        There are no answers where the run wrote to anything that existed before it, or made an
        assumption: what a module returns then depends on what ran before it.
        """
        planned = ModuleAnswers(self.machine)
        made, pure = _run(self, frozenset(), None, planned, gives=True)
        return made, planned if pure else ModuleAnswers(self.machine)

    @cached_property
    def followed(self) -> Made | Outcome:
        """What the undivided model computes, with every op in its planned modules."""
        nothing = ModuleAnswers(self.machine)
        return _run(self, frozenset(), None, nothing, follows=True)[0]

    def opaque(self) -> dict[Instance, str]:
        """The planned modules, with their keys."""
        named = {module: key for key, module in (*self.parts.before, *self.parts.after)}
        named.update({layer: f"layer{i}" for i, layer in enumerate(self.parts.layers)})
        return named

    def missing(self, stage: int, stages: int) -> frozenset[Instance]:
        """The planned modules that a stage does not hold.

        A tied embedding is on the last stage too.
        """
        start, end = get_pp_indices(self.layers, stage, stages)
        last = stage == stages - 1
        absent = [layer for i, layer in enumerate(self.parts.layers) if not start <= i < end]
        if stage > 0 and not (last and self.tied):
            absent += [module for _, module in self.parts.before]
        if not last:
            absent += [module for _, module in self.parts.after]
        return frozenset(absent)


def run_pipeline(pipeline: Pipeline, stages: int) -> Outcome:
    """The outcome of serving on `stages` stages."""
    if stages > pipeline.layers:
        cause = FewerLayersThanStages(pipeline.layers, stages)
        return Outcome(Verdict.FAILS, cause, cause.told, pipeline.root.where)
    whole, planned = pipeline.whole
    if isinstance(whole, Outcome) and whole.verdict is Verdict.FAILS:
        return undecided(whole.reason, whole.where)
    staged = _staged(pipeline, stages, planned)
    if isinstance(staged, Outcome):
        if isinstance(whole, Outcome) and staged.verdict is not Verdict.FAILS:
            return whole
        return staged
    if isinstance(whole, Outcome):
        return whole  # no stage surely fails, and there is nothing to compare them with
    sites = [made.sites for made in staged]
    if not any(made.shared for made in (whole, *staged)):
        return _compared(pipeline, whole, staged[-1], sites)
    # By its arguments alone a module does not tell what another one has left for it.
    followed = pipeline.followed
    again = _staged(pipeline, stages, ModuleAnswers(pipeline.machine), follows=True)
    for each in (followed, again):
        if isinstance(each, Outcome):
            return undecided(each.reason, each.where)
    assert isinstance(followed, Made) and isinstance(again, list)
    return _compared(pipeline, followed, again[-1], sites)


def _staged(
    pipeline: Pipeline, stages: int, planned: ModuleAnswers, *, follows: bool = False
) -> list[Made] | Outcome:
    """What each stage passes on, in turn; the outcome where one fails or passes on what cannot."""
    done: list[Made] = []
    for stage in range(stages):
        handed = done[-1].output if done else None
        missing = pipeline.missing(stage, stages)
        made, _ = _run(pipeline, missing, handed, planned, follows=follows)
        if isinstance(made, Outcome):
            return made
        done.append(made)
        refused = _cannot_cross(made.output, last=stage == stages - 1)
        if refused is not None:
            return refused
    return done


def _run(
    pipeline: Pipeline,
    missing: frozenset[Instance],
    handed: TensorValue | None,
    planned: ModuleAnswers,
    *,
    gives: bool = False,
    follows: bool = False,
) -> tuple[Made | Outcome, bool]:
    """What a stage without the `missing` modules passes on, and whether it changed nothing else."""
    machine = pipeline.machine
    library = NumberingLibrary(pipeline.engine, 1, pipeline.heads)
    if handed is not None:
        library.stream.add(number_of(handed))
    given, born = _given(pipeline, handed), next_serial()
    stage = Stage(
        machine=machine,
        library=library,
        opaque=pipeline.opaque(),
        missing=missing,
        answers=ModuleAnswers(machine),
        planned=planned,
        gives=gives,
        born=born,
        follows=follows,
    )
    pure = False
    try:
        with machine.undone_run(library, stage):
            trail, assumed = machine.trail, len(machine.run.assumptions)
            with trail.guarding(born):
                result = machine.call(pipeline.root, given, pipeline.root.where)
            pure = trail.outside_writes == 0 and len(machine.run.assumptions) == assumed
            first = read(machine, result, Known(0), pipeline.root.where)
    except Raised as error:
        if error.doubt is not None:
            return undecided_error(error), False
        return Outcome(Verdict.FAILS, StageRaises(), error.shown, error.where), False
    except BudgetExceeded as error:
        return undecided(error.reason, pipeline.root.where), False
    if isinstance(first, TensorValue):
        return Made(first, library.sites, stage.shared), pure
    reason = first.reason if isinstance(first, Unknown) else "unmodelled-output"
    where = first.where if isinstance(first, Unknown) else None
    return undecided(reason, where or pipeline.root.where), False


def _given(pipeline: Pipeline, handed: TensorValue | None) -> Arguments:
    arguments = replace(pipeline.arguments, keywords=dict(pipeline.arguments.keywords))
    if handed is not None:
        arguments.keywords["input_ids"] = NONE
        arguments.keywords["inputs_embeds"] = handed
    return arguments


def _cannot_cross(handed: TensorValue, last: bool) -> Outcome | None:
    """The verdict on a value that cannot be passed on: only one tensor [1, S, hidden size] can."""
    if last or handed.shape is None or len(handed.shape) == 3:
        return None
    cause = NoHiddenStates(len(handed.shape))
    return Outcome(Verdict.FAILS, cause, cause.told, handed.origin)


def _compared(pipeline: Pipeline, whole: Made, staged: Made, sites: list[list[Place]]) -> Outcome:
    if number_of(whole.output) == number_of(staged.output):
        return SERVES
    where = _repeated(sites) or pipeline.root.where
    cause = AppliedPerStage(beside=not any(sites))
    return Outcome(Verdict.WRONG, cause, cause.told, where)


def _repeated(sites: list[list[Place]]) -> Place | None:
    """The first op on the hidden states that more than one stage applies."""
    seen: set[str] = set()
    for of_stage in sites:
        here = {str(place.span): place for place in of_stage}
        both = [place for text, place in here.items() if text in seen]
        if both:
            return both[0]
        seen.update(here)
    return next((place for of_stage in sites for place in of_stage), None)
