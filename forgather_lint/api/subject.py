"""The module structure of what a script passes: a path, or a live module."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeGuard

from forgather_lint.core.record import record
from forgather_lint.core.source import file_start
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.chosen_targets import chosen_targets, read_release
from forgather_lint.execution.model_facts import facts_of
from forgather_lint.facts import Model, Module, NotBuilt, Parameter, Plan, Structure
from forgather_lint.libraries import names
from forgather_lint.model.analysis import build_tree, builder_of
from forgather_lint.model.build import ModelBuilder
from forgather_lint.python.interpreter.environment import Environment


class Named(Protocol):
    """The part of an `nn.Module` that is used here; torch itself is not imported."""

    def named_modules(self, *, remove_duplicate: bool = ...) -> Iterable[tuple[str, object]]: ...

    def named_parameters(self, *, remove_duplicate: bool = ...) -> Iterable[tuple[str, object]]: ...


ModelOrPath = str | os.PathLike[str] | Named

TensorPlan = dict[str, object]
PipelinePlan = dict[str, object]


@record
class PlannedTree:
    """The module tree that plans apply to, and the plans that came with it."""

    structure: Structure
    tensor_plan: TensorPlan
    pipeline_plan: PipelinePlan


def whole_structure(model: ModelOrPath) -> Structure:
    """The tree of `architectures[0]`, or of the live module. Raises `ValueError`."""
    if is_path(model):
        built = build_tree(_workshop(single_model(Path(os.fspath(model)))))
        if isinstance(built, NotBuilt):
            raise ValueError(f"{built.where.span}: {built.message}")
        return built.structure
    return _live(model)


def subject_of(model: ModelOrPath) -> PlannedTree:
    """What plans are checked against: the base model of a path, or a live module as it is.

    Raises `ValueError` when there is no model at the path, or it cannot be built.
    """
    if not is_path(model):
        return PlannedTree(_live(model), _own(model, "_tp_plan"), _own(model, "_pp_plan"))
    opened = single_model(Path(os.fspath(model)))
    facts = facts_of(_workshop(opened), opened)
    if isinstance(facts, NotBuilt):
        raise ValueError(f"{facts.where.span}: {facts.message}")
    return PlannedTree(facts.base, _styles(facts), _stages(facts.plans.pp))


def _workshop(model: ModelInput) -> ModelBuilder:
    return builder_of(model, Environment(transformers=read_release(chosen_targets(()).targets)))


def is_path(model: ModelOrPath) -> TypeGuard[str | os.PathLike[str]]:
    """Whether a path was passed, and not a live module."""
    return isinstance(model, str | os.PathLike)


def _own(model: object, attribute: str) -> dict[str, object]:
    return dict(getattr(model, attribute, None) or {})


def _styles(facts: Model) -> TensorPlan:
    return {entry.full_key: entry.style for entry in facts.plans.tp.entries}


def _stages(plan: Plan) -> PipelinePlan:
    return {entry.full_key: (entry.inputs, entry.outputs) for entry in plan.entries}


def _live(model: object) -> Structure:
    """The structure of an `nn.Module`.

    Library classes get the names that the analysis uses for them.
    """
    modules = getattr(model, "named_modules")(remove_duplicate=False)  # noqa: B009
    parameters = getattr(model, "named_parameters")(remove_duplicate=False)  # noqa: B009
    return Structure(
        root=type(model).__name__,
        modules=tuple(_modules(modules)),
        parameters=tuple(_parameters(parameters)),
        buffers=(),
        unknowns=(),
    )


_NOWHERE = file_start("<live module>")
_SIZES = ("in_features", "out_features", "num_embeddings", "embedding_dim")


def _modules(named: Iterable[tuple[str, object]]) -> Iterator[Module]:
    for name, module in named:
        sizes = {size: getattr(module, size, None) for size in _SIZES}
        yield Module(
            name=name,
            cls=type(module).__name__,
            lineage=tuple(map(_qualified, type(module).__mro__)),
            where=_NOWHERE,
            defined=None,
            sizes={size: value for size, value in sizes.items() if isinstance(value, int)},
        )


def _qualified(cls: type) -> str:
    return names.canonical(f"{cls.__module__}.{cls.__qualname__}")


def _parameters(named: Iterable[tuple[str, object]]) -> Iterator[Parameter]:
    for name, parameter in named:
        shape = tuple(int(size) for size in getattr(parameter, "shape", ()))
        yield Parameter(name=name, shape=shape, where=_NOWHERE)
