"""Why a target cannot build a model that others can: the same constructor in another world.

A constructor that raises is run again with one circumstance as older releases have it. If another
thing happens then, that circumstance is the cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.target import Target
from forgather_lint.engines.vllm.checks.examined import Examined, releases_of
from forgather_lint.engines.vllm.subject import build_base, environment_of
from forgather_lint.facts import EndKind, NotBuilt
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.analysis import workshop_of
from forgather_lint.python.interpreter.environment import Environment


def constructor(seen: Examined, model: ModelInput) -> Iterator[ServingProblem]:
    """The circumstance of the target that makes the constructor raise, if it is one."""
    ended = seen.ended
    if ended is None or ended.kind is not EndKind.RAISES:
        return
    for code, name, since, without in _SUSPECTS:
        if _ends_otherwise(model, seen.target, without, ended):
            yield ServingProblem(
                code=code,
                verdict="fails",
                where=ended.where,
                target=str(seen.target),
                error=_shown(seen.target, ended.message),
                releases=since(seen.target),
                name=name,
            )
            return


def _ends_otherwise(
    model: ModelInput,
    target: Target,
    without: Callable[[Environment], Environment],
    ended: NotBuilt,
) -> bool:
    here = environment_of(target)
    elsewhere = without(here)
    if elsewhere == here:
        return False
    other = build_base(workshop_of(model, elsewhere))
    return not isinstance(other, NotBuilt) or other.message != ended.message


def _shown(target: Target, message: str) -> str:
    """The error with what a release shows in its place, where it hides it."""
    hidden = target.vllm.defects.constructor_error_hidden.value
    if hidden.effect is Effect.NONE or not message.startswith("AttributeError"):
        return message
    return f"{message} (shown as: {hidden.raises}: {hidden.text})"


_SUSPECTS: tuple[
    tuple[str, str, Callable[[Target], str], Callable[[Environment], Environment]], ...
] = (
    (
        "FGL507",
        "rope_scaling",
        lambda target: releases_of(target.transformers.config.renamed_fields),
        lambda world: replace(world, rope_parameters=False),
    ),
    (
        "FGL508",
        "_pp_plan",
        lambda target: releases_of(target.transformers.plan.class_plan_kept),
        lambda world: replace(world, class_plans_kept=False),
    ),
    (
        "FGL508",
        "base_model_tp_plan",
        lambda target: releases_of(target.transformers.plan.config_plan_on),
        lambda world: replace(world, config_plan_everywhere=True),
    ),
)
