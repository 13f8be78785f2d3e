"""Which of a model's two classes has the head: vLLM builds its own beside AutoModel's class."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.core.version import ReleaseRange
from forgather_lint.engines.common.tracing import Tracing
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.vllm.checks.checked_model import HEAD, CheckedModel, releases_of
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.checks.weights import has_plain_head
from forgather_lint.execution.inputs import engine_arguments
from forgather_lint.facts import NotBuilt, Structure
from forgather_lint.facts.causes.modules import (
    AnswerTooWide,
    HeadInBase,
    HeadMisplaced,
    HeadMissing,
    LogitsOfBase,
)
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.libraries.names import LINEAR
from forgather_lint.model.analysis import Built, build_tree
from forgather_lint.model.entry import AUTO_MODEL
from forgather_lint.python.interpreter.classes import is_same_class
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Observer
from forgather_lint.python.interpreter.subscripts import read
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Known, TensorValue, Value

WHOLE = "AutoModelForCausalLM"
_OF_ITS_INPUT = frozenset("getitem __getitem__ to float contiguous mul div truediv tanh".split())


@check(Phase.WEIGHTS)
def misplaced(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A head in the base model, or none in the model that has to have one.

    The class that the architecture names need not be the one that AutoModelForCausalLM loads.
    """
    if seen.judge is None or not has_plain_head(seen):
        return
    if _has_head(seen.judge.subject.tree.structure):
        yield from _in_base(seen)
        return
    if _has_projection(seen):
        yield from _too_wide(seen, _FirstResult.of(seen), ReleaseRange("vllm"))
    whole: Built | NotBuilt | None = seen.whole
    if not isinstance(whole, Built) or not is_same_class(whole.root.cls, seen.cls):
        same = _class_named(seen, WHOLE) == _class_named(seen, AUTO_MODEL) is not None
        whole = build_tree(seen.builder, WHOLE) if same else None
    if not isinstance(whole, Built) or whole.structure.open_at or _has_head(whole.structure):
        return
    tied = seen.setting("tie_word_embeddings")
    if isinstance(tied, Known) and not tied.value:
        yield from _not_loaded(seen, f"{HEAD}.weight", _entry(seen, WHOLE), HeadMissing(WHOLE))


def _class_named(seen: CheckedModel, auto_class: str) -> str | None:
    auto_map = seen.builder.config_values.get("auto_map")
    text = auto_map.get(auto_class) if isinstance(auto_map, dict) else None
    return text if isinstance(text, str) else None


def _has_head(structure: Structure) -> bool:
    return any(each.name.partition(".")[0] == HEAD for each in structure.parameters)


def _entry(seen: CheckedModel, auto_class: str) -> Place:
    file = seen.builder.config_file
    return file.place("auto_map", auto_class) if file is not None else seen.cls.where


def _not_loaded(
    seen: CheckedModel, name: str, where: Place, cause: HeadMisplaced
) -> Iterator[ServingProblem]:
    fact = seen.target.vllm.weights.layer_not_in_checkpoint
    parts = {"names": f"{{'{name}'}}"}
    yield from seen.problem(cause, fact, where, parts=parts)


def _in_base(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A head in the base model: it gets no weights, as the checkpoint's go to vLLM's own head.

    Source: the mapping of names in transformers/base.py, whatever module has `lm_head`.
    """
    fact = seen.target.vllm.weights.layer_not_in_checkpoint
    where = _entry(seen, AUTO_MODEL)
    if fact.value.effect is Effect.ERROR:
        yield from _not_loaded(seen, f"model.{HEAD}.weight", where, HeadInBase())
        return
    answer = _FirstResult.of(seen)
    yield from _too_wide(seen, answer, releases_of(fact))
    if answer.of_head and answer.width == seen.number("hidden_size"):
        yield _answered(seen, "wrong", LogitsOfBase(), releases_of(fact))


def _has_projection(seen: CheckedModel) -> bool:
    """Whether the base model has a Linear beside its layers.

    Only then is it worth running again.
    """
    held = seen.root.attributes.values() if seen.root else ()
    return any(seen.builder.machine.is_instance_of(each, LINEAR) for each in held)


def _too_wide(
    seen: CheckedModel, answer: _FirstResult, releases: ReleaseRange
) -> Iterator[ServingProblem]:
    wanted = seen.number("hidden_size")
    if answer.width is not None and wanted is not None and answer.width != wanted:
        yield _answered(seen, "fails", AnswerTooWide(answer.width, wanted), releases)


def _answered(
    seen: CheckedModel, verdict: str, cause: HeadMisplaced, releases: ReleaseRange
) -> ServingProblem:
    return ServingProblem(
        cause=cause,
        verdict=verdict,
        where=_entry(seen, AUTO_MODEL),
        target=str(seen.target),
        error="",
        releases=releases,
    )


@record
class _FirstResult:
    """The first result of the base model: its last dimension, and whether a head computed it."""

    width: int | None = None
    of_head: bool = False

    @classmethod
    def of(cls, seen: CheckedModel) -> _FirstResult:
        """Run the base model as the engine does; nothing is known if it raises."""
        machine, root = seen.builder.machine, seen.root
        if root is None:
            return cls()
        library, watch = Tracing(armed=True), _Heads(root.attributes.get(HEAD))
        try:
            with machine.undone_run(library, watch):
                result = machine.call(root, engine_arguments(), root.where)
                first = read(machine, result, Known(0), root.where)
        except Raised:
            return cls()
        width = first.shape[-1] if isinstance(first, TensorValue) and first.shape else None
        return cls(width if isinstance(width, int) else None, watch.made(library, first))


@record(frozen=False, eq=False)
class _Heads(Observer):
    """Records the result of the base model's head."""

    head: Value | None
    logits: Value | None = None

    def left(self, instance: Instance, result: Value) -> Value:
        if instance is self.head:
            self.logits = result
        return result

    def made(self, library: Tracing, value: Value) -> bool:
        """Whether `value` is that result, up to casts, slices and factors."""
        if self.logits is None or value is self.logits:
            return self.logits is not None
        for step in library.way_back(value):
            if step.result is self.logits:
                return True
            if step.op not in _OF_ITS_INPUT:
                return False
        return False
