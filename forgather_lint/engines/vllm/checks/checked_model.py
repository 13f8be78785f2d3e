"""A model that is examined for one target: the input of the checks of this folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from forgather_lint.core.record import record
from forgather_lint.core.settings import ModelImpl
from forgather_lint.core.source import Place
from forgather_lint.core.version import ReleaseRange
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.common.head_arithmetic import HeadRun, run_with_head
from forgather_lint.engines.common.model_config import ModelConfig
from forgather_lint.engines.fact import Effect, Fact, Reaction, Value
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.server import ServingClass
from forgather_lint.engines.vllm.subject import PreparedModel
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.facts import NotBuilt
from forgather_lint.facts.cause import Cause
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.libraries.names import PRETRAINED
from forgather_lint.model.analysis import Built, build_tree
from forgather_lint.model.build import ModelBuilder, NoModel
from forgather_lint.model.entry import AUTO_MODEL, model_reference
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.classes import (
    find_member,
    is_same_class,
    is_subclass,
    order_of,
)
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import External, Known
from forgather_lint.python.values.value import Value as Held

NOTHING: Mapping[str, object] = {}
HEAD = "lm_head"
VERDICTS = {Effect.ERROR: "fails", Effect.SILENT: "wrong"}


@record(eq=False, slots=False)
class CheckedModel:
    """The class that AutoModel loads, and its config; `judge` is None when it cannot be built.

    `model`, `server`, `impl` and `max_model_len` are what the target was asked to serve.
    """

    model: ModelInput
    server: ServingClass
    impl: ModelImpl
    max_model_len: int | None
    target: VllmTarget
    builder: ModelBuilder
    cls: ClassValue
    config: Held | None
    judge: VllmJudge | None
    ended: NotBuilt | None
    settings: ModelConfig
    """The config that the engine reads: of a composite one the text config."""
    names_stored: bool = False
    """Whether there are weights beside the model, so that their names need not be guessed."""

    @cached_property
    def whole(self) -> Built | None:
        """The model that the architecture names, with its head.

        None when it, or the base, is not built.
        """
        whole = build_tree(self.builder) if self.judge is not None else None
        return whole if isinstance(whole, Built) else None

    @cached_property
    def head_run(self) -> HeadRun | Raised | None:
        """The run of the model with its head, or what it raises.

        None where the model, its base and its head are not three.
        """
        if self.whole is None:
            return None
        whole = self.whole.root
        head, base = whole.attributes.get(HEAD), self.builder.base_child(whole)
        if is_same_class(whole.cls, self.cls) or not isinstance(head, Instance) or base is None:
            return None
        return run_with_head(self.builder.machine, whole, base, head)

    @property
    def root(self) -> Instance | None:
        return self.judge.subject.root if self.judge else None

    @property
    def text_config(self) -> Held | None:
        """The config that sizes are read from: the config itself unless it is composite."""
        return self.settings.config

    def setting(self, name: str) -> Held | None:
        """`config.name`; None when the config has no such attribute."""
        return self.settings.setting(name)

    def number(self, name: str) -> int | None:
        """`config.name` when it is an integer, else None."""
        return self.settings.number(name)

    def is_null(self, name: str) -> bool:
        """Whether `config.name` exists and is None."""
        value = self.setting(name)
        return isinstance(value, Known) and value.value is None

    def member(self, name: str) -> Held | None:
        """The member `name` of the model's class; None if it has none."""
        found = find_member(self.builder.machine, self.cls, name)
        return found.value if found is not None else None

    def place_of_member(self, name: str, cls: ClassValue | None = None) -> Place:
        """The place at which `cls` (the model's), or its first read base, assigns `name`."""
        cls = cls or self.cls
        for entry in order_of(self.builder.machine, cls):
            if isinstance(entry, ClassValue) and name in entry.places:
                return entry.places[name]
        return cls.where

    def place_of_setting(self, name: str) -> Place:
        """The place of `name` in config.json, else that of the config."""
        if self.builder.config_file is None:
            return self.cls.where
        return self.settings.place_of((name,))

    def problem(
        self,
        cause: Cause,
        fact: Fact[Reaction],
        where: Place,
        *,
        module: str = "",
        parts: Mapping[str, object] = NOTHING,
    ) -> Iterator[ServingProblem]:
        """The problem with `cause`, as `fact` says how the release reacts.

        Nothing if it does not mind.

        `parts` fill the placeholders of the fact's text.
        """
        yield from problem(self.target, cause, fact, where, module=module, parts=parts)


def problem(
    target: VllmTarget,
    cause: Cause,
    fact: Fact[Reaction],
    where: Place,
    *,
    module: str = "",
    parts: Mapping[str, object] = NOTHING,
) -> Iterator[ServingProblem]:
    """The problem with `cause`, as `fact` says how `target` reacts; nothing if it does not mind."""
    outcome = fact.value
    if outcome.effect is Effect.NONE:
        return
    text = outcome.say(**parts)
    yield ServingProblem(
        cause=cause,
        verdict=VERDICTS.get(outcome.effect, ""),
        where=where,
        target=str(target),
        error=": ".join(filter(None, (outcome.raises, text))),
        releases=releases_of(fact),
        module=module,
    )


def releases_of(fact: Fact[Value]) -> ReleaseRange:
    """The releases in which `fact` holds."""
    return ReleaseRange.parse(f"{fact.reading.project}{fact.releases}")


def checked_model(
    model: ModelInput,
    prepared: PreparedModel,
    server: ServingClass,
    impl: ModelImpl,
    max_model_len: int | None,
    *,
    names_stored: bool = False,
) -> CheckedModel | None:
    """`prepared` with its class and config; None when it has no class or config to look at."""
    builder = prepared.builder
    assert builder is not None
    try:
        if prepared.judge is not None:
            root = prepared.judge.subject.root
            assert isinstance(root.cls, ClassValue)
            cls, config = root.cls, root.attributes.get("config")
        else:
            named = model_reference(builder.config_values, AUTO_MODEL) is not None
            cls = builder.model_class(AUTO_MODEL if named else None)
            config = builder.config(cls)
    except (NoModel, Raised, BudgetExceeded):
        return None
    if is_subclass(builder.machine, cls, External(PRETRAINED)) is False:
        return None  # a file of building blocks
    settings = ModelConfig.of_text(builder.machine, config, cls.where, builder.config_file)
    return CheckedModel(
        model=model,
        server=server,
        impl=impl,
        max_model_len=max_model_len,
        target=prepared.target,
        builder=builder,
        cls=cls,
        config=config,
        judge=prepared.judge,
        ended=prepared.ended,
        settings=settings,
        names_stored=names_stored,
    )
