"""What an engine is: the one interface between it and everything else.

An engine is a folder here with an `engine.py` (`registry.py` finds it) and its facts in
`data/<name>`. What it does is asked of a `Target`, one release of it beside one of transformers:

    which releases there are, and what differs   `data/releases/<name>.toml`, `data/<name>/*.toml`
    how plans are merged and read                `Target.prepare`, `Subject`
    what is replaced, how it attends             `Target.flow`, `Judge.assignments`
    how stages are cut                           `Judge.outcome` at more than one stage
    what is asked of config, code and weights    `Target.checked`
    what it says when it refuses                 texts in its data (`facts.release.Reaction`)
    what an answer is worth                      `Release.evidence`

The library that models are built with has the same interface (`ModelLibrary`): it has releases and
reads plans, but serves nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from forgather_lint.core.record import record
from forgather_lint.core.settings import Device as Device
from forgather_lint.core.settings import ModelImpl, Settings
from forgather_lint.core.source import Place
from forgather_lint.core.version import Version
from forgather_lint.documents.commands.found import Launch, ServingCommand
from forgather_lint.documents.discover import Candidate
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.transformers.profile import TransformersProfile
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.engine import Engine
from forgather_lint.execution.memory import RankBytes
from forgather_lint.execution.outcome import Outcome
from forgather_lint.facts import NotBuilt, Plan, PlanEntry
from forgather_lint.facts.release import Release
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.build import ModelBuilder
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance

if TYPE_CHECKING:
    from forgather_lint.execution.sharded import RankRun


class ReleasedProject(ABC):
    """A project with releases that `--target` may name.

    `name` is what `--target` and pip call it and the folder of its facts, `title` its usual
    spelling, `packages` are the distributions that it is installed as.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    profile: type
    """The record of its facts, with one property for each file in `data/<name>`."""


Gather = Callable[[Candidate, Settings], tuple[list[object], tuple[str, ...]]]
"""Judges a model under settings: all facts about it, and the files they were read from."""


class CommandReading(Protocol):
    """A command that starts the engine's server, as one release reads it."""

    @property
    def model(self) -> Path | None:
        """The folder of the command's model; None where it is not on this machine."""

    @property
    def named(self) -> str:
        """The model as the command names it, else the line of the command."""

    @property
    def files(self) -> tuple[str, ...]:
        """The files beside that of the command which hold options of it."""

    def asked(self, settings: Settings) -> Settings | None:
        """`settings` with the options of the command; None when its sizes are not known."""

    def facts(self, settings: Settings, gather: Gather | None) -> Iterator[object]:
        """The facts about the command.

        `gather` judges a model under settings; without it, it is only said why the model is not
        judged.
        """


class ServingEngine(ReleasedProject):
    """A project that serves models. `evidence`: what its verdicts rest on, if it was never run.

    `launch` says how its server is started, None where its commands are not read.
    """

    evidence: str = ""
    launch: Launch | None = None

    def command(self, found: ServingCommand, target: Target, below: Path) -> CommandReading:
        """A command of `launch` as `target` reads it.

        Its model is looked for no higher than `below`.
        """
        raise NotImplementedError

    @abstractmethod
    def target(self, version: Version, transformers: TransformersProfile) -> Target:
        """One of its releases beside one of transformers, whether or not they go together."""

    def release(self, version: Version) -> Release:
        """One of its releases, as findings and verdicts name it."""
        return Release(self.name, self.title, str(version), self.evidence)


@record
class Capacity:
    """The use of memory on the fullest rank.

    `room` are the bytes left for the KV cache, at most, since activations are not counted. A token
    takes `token_bytes` of it; `tokens` fit, or `requests` of `max_model_len`. `error` is what the
    engine says where not a single request fits, `unknown` why something is not known. `refused`:
    the engine ends before, as it does not divide such a cache so.
    """

    weights: int | None = None
    room: int | None = None
    token_bytes: int | None = None
    tokens: int | None = None
    requests: float | None = None
    max_model_len: int | None = None
    error: str = ""
    unknown: str = ""
    where: Place | None = None
    refused: Outcome | None = None


