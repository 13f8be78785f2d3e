"""Modules that a target replaces, and what is lost by that."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.port import port_of
from forgather_lint.engines.common.forward_text import forward_of
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, releases_of
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.checks.sameness import repeats
from forgather_lint.facts import Structure
from forgather_lint.facts.causes.modules import FusedNameInSibling, LinearForwardDropped
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.libraries.names import LINEAR
from forgather_lint.libraries.nn.module import objects_below
from forgather_lint.model.tree import class_name
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import External, TensorValue, Value


@check(Phase.WEIGHTS)
def linear_subclass(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A subclass of nn.Linear whose own forward is never run.

    Its own parameters have no place when the weights are loaded; nor have the tensors that a
    parametrization keeps below a plain Linear.
    """
    fact = seen.target.vllm.modules.linear_forward_kept
    told: set[ClassValue | External] = set()
    for name, module in _instances(seen):
        if fact.value or module.cls in told:
            continue
        if not seen.builder.machine.is_instance_of(module, LINEAR):
            continue
        forward = forward_of(seen.builder.machine, module)
        own = "" if seen.names_stored else _own_parameter(module)
        dropped = forward is not None and not repeats(seen, module, forward, LINEAR)
        if dropped or own:
            told.add(module.cls)
            error = _error_of_dropping(seen) or (own and _unknown_name(seen, f"{name}.{own}"))
            yield ServingProblem(
                cause=LinearForwardDropped(class_name(module), own, runs=not dropped),
                verdict="fails" if error else "wrong",
                where=forward.where if dropped and forward is not None else module.where,
                target=str(seen.target),
                error=error,
                releases=releases_of(fact),
                module=name,
            )


def _own_parameter(linear: Instance) -> str:
    """The first name that a checkpoint has for this Linear but not for a plain one.

    Empty if none.
    """
    held = linear.attributes.items()
    own = ((n, value) for n, value in held if n not in ("weight", "bias", *linear.hidden))
    return next((name for name, value in own if _is_stored(value)), "")


def _is_stored(value: Value) -> bool:
    if isinstance(value, Instance):
        parts = (part for each in objects_below(value) for part in each.attributes.values())
        return any(isinstance(part, TensorValue) and part.is_parameter for part in parts)
    return isinstance(value, TensorValue) and value.is_parameter


def _unknown_name(seen: CheckedModel, name: str) -> str:
    """The loader's error for a weight that has no place."""
    fact = seen.target.vllm.weights.unknown_name
    text = fact.value.say(name=f"model.{name}", **{"class": "TransformersForCausalLM"})
    return f"{fact.value.raises}: {text.partition('. The available')[0]}"


def _error_of_dropping(seen: CheckedModel) -> str:
    """The error that the model raises without the forward; empty where it goes on."""
    assert seen.judge is not None
    outcome = seen.judge.alone.outcome
    dropped = isinstance(outcome.cause, LinearForwardDropped)
    return outcome.reason if dropped else ""


def _instances(seen: CheckedModel) -> Iterator[tuple[str, Instance]]:
    if seen.judge is not None:
        yield from seen.judge.subject.tree.instances.items()


@check(Phase.WEIGHTS)
def fused_names(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A projection that is fused under a new name, while a sibling's name begins with its own."""
    if seen.judge is None or not seen.target.vllm.fusers.stacked_by_substring.value:
        return
    judge = seen.judge
    for kind, group in judge.groups(ranks=1).items():
        owner = judge.bodies[kind].owner
        path = judge.subject.tree.name_of(owner) or ""
        fused = [
            name
            for name, value in owner.attributes.items()
            if any(value is module for module in group.stacked)
        ]
        captured = _captured(fused, _weights_below(judge.subject.tree.structure, path))
        if captured is not None:
            yield _captured_problem(seen, owner, path, captured, _merged_name(group.kind, fused))


def _weights_below(structure: Structure, path: str) -> set[str]:
    """The names, below the module `path`, of weights in a checkpoint."""
    dotted = f"{path}." if path else ""
    names = (each.name for each in structure.parameters)
    return {name.removeprefix(dotted).split(".")[0] for name in names if name.startswith(dotted)}


def _captured(fused: list[str], siblings: set[str]) -> tuple[str, str] | None:
    """The first fused name with which another name begins, and that name; None if there is none."""
    pairs = ((name, other) for name in fused for other in sorted(siblings - set(fused)))
    return next(((name, other) for name, other in pairs if other.startswith(name)), None)


@port_of(
    "vllm/model_executor/models/transformers/fusers/merged_column.py",
    "MergedColumnParallelFuser.merged_name",
)
def _merged_name(kind: str, fused: list[str]) -> str:
    """The name of the layer that replaces several."""
    known = {"GLU": "gate_up_proj", "QKV": "qkv_proj"}
    return known.get(kind) or "merged_proj_" + "_".join(f"{len(name)}_{name}" for name in fused)


def _captured_problem(
    seen: CheckedModel, owner: Instance, path: str, captured: tuple[str, str], merged: str
) -> ServingProblem:
    name, sibling = captured
    return ServingProblem(
        cause=FusedNameInSibling(sibling, name),
        verdict="fails",
        where=owner.places.get(sibling, owner.where),
        target=str(seen.target),
        error=_unknown_name(seen, f"{path}.{merged}{sibling.removeprefix(name)}"),
        releases=releases_of(seen.target.vllm.fusers.stacked_by_substring),
        module=path,
    )
