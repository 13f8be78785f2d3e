"""Problems of a target with a mixture of experts."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, releases_of
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.experts import experts_refused, has_experts
from forgather_lint.facts.causes.experts import (
    ExpertsActivationReplaced,
    ExpertsFieldMissing,
    ExpertsNotServed,
)
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.libraries.names import is_activation
from forgather_lint.libraries.nn.module import objects_below
from forgather_lint.model.entry import first_architecture
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import External, Unknown

SILU = frozenset({"torch.nn.SiLU", "transformers.SiLUActivation"})


@check(Phase.ACCEPT)
def refused(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Any experts, on a release that needs for them a transformers that it cannot have."""
    needed, installed = seen.target.vllm.config, seen.target.transformers.version
    if not experts_refused(seen.target):
        return
    for name in needed.expert_fields.value:
        count = seen.number(name)
        if count is None:
            continue
        if count >= max(1, needed.expert_minimum.value):
            where = seen.place_of_setting(name)
            parts = {"installed": installed}
            yield from seen.problem(ExpertsNotServed(name), needed.experts, where, parts=parts)
        return


@check(Phase.BUILD)
def fields_missing(seen: CheckedModel) -> Iterator[ServingProblem]:
    """No field has the number of experts for a token, or the width of an expert."""
    if seen.judge is None or experts_refused(seen.target):
        return
    subject, needed = seen.judge.subject, seen.target.vllm.experts
    if not has_experts(subject.machine, subject.root, subject.engine):
        return
    for names in (needed.choice_fields.value, needed.width_fields.value):
        there = [name for name in names if _has(seen, name)]
        if not there or seen.is_null(there[0]):
            where = seen.place_of_setting(there[0] if there else _count_field(seen))
            yield from seen.problem(ExpertsFieldMissing(names), needed.field_missing, where)


def _count_field(seen: CheckedModel) -> str:
    """The field that makes the model a mixture of experts."""
    names = seen.target.vllm.config.expert_fields.value
    return next((name for name in names if seen.number(name) is not None), names[0])


def _has(seen: CheckedModel, name: str) -> bool:
    """Whether the config has the attribute; some are on every config in transformers 4 only."""
    value = seen.setting(name)
    inherited = isinstance(value, Unknown) and value.reason == "unmodelled-member"
    gone = name in seen.target.transformers.config.removed_fields.value
    return value is not None and not (inherited and gone)


@check(Phase.WEIGHTS)
def activation(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Experts with another activation than the one that the fused layer computes."""
    fact = seen.target.vllm.experts.activation
    architecture = first_architecture(seen.builder.config_values) or ""
    blocks = seen.judge.subject.experts if seen.judge is not None else ()
    if fact.value != "silu" or "gptoss" in architecture.lower():
        return
    for block in blocks[:1]:
        for name, found in _activations(block.experts):
            if found.cls.name in SILU:
                continue
            yield ServingProblem(
                cause=ExpertsActivationReplaced(name, found.cls.name.rpartition(".")[2]),
                verdict="wrong",
                where=found.where,
                target=str(seen.target),
                error="",
                releases=releases_of(fact),
                module=block.name,
            )
            return


def _activations(module: Instance) -> Iterator[tuple[str, Instance]]:
    """The activation modules of experts, by the attribute that holds them."""
    for each in objects_below(module):
        for name, value in each.attributes.items():
            cls = value.cls if isinstance(value, Instance) and name not in each.hidden else None
            if isinstance(cls, External) and is_activation(cls.name):
                assert isinstance(value, Instance)
                yield name, value
