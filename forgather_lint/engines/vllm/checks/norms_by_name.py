"""Norms that a release recognises by the name of their class, and what replacing them loses."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.engines.common.forward_text import forward_of
from forgather_lint.engines.common.rms_norm import adds_one
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, releases_of
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.fact_values import NormSearch
from forgather_lint.facts.causes.modules import (
    NamedNormLosesParameter,
    NormEpsilonNotFound,
    NormLosesCentre,
    NormLosesParameter,
    NormTakesTwo,
)
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.tree import class_name
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import ClassValue, FunctionValue, Instance
from forgather_lint.python.values.value import Arguments, External, Known, TensorValue

REPLACED_EPSILON = 1e-6
"""vLLM's epsilon where it finds none (transformers/utils.py, replace_rms_norm_class)."""


def _norms(seen: CheckedModel) -> Iterator[tuple[str, Instance]]:
    """One norm of each class that the release replaces by name, if all its attributes are known."""
    by_name = seen.target.vllm.modules.norm_found_by.value is NormSearch.CLASS_NAME
    if seen.judge is None or not by_name:
        return
    told: set[ClassValue | External] = set()
    for name, module in seen.judge.subject.tree.instances.items():
        if class_name(module).endswith("RMSNorm") and module.open is None:
            if module.cls not in told:
                yield name, module
            told.add(module.cls)


def _recognised(seen: CheckedModel) -> Iterator[tuple[str, Instance]]:
    """One norm of each class that the release replaces for what it computes."""
    if seen.judge is None:
        return
    told: set[ClassValue | External] = set()
    for name, module in seen.judge.subject.tree.instances.items():
        if seen.judge.norms.has(module) and module.open is None and module.cls not in told:
            told.add(module.cls)
            yield name, module


@port_of("vllm/model_executor/models/transformers/utils.py", "replace_rms_norm_class")
@port_of("vllm/model_executor/models/transformers/fusers/rms_norm.py", "RMSNormFuser.validate")
@check(Phase.WEIGHTS)
def epsilon(seen: CheckedModel) -> Iterator[ServingProblem]:
    """The epsilon is not where the release looks for it."""
    modules = seen.target.vllm.modules
    for name, module in _norms(seen):
        if any(_has(seen, module, each) for each in modules.norm_epsilon_names.value):
            continue
        found = _epsilon(module)
        if found is not None and found[1] != REPLACED_EPSILON:
            yield ServingProblem(
                cause=NormEpsilonNotFound(class_name(module), *found),
                verdict="wrong",
                where=module.places.get(found[0], module.where),
                target=str(seen.target),
                error="",
                releases=releases_of(modules.norm_epsilon_names),
                module=name,
            )


def _has(seen: CheckedModel, module: Instance, name: str) -> bool:
    in_class = find_member(seen.builder.machine, module.cls, name)
    return name in module.attributes or in_class is not None


def _epsilon(module: Instance) -> tuple[str, float] | None:
    for name, value in module.attributes.items():
        if "eps" in name and isinstance(value, Known) and isinstance(value.value, float):
            return name, value.value
    return None


@check(Phase.WEIGHTS)
def parameters(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A parameter of the norm that its replacement does not have."""
    kept = seen.target.vllm.modules.norm_parameters_kept
    fact = seen.target.vllm.weights.unknown_name
    by_name = seen.target.vllm.modules.norm_found_by.value is NormSearch.CLASS_NAME
    kind = NamedNormLosesParameter if by_name else NormLosesParameter
    for name, module in _norms(seen) if by_name else _recognised(seen):
        lost = [
            attribute
            for attribute, value in module.attributes.items()
            if isinstance(value, TensorValue) and value.is_parameter and attribute not in kept.value
        ]
        if lost:
            text = fact.value.say(
                name=f"model.{name}.{lost[0]}", **{"class": "TransformersForCausalLM"}
            )
            yield ServingProblem(
                cause=kind(class_name(module), lost[0]),
                verdict="fails",
                where=module.places.get(lost[0], module.where),
                target=str(seen.target),
                error=f"{fact.value.raises}: {text.partition('. The available')[0]}",
                releases=releases_of(kept),
                module=name,
            )


@check(Phase.WEIGHTS)
def centre(seen: CheckedModel) -> Iterator[ServingProblem]:
    """`1 + weight`, which the release detects by constructing the class with the number 1."""
    fact = seen.target.vllm.modules.norm_centre_lost
    if fact.value.effect is Effect.NONE:
        return
    for name, module in _norms(seen):
        forward = forward_of(seen.builder.machine, module)
        if forward is None or not adds_one(forward) or not _refuses_number(seen, module):
            continue
        cause = NormLosesCentre(class_name(module))
        yield from seen.problem(cause, fact, forward.where, module=name)


def _refuses_number(seen: CheckedModel, module: Instance) -> bool:
    """Whether `cls(1)` surely raises."""
    machine = seen.builder.machine
    try:
        with machine.undone_run():
            machine.call(module.cls, Arguments([Known(1)]), module.where)
    except Raised:
        return True
    return False


@check(Phase.WEIGHTS)
def second_input(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A norm that is called with two tensors: its replacement takes the second for a residual."""
    fact = seen.target.vllm.modules.norm_second_input
    if fact.value.effect is Effect.NONE:
        return
    for name, module in _norms(seen):
        forward = forward_of(seen.builder.machine, module)
        if forward is not None and _needs_two(forward):
            cause = NormTakesTwo(class_name(module))
            yield from seen.problem(cause, fact, forward.where, module=name)


def _needs_two(forward: FunctionValue) -> bool:
    """Whether it needs two inputs: two parameters without a default, besides self."""
    if not isinstance(forward.node, cst.FunctionDef):
        return False
    given = [each for each in forward.node.params.params if each.default is None]
    return len(given) == 3
