"""Why a target cannot build a model that other releases can.

A constructor that raises is run again with one circumstance changed to what older releases have. If
the outcome then differs, that circumstance is the cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from forgather_lint.core.version import ReleaseRange
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.transformers.base_model import build_base
from forgather_lint.engines.transformers.members import releases_without
from forgather_lint.engines.vllm.checks.checked_model import releases_of
from forgather_lint.engines.vllm.subject import PreparedModel, environment_of
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.facts import EndKind, NotBuilt
from forgather_lint.facts.causes.code import (
    ConfigFieldRemoved,
    ConstructorMissesRelease,
    LayerTypeRefused,
    MemberOfOtherRelease,
    ModelTypeTaken,
    PlanHoldsOthers,
    RopeScalingNeverNone,
    RopeScalingRenamed,
    RopeTypeRemoved,
    TensorReadWhileBuilt,
)
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.analysis import builder_of
from forgather_lint.python.interpreter.environment import Environment


def constructor(model: ModelInput, prepared: PreparedModel) -> Iterator[ServingProblem]:
    """The circumstance of the target that makes a config or constructor raise, if one does."""
    ended, target = prepared.ended, prepared.target
    if ended is None or ended.kind is not EndKind.RAISES:
        return
    for cause, since, without in _SUSPECTS:
        if _ends_otherwise(model, target, without, ended):
            missing = ended.message.startswith("TypeError")
            if isinstance(cause, RopeScalingRenamed) and not missing:
                cause = RopeScalingNeverNone()  # no argument is missing: the value is another
            releases = since(target)
            if isinstance(cause, MemberOfOtherRelease):
                releases = ReleaseRange.parse(
                    releases_without(ended.message.split("'")[-2]) or "transformers"
                )
            yield ServingProblem(
                cause=cause,
                verdict="fails",
                where=ended.where,
                target=str(target),
                error=_shown(target, ended.message),
                releases=releases,
            )
            return


def _ends_otherwise(
    model: ModelInput,
    target: VllmTarget,
    without: Callable[[Environment], Environment],
    ended: NotBuilt,
) -> bool:
    here = environment_of(target)
    elsewhere = without(here)
    if elsewhere == here:
        return False
    other = build_base(builder_of(model, elsewhere))
    return not isinstance(other, NotBuilt) or other.message != ended.message


def _shown(target: VllmTarget, message: str) -> str:
    """The error that the user sees, where a release replaces the original one."""
    hidden = target.vllm.defects.constructor_error_hidden.value
    if hidden.effect is Effect.NONE or not message.startswith("AttributeError"):
        return message
    return f"{message} (shown as: {hidden.shown()})"


def _nothing_taken(_model_type: str) -> bool:
    return False


_SUSPECTS: tuple[
    tuple[
        ConstructorMissesRelease,
        Callable[[VllmTarget], ReleaseRange],
        Callable[[Environment], Environment],
    ],
    ...,
] = (
    (
        RopeScalingRenamed(),
        lambda target: releases_of(target.transformers.config.renamed_fields),
        lambda world: replace(world, rope_parameters=False),
    ),
    (
        ConfigFieldRemoved(),
        lambda target: releases_of(target.transformers.config.removed_fields),
        lambda world: replace(world, removed_fields=(), popped_fields=()),
    ),
    (
        TensorReadWhileBuilt(),
        lambda target: releases_of(target.vllm.building.tensors_on),
        lambda world: replace(world, tensors_on=""),
    ),
    (
        TensorReadWhileBuilt(),
        lambda target: releases_of(target.vllm.building.parameters_on),
        lambda world: replace(world, tensors_on="", parameters_on="", tensors_stay_on=""),
    ),
    (
        MemberOfOtherRelease(),
        lambda target: ReleaseRange("transformers"),
        lambda world: replace(world, absent_members=frozenset()),
    ),
    (
        RopeTypeRemoved(),
        lambda target: releases_of(target.transformers.config.rope_types),
        lambda world: replace(world, rope_types=()),
    ),
    (
        ModelTypeTaken(),
        lambda target: releases_of(target.transformers.config.model_type_taken),
        lambda world: replace(world, model_type_taken=_nothing_taken),
    ),
    (
        LayerTypeRefused(),
        lambda target: releases_of(target.transformers.config.layer_type_unknown),
        lambda world: replace(world, layer_types=None),
    ),
    (
        PlanHoldsOthers("_pp_plan"),
        lambda target: releases_of(target.transformers.plan.class_plan_kept),
        lambda world: replace(world, class_plans_kept=False),
    ),
    (
        PlanHoldsOthers("base_model_tp_plan"),
        lambda target: releases_of(target.transformers.plan.config_plan_on),
        lambda world: replace(world, config_plan_everywhere=True),
    ),
)
