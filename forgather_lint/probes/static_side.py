"""The result of the analysis, in the form in which a run of the model is compared with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from math import prod
from pathlib import Path

from forgather_lint.core.record import record
from forgather_lint.core.version import Version
from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.transformers.environment import environment_beside
from forgather_lint.engines.transformers.profile import TransformersProfile
from forgather_lint.execution.inputs import SEQUENCE, engine_arguments
from forgather_lint.execution.model_facts import base_of, facts_of
from forgather_lint.facts import Model, NotBuilt, Plans, Structure
from forgather_lint.model.analysis import Built, build_tree, builder_of, contained
from forgather_lint.model.build import ModelBuilder
from forgather_lint.model.entry import AUTO_MODEL, model_reference
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.machine import Observer
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    DictValue,
    ListValue,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
)

Shape = tuple[int | None, ...]
Outputs = Mapping[str, tuple[Shape | None, ...]]
"""What each module of the base model returns: the shape of each tensor, None if unknown."""


@record
class StaticSide:
    """What is known of a model from its source; a part that is missing is the reason why.

    `whole` is what `architectures[0]` builds, `base` what vLLM builds, with its `outputs`.
    """

    whole: Structure | NotBuilt
    base: Structure | NotBuilt
    outputs: Outputs | NotBuilt
    plans: Plans | None


def analyse(folder: Path, sequence: int, transformers: str) -> StaticSide:
    """The static side of the model in `folder`, for `sequence` tokens and that release.

    Raises `SettingsError` when there is no model there, or more than one.
    """
    opened = single_model(folder)
    release = TransformersProfile(Version.parse(transformers))
    builder = builder_of(opened, environment_beside(release))
    facts = facts_of(builder, opened)
    whole = build_tree(builder)
    base = _base(builder, whole)
    return StaticSide(
        whole=whole.structure if isinstance(whole, Built) else whole,
        base=base.structure if isinstance(base, Built) else base,
        outputs=_outputs(builder, base, sequence) if isinstance(base, Built) else base,
        plans=facts.plans if isinstance(facts, Model) else None,
    )


def parameter_count(structure: Structure | NotBuilt) -> int | None:
    """The number of elements of all parameters; None when that is not known."""
    if isinstance(structure, NotBuilt):
        return None
    total = 0
    for parameter in structure.parameters:
        if parameter.shape is None or None in parameter.shape:
            return None
        if parameter.same_as is None:
            total += prod(size for size in parameter.shape if size is not None)
    return total


def _base(builder: ModelBuilder, whole: Built | NotBuilt) -> Built | NotBuilt:
    """The model that vLLM builds; some classes build less when AutoModel loads them."""
    if model_reference(builder.config_values, AUTO_MODEL) is not None:
        return build_tree(builder, AUTO_MODEL)
    return base_of(builder, whole)[0] if isinstance(whole, Built) else whole


def _outputs(builder: ModelBuilder, base: Built, sequence: int) -> Outputs | NotBuilt:
    recorder = _Recorder(base.tree, sequence)

    def forward() -> Outputs:
        machine = builder.machine
        with machine.undone_run(observer=recorder):
            machine.call(base.root, engine_arguments(), base.root.where)
        return recorder.outputs

    return contained(builder, forward)


@record(frozen=False)
class _Recorder(Observer):
    """Records what each module returned last."""

    tree: Tree
    sequence: int
    outputs: dict[str, tuple[Shape | None, ...]] = field(default_factory=dict)

    def left(self, instance: Instance, result: Value) -> Value:
        name = self.tree.name_of(instance)
        if name is not None:
            shapes = (_shape(value, self.sequence) for value in _tensors(result))
            self.outputs[name] = tuple(shapes)
        return result


def _tensors(value: Value) -> Iterator[TensorValue | Unknown]:
    """The tensors in nested containers, and unknown values that may be tensors."""
    if isinstance(value, TensorValue | Unknown):
        yield value
    elif isinstance(value, TupleValue | ListValue):
        for item in value.items:
            yield from _tensors(item)
    elif isinstance(value, DictValue):
        for item in value.items.values():
            yield from _tensors(item)
    elif isinstance(value, Instance):  # an output object of transformers
        for item in value.attributes.values():
            yield from _tensors(item)


def _shape(value: TensorValue | Unknown, sequence: int) -> Shape | None:
    if isinstance(value, Unknown) or value.shape is None:
        return None
    return tuple(_known(size, sequence) for size in value.shape)


def _known(size: Size | None, sequence: int) -> int | None:
    """The size for `sequence` tokens; None where it contains another symbol."""
    if size is None or isinstance(size, int):
        return size
    if any({*names} - {*_SEQUENCE_NAMES} for names, _ in size.terms):
        return None
    powers: list[int] = [sequence ** len(names) for names, _ in size.terms]
    return sum(factor * power for (_, factor), power in zip(size.terms, powers, strict=True))


_SEQUENCE_NAMES = {name for names, _ in SEQUENCE.terms for name in names}
