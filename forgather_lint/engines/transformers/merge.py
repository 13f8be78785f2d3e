"""How transformers merges a model's parallel plans in `post_init`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from forgather_lint.core.port import port_of
from forgather_lint.engines.transformers.profile import (
    ConfigPlanOn,
    EmbeddingRule,
    TransformersPlan,
)

Value = TypeVar("Value")


class EntryOrigin(StrEnum):
    """Where an entry of the merged plan comes from."""

    CONFIG = "config"
    CLASS = "class"
    CHILD = "child"
    TRANSFORMERS = "transformers"


class MergedEntry(NamedTuple, Generic[Value]):
    """An entry of the merged plan, under `key`; `written` is its key in the plan it comes from.

    `child` names the submodel with that plan. `value` is None for an entry that transformers adds.
    """

    key: str
    value: Value | None
    origin: EntryOrigin
    written: str
    child: str = ""


Merged = dict[str, MergedEntry[Value]]

EMBEDDING_KEY = "embed_tokens"


class Owner(NamedTuple):
    """What `merge_plans` needs to know of the model."""

    is_base_model: bool = True
    ties_embeddings: bool = False
    has_embed_tokens: bool = False


@port_of("transformers/distributed/mixin.py", "DistributedMixin.init_parallel_plans")
def merge_plans(
    release: TransformersPlan,
    owner: Owner,
    config_plan: Mapping[str, Value] | None,
    class_plan: Mapping[str, Value] | None,
    children: Sequence[tuple[str, Merged[Value]]] = (),
    *,
    tensor_parallel: bool = True,
) -> Merged[Value]:
    """The plan of a model after `post_init`, in dict order.

    `children` are the direct children that have a merged plan of their own, in order of
    declaration. `owner.is_base_model`: the attribute named by `base_model_prefix` is absent.
    `owner.ties_embeddings`: its config has `tie_word_embeddings`. `owner.has_embed_tokens`: it has
    an `nn.Embedding` of that name. The last two matter only for tensor-parallel plans.
    """
    merged: Merged[Value] = {}
    if release.class_plan_kept.value:
        merged.update(_entries(class_plan, EntryOrigin.CLASS))
    if owner.is_base_model or release.config_plan_on.value is ConfigPlanOn.EVERY_MODEL:
        merged.update(_entries(config_plan, EntryOrigin.CONFIG))
        if tensor_parallel and config_plan is not None:
            merged.update(_rule_of_config(release, owner))
    if tensor_parallel:
        merged = {**_rule_of_model(release, owner, merged), **merged}
    for name, plan in children:
        merged.update(_prefixed(name, plan))
    return merged


def _entries(
    plan: Mapping[str, Value] | None, origin: EntryOrigin
) -> Iterator[tuple[str, MergedEntry[Value]]]:
    for key, value in (plan or {}).items():
        yield key, MergedEntry(key, value, origin, key)


def _prefixed(child: str, plan: Merged[Value]) -> Iterator[tuple[str, MergedEntry[Value]]]:
    for key, entry in plan.items():
        longer = f"{child}.{key}"
        path = f"{child}.{entry.child}" if entry.child else child
        yield longer, MergedEntry(longer, entry.value, entry.origin, entry.written, path)


@port_of("transformers/configuration_utils.py", "PreTrainedConfig.__post_init__")
def _rule_of_config(release: TransformersPlan, owner: Owner) -> Merged[Value]:
    """The entry that a config with tied embeddings adds to its plan."""
    tied = release.embedding_rule.value is EmbeddingRule.CONFIG_IF_TIED and owner.ties_embeddings
    return _added() if tied else {}


def _rule_of_model(release: TransformersPlan, owner: Owner, merged: Merged[Value]) -> Merged[Value]:
    """The entry that a model adds; one of that name stays, but moves to the front."""
    rule = release.embedding_rule.value is EmbeddingRule.BASE_MODEL and owner.is_base_model
    return _added() if rule and merged and owner.has_embed_tokens else {}


def _added() -> Merged[Value]:
    entry = MergedEntry[Value](EMBEDDING_KEY, None, EntryOrigin.TRANSFORMERS, EMBEDDING_KEY)
    return {EMBEDDING_KEY: entry}