@record
class BuiltTensor:
    """A tensor that an engine builds, with the stored tensor for it, if there is one."""

    name: str
    shape: tuple[int | None, ...] | None
    stored_name: str = ""
    dtype: str = ""
    stored_shape: tuple[int, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether the stored tensor has the right size."""
        return self.stored_shape == self.shape


@record
class StoredBeside:
    """A checkpoint compared with what an engine builds.

    `strangers` are stored tensors that it does not build: name, dtype and shape. `on_ranks` are the
    bytes of one rank by number of ranks, in the stored dtypes. `note` says what is not known.
    """

    built: tuple[BuiltTensor, ...] = ()
    strangers: tuple[tuple[str, str, tuple[int, ...]], ...] = ()
    stored_bytes: int = 0
    on_ranks: Mapping[int, int] = field(default_factory=dict)
    note: str = ""


class PlanJudge(Protocol):
    """Decides on plans as a library applies them by itself, without an engine."""

    machine: Machine
    tree: Tree
    root: Instance

    @property
    def alone(self) -> RankRun:
        """The outcome on a single rank, with those of branches that raise there."""

    def outcome(self, assigned: Mapping[Instance, Assignment], ranks: int) -> Outcome:
        """The outcome on `ranks` ranks with these assignments."""

    def written(self, plan: Mapping[str, str]) -> Mapping[Instance, Assignment]:
        """The assignments by the styles of `plan`. Raises `BudgetExceeded` for an unknown style."""

    def loaded(self, plan: Mapping[str, str]) -> Mapping[Instance, Assignment]:
        """The assignments by `plan`, with those that loading adds."""


class ModelLibrary(ReleasedProject):
    """The project that models are built with: it reads plans, and serves nothing.

    `flow` is what it does with a model on several ranks, `table` the name of the token embedding
    that it splits without being told.
    """

    @property
    @abstractmethod
    def flow(self) -> Engine: ...

    @property
    @abstractmethod
    def table(self) -> str: ...

    @abstractmethod
    def judge(self, machine: Machine, tree: Tree, root: Instance) -> PlanJudge:
        """The judge of plans for the model `root`."""

    @abstractmethod
    def environment(self, transformers: TransformersProfile) -> Environment:
        """The environment that a model finds with a release of the library alone."""


class Target(Protocol):
    """A release of an engine beside a release of transformers; hashable and picklable."""

    @property
    def release(self) -> Release:
        """The release of the engine, as findings name it."""

    @property
    def version(self) -> Version:
        """The number of that release."""

    @property
    def transformers(self) -> TransformersProfile:
        """The transformers release beside it."""

    @property
    def flow(self) -> Engine:
        """What the release replaces, how it attends, how it calls the model, how it cuts stages."""

    def served_elsewhere(self, model: ModelInput, impl: ModelImpl) -> AnyPreparedModel | None:
        """The result where the code of the folder is not loaded; None where it is."""

    def own_model(self, config: Mapping[str, object], impl: ModelImpl) -> str:
        """The engine's own model that serves such a config and reads no plan.

        Empty: there is none.
        """

    def prepare(
        self,
        model: ModelInput,
        dtype: str,
        *,
        as_written: bool = False,
        environment: Environment | None = None,
    ) -> AnyPreparedModel:
        """The base model as the target builds it, with its merged plans.

        `as_written`: experts are those of the model, not the engine's. `environment` replaces that
        of the target.
        """

    def checked(
        self, model: ModelInput, dtype: str, impl: ModelImpl, max_model_len: int | None
    ) -> AnyPreparedModel:
        """The prepared model, with the problems that config, code and weights have at any size."""

    def stored_beside(self, model: ModelInput, dtype: str) -> StoredBeside:
        """The checkpoint of `model`, compared with what the target builds."""


class Subject(Protocol):
    """A base model as one target sees it, with its merged plans."""

    @property
    def machine(self) -> Machine: ...
    @property
    def tree(self) -> Tree: ...
    @property
    def root(self) -> Instance: ...
    @property
    def where(self) -> Place: ...
    @property
    def tensor_plan(self) -> Sequence[PlanEntry]: ...
    @property
    def pipeline_plan(self) -> Plan: ...
    @property
    def pipeline_keys(self) -> Sequence[str]: ...
    @property
    def styles(self) -> Mapping[str, str]:
        """The merged tensor-parallel plan: patterns to styles."""


class Judge(Protocol):
    """Decides on one model for one target; what several sizes need is computed once."""

    @property
    def subject(self) -> Subject: ...

    @property
    def has_stages(self) -> bool:
        """Whether there is a plan, or something in its place, by which stages are cut."""

    def outcome(self, ranks: int, stages: int) -> Outcome:
        """The verdict at one pair of sizes."""

    def refused_by_config(self, ranks: int) -> Outcome | None:
        """What is refused of the sizes by the config alone, before anything is built."""

    def bytes_per_rank(self, ranks: int, stages: int) -> int | None:
        """The bytes of parameters that the fullest rank holds; None where that is not known."""

    def held_on(self, ranks: int) -> RankBytes | None:
        """The bytes that one of `ranks` ranks holds, by parameter; None where not known."""

    def capacity(self, ranks: int, stages: int, device: Device) -> Capacity:
        """The use of a device's memory, and what fits into the KV cache."""

    def assignments(self, ranks: int) -> Mapping[Instance, Assignment]:
        """What replaces each Linear on so many ranks."""

    def with_plans(self, tensor: Sequence[PlanEntry], pipeline: Plan) -> Judge:
        """A judge of the same model with these plans instead of its own."""


TargetOf = TypeVar("TargetOf", bound=Target, covariant=True)
JudgeOf = TypeVar("JudgeOf", bound=Judge, covariant=True)


@record(frozen=False)
class PreparedModel(Generic[TargetOf, JudgeOf]):
    """A judge for one target, or the reason why the target cannot even build the model.

    `problems` are those that the target has with it; `given_up`: there may be more. `own` is the
    verdict at every size when a model of the engine's own, or of transformers, serves; then nothing
    else is judged. `unproved` is why a *serves* would not be a proof: some input that is not read.
    """

    target: TargetOf
    judge: JudgeOf | None
    ended: NotBuilt | None = None
    builder: ModelBuilder | None = None
    problems: tuple[ServingProblem, ...] = ()
    own: Outcome | None = None
    unproved: Outcome | None = None
    given_up: Outcome | None = None


AnyPreparedModel = PreparedModel[Target, Judge]


@record
class Cell:
    """The outcome at one size, and the bytes of parameters on the fullest rank.

    `capacity` is set where the memory of the devices is known.
    """

    target: Release
    tensor_parallel_size: int
    pipeline_parallel_size: int
    outcome: Outcome
    bytes_per_rank: int | None = None
    capacity: Capacity | None = None
