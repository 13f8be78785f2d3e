"""What a model finds of a transformers release while it is built and run."""

from __future__ import annotations

from forgather_lint.engines.fact import Effect
from forgather_lint.engines.modules import Libraries
from forgather_lint.engines.transformers.members import absent_members
from forgather_lint.engines.transformers.profile import ConfigPlanOn, TransformersProfile
from forgather_lint.python.interpreter.environment import Environment, LayerTypes


def environment_beside(transformers: TransformersProfile, torch: str = "") -> Environment:
    """The environment that a model finds with a transformers release, and one of torch if known."""
    return Environment(
        transformers=str(transformers.version),
        torch=torch,
        modules=Libraries.of(transformers.version, torch),
        fields_generated=transformers.config.fields_generated.value,
        removed_fields=transformers.config.removed_fields.value,
        popped_fields=transformers.config.popped_fields.value,
        layer_types=_layer_types(transformers),
        absent_members=absent_members(transformers.version),
        activations=transformers.modeling.activations.value,
        rope_keys_missing=transformers.config.rope_keys_missing.value.text,
        rope_types=transformers.config.rope_types.value,
        model_type_taken=transformers.has_model_type,
        has_class=transformers.has_class,
        class_plans_kept=transformers.plan.class_plan_kept.value,
        config_plan_everywhere=transformers.plan.config_plan_on.value is ConfigPlanOn.EVERY_MODEL,
        holders_initialised=transformers.modeling.holders_initialised.value,
        rope_parameters="rope_scaling" in transformers.config.renamed_fields.value,
        mask_takes_input_embeds=(
            transformers.modeling.mask_embeds_renamed.value.effect is Effect.NONE
        ),
    )


def _layer_types(transformers: TransformersProfile) -> LayerTypes | None:
    config = transformers.config
    unknown, length = config.layer_type_unknown.value, config.layer_types_length.value
    if unknown.effect is Effect.NONE:
        return None
    allowed = {"layer_types": config.layer_types.value}
    if config.mlp_layer_types.value:
        allowed["mlp_layer_types"] = config.mlp_layer_types.value
    return LayerTypes(allowed, config.layer_types_renamed.value, unknown.text, length.text)
