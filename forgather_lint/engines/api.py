"""What an engine is: the one door between it and everything else.

An engine is a folder here with an `engine.py` (`registry.py` finds it) and its facts in
`data/<name>`. What it does is asked of a `Target`, one release of it beside one of transformers:

    which releases there are, and what differs   `data/releases/<name>.toml`, `data/<name>/*.toml`
    how plans are merged and read                `Target.prepare`, `Subject`
    what is replaced, how it attends             `Target.flow`, `Judge.assignments`
    how stages are cut                           `Judge.outcome` at more than one stage
    what is asked of config, code and weights    `Target.checked`
    what it says when it refuses                 texts in its data (`facts.release.Reaction`)
    what an answer is worth                      `Release.evidence`

The library that models are built with is behind the same door (`ModelLibrary`): it has releases and
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
    """What has releases that `--target` may name.

    `name` is what `--target` and pip call it and where its facts lie, `title` what people call it,
    `packages` are the distributions that it is installed as.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    profile: type
    """The record of its facts: one property for each file in `data/<name>`."""


Gather = Callable[[Candidate, Settings], tuple[list[object], tuple[str, ...]]]
"""What judges a model under settings: all facts about it, and the files they were read from."""


class CommandReading(Protocol):
    """A command that starts the engine's server, as one release reads it."""

    @property
    def model(self) -> Path | None:
        """The folder of its model, where that is here."""

    def asked(self, settings: Settings) -> Settings | None:
        """`settings` with what the command says; None when its sizes are not known."""

    def facts(self, settings: Settings, gather: Gather | None) -> Iterator[object]:
        """What there is to say of the command.

        `gather` judges a model under settings; without it only says why the model is not judged.
        """


class ServingEngine(ReleasedProject):
    """What serves models. `evidence`: what its verdicts rest on, if no engine was ever asked.

    `launch` says how its server is started, where commands are read at all.
    """

    evidence: str = ""
    launch: Launch | None = None

    def command(self, found: ServingCommand, target: Target, below: Path) -> CommandReading:
        """A command of `launch` as `target` reads it; its model is looked for up to `below`."""
        raise NotImplementedError

    @abstractmethod
    def target(self, version: Version, transformers: TransformersProfile) -> Target:
        """One of its releases beside one of transformers, possible or not."""

    def release(self, version: Version) -> Release:
        """One of its releases, as findings and verdicts name it."""
        return Release(self.name, self.title, str(version), self.evidence)


@record
class Capacity:
    """What becomes of the memory of the fullest rank.

    `room` are the bytes left for the cache, at most: what runs beside it is not counted. A token
    takes `token_bytes` of it; `tokens` fit, or `requests` of `max_model_len`. `error` is what the
    engine says where not one request fits, `unknown` why something is not known.
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


@record
class BuiltTensor:
    """A place for a tensor in what an engine builds, with what is stored for it, if anything."""

    name: str
    shape: tuple[int | None, ...] | None
    stored_name: str = ""
    dtype: str = ""
    stored_shape: tuple[int, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether what is stored has the size of the place."""
        return self.stored_shape == self.shape


@record
class StoredBeside:
    """What is stored beside what is built.

    `strangers` are stored tensors without a place: name, dtype and shape. `on_ranks` are the bytes
    of one of so many ranks, in the types that are stored. `note` says what is not known.
    """

    built: tuple[BuiltTensor, ...] = ()
    strangers: tuple[tuple[str, str, tuple[int, ...]], ...] = ()
    stored_bytes: int = 0
    on_ranks: Mapping[int, int] = field(default_factory=dict)
    note: str = ""


class PlanJudge(Protocol):
    """What a library makes of plans by itself, without an engine."""

    machine: Machine
    tree: Tree
    root: Instance

    @property
    def alone(self) -> RankRun:
        """The outcome on one rank, with the branches that raise there."""

    def outcome(self, assigned: Mapping[Instance, Assignment], ranks: int) -> Outcome:
        """What becomes of the model on `ranks` ranks."""

    def written(self, plan: Mapping[str, str]) -> Mapping[Instance, Assignment]:
        """What the styles of `plan` assign. Raises `BudgetExceeded` for a style not known."""

    def loaded(self, plan: Mapping[str, str]) -> Mapping[Instance, Assignment]:
        """What `plan` assigns, with what loading adds to it."""


