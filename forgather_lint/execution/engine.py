"""What the flow needs to know of a serving engine."""

from __future__ import annotations

from collections.abc import Mapping

from forgather_lint.core.record import record
from forgather_lint.engines.fact import Effect, Outcome
from forgather_lint.engines.vllm.profile import VllmPlan
from forgather_lint.engines.vllm.words import Hoisting
from forgather_lint.execution.inputs import engine_arguments
from forgather_lint.execution.layers import Role
from forgather_lint.execution.replaced import Replaced
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Arguments, DictValue, Unknown

ATTENTION_INSTANCES = "attention_instances"
"""The keyword by which newer releases hand their attention to the model."""


@record
class Compressed:
    """The engine's attention for compressed keys and values: which modules have it, its sizes.

    `expansions` names the method that is left out in each kind of module, by the first that
    is alike. A head of queries and keys has `whole` values, of which `rotary` are the
    rotary part, one of values has `value`. What is kept instead of keys and values has `rank`.
    """

    expansions: Mapping[Instance, str]
    rank: int
    rotary: int
    whole: int
    value: int


@record
class Heads:
    """The head counts of a model's config; `kv` of them hold keys and values.

    `uniform`: every layer of the engine has these; else some may have others.
    """

    query: int
    kv: int
    size: int
    compressed: Compressed | None = None
    uniform: bool = True


@record
class Engine:
    """The behaviour of one vLLM release that decides what a plan computes.

    `styles` maps style names to what replaces a layer. With `own_attention` the engine's attention
    stands behind transformers' interface, else transformers' own. `uneven_parts`: a dimension
    that does not divide by the ranks is spread all the same. `surplus_heads_pass` tells
    whether the attention takes more heads than it has without an error (0.13 folds them into the
    tokens).
    With `head_size_of_module` the `head_dim` of a module counts before that of the config.
    `fuses_*` say which projections the release finds and shards by itself, whatever the plan says.
    `embedding_searched`: it goes through the modules of what `get_input_embeddings` returns.
    `replaced` tells which attributes are left of the modules that it replaces.
    With `norms_gather` a norm that is known by what it computes gathers an input that is narrower
    than its weight, or than the model where it has none (`norm_width_from_config`).
    The heads of the model types in `own_head_counts` are read in a way that is not modelled.
    `heads_per_kv_uneven` is what the attention says to query heads that its KV heads do not divide,
    `kv_heads_uneven` what fused projections say to KV heads that the ranks do not.
    A config with `expert_minimum` or more in one of `expert_fields` has its experts replaced.
    `shared_summed_once`: a shared expert that it fuses leaves its sum to the layer of the experts.
    `pads_values`: values narrower than the keys are taken. `latent_head_sizes` are the sizes that
    the attention for compressed keys and values has; for `latent_types` it is that of what is kept.
    """

    release: str
    styles: Mapping[str, Role]
    own_attention: bool = True
    uneven_parts: bool = False
    plan: VllmPlan | None = None
    attention_by_keyword: bool = False
    surplus_heads_pass: bool = False
    head_size_of_module: bool = False
    fuses_glu: bool = False
    fuses_qkv: bool = False
    fuses_packed_qkv: bool = False
    merges_columns: bool = False
    fuses_latent: bool = False
    pads_values: bool = False
    latent_types: tuple[str, ...] = ()
    latent_head_sizes: tuple[int, ...] = ()
    hoisting: Hoisting = Hoisting.NONE
    output_by_return: bool = False
    norms_by_name: bool = False
    norms_gather: bool = False
    norm_power: bool = False
    norm_width_from_config: bool = False
    norm_of_uneven_shard: Outcome = Outcome(Effect.NONE)
    plan_required: bool = True
    dotted_pipeline: bool = True
    pipeline_inferred: bool = False
    embed_scale_missing: bool = False
    embedding_searched: bool = False
    own_head_counts: tuple[str, ...] = ()
    kv_head_fields: tuple[str, ...] = ("num_key_value_heads",)
    heads_per_kv_uneven: Outcome = Outcome(Effect.NONE)
    kv_heads_uneven: Outcome = Outcome(Effect.NONE)
    expert_fields: tuple[str, ...] = ()
    expert_minimum: int = 0
    shared_summed_once: bool = False
    replaced: Replaced = Replaced()


def given_arguments(engine: Engine) -> Arguments:
    """What the release calls the model with; without an engine, the tokens are enough."""
    arguments = engine_arguments()
    if not engine.own_attention:
        del arguments.keywords["position_ids"]
    if engine.attention_by_keyword:
        instances = DictValue({}, rest=Unknown("attention-instances"))
        arguments.keywords[ATTENTION_INSTANCES] = instances
    return arguments