class ModelLibrary(ReleasedProject):
    """What models are built with: it reads plans, and serves nothing.

    `flow` is what it does with a model on several ranks, `table` the name of the vocabulary table
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
        """What decides on plans of the model `root`."""

    @abstractmethod
    def environment(self, transformers: TransformersProfile) -> Environment:
        """What a model finds of a release of the library alone."""


class Target(Protocol):
    """A release of an engine beside a release of transformers; hashable and picklable."""

    @property
    def release(self) -> Release:
        """The release of the engine, as findings name it."""

    @property
    def version(self) -> Version:
        """Its number."""

    @property
    def transformers(self) -> TransformersProfile:
        """The library beside it."""

    @property
    def flow(self) -> Engine:
        """What it replaces, how it attends, what it calls the model with, how it names stages."""

    def served_elsewhere(self, model: ModelInput, impl: ModelImpl) -> AnyPreparedModel | None:
        """The verdict where the code of the folder is not loaded; None where it is."""

    def own_model(self, config: Mapping[str, object], impl: ModelImpl) -> str:
        """The model of its own that serves such a config and reads no plan; empty: none does."""

    def prepare(
        self,
        model: ModelInput,
        dtype: str,
        *,
        as_written: bool = False,
        environment: Environment | None = None,
    ) -> AnyPreparedModel:
        """The base model as it is built, with the plans as they are merged.

        `as_written`: experts are those of the model, not the engine's. `environment` is what the
        model finds, if that is not all of the target.
        """

    def checked(
        self, model: ModelInput, dtype: str, impl: ModelImpl, max_model_len: int | None
    ) -> AnyPreparedModel:
        """The prepared model, with what is held against config, code and weights at any size."""

    def stored_beside(self, model: ModelInput, dtype: str) -> StoredBeside:
        """The checkpoint of `model` beside what the target builds of it."""


class Subject(Protocol):
    """A base model as one target sees it: its plans after merging."""

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
        """The tensor-parallel plan as it is merged: patterns to styles."""


class Judge(Protocol):
    """Decides on one model for one target; what sizes share is computed once."""

    @property
    def subject(self) -> Subject: ...

    @property
    def has_stages(self) -> bool:
        """Whether there is a plan, or something in its place, by which stages are cut."""

    def outcome(self, ranks: int, stages: int) -> Outcome:
        """The verdict at one pair of sizes."""

    def bytes_per_rank(self, ranks: int, stages: int) -> int | None:
        """The bytes of parameters that the fullest rank holds; None where that is not known."""

    def capacity(self, ranks: int, stages: int, device: Device) -> Capacity:
        """What the ranks hold of the memory of a device, and what fits beside it."""

    def assignments(self, ranks: int) -> Mapping[Instance, Assignment]:
        """What replaces each Linear at this size."""

    def with_plans(self, tensor: Sequence[PlanEntry], pipeline: Plan) -> Judge:
        """The same model with these plans in place of its own."""


TargetOf = TypeVar("TargetOf", bound=Target, covariant=True)
JudgeOf = TypeVar("JudgeOf", bound=Judge, covariant=True)


@record(frozen=False)
class PreparedModel(Generic[TargetOf, JudgeOf]):
    """A judge for one target, or why the target cannot even build the model.

    `problems` are what the target holds against it; `given_up` says that not all were looked for.
    `own` is the verdict at every size when a model of the engine's own serves, or one of
    transformers' own; then nothing else is judged. `unproved` is what keeps a *serves* from being
    a proof: input that is not read.
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
    """The outcome at one size, and the bytes of parameters that the fullest rank holds.

    `capacity` is there where the memory of the devices is told.
    """

    target: Release
    tensor_parallel_size: int
    pipeline_parallel_size: int
    outcome: Outcome
    bytes_per_rank: int | None = None
    capacity: Capacity | None = None
