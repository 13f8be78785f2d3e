"""What the flow needs to know of a serving engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from forgather_lint.core.record import record
from forgather_lint.execution.inputs import BATCHED, SEQUENCE, engine_arguments
from forgather_lint.execution.layers import Role
from forgather_lint.execution.replaced import Replaced
from forgather_lint.facts.release import Effect, Reaction
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


class UndecidedKey(NamedTuple):
    """No key is known to be the one: `key` is an invalid expression, or not safe to try.

    `fails` says that the release itself raises on it.
    """

    key: str
    reason: str
    fails: bool = False


class KeyMatch(Protocol):
    """Which of the keys of a plan, in dict order, is applied to the module `name`."""

    def __call__(self, keys: Sequence[str], name: str) -> str | UndecidedKey | None: ...


@record
class PlanReading:
    """How an engine reads a tensor parallel plan.

    `styles` maps style names to what replaces a layer, `keys` says which of a plan is applied to
    one (None: the one that is its name). `uneven_parts`: a dimension that does not divide by the
    ranks is spread all the same. `splits_by_head`: a parameter that a module has for each head
    must be named in the plan.
    """

    styles: Mapping[str, Role]
    keys: KeyMatch | None = None
    uneven_parts: bool = False
    splits_by_head: bool = False


@record
class EngineAttention:
    """The attention of an engine, which stands behind transformers' interface.

    `surplus_heads_pass` tells whether it takes more heads than it has without an error (vLLM 0.13
    folds them into the tokens), `pads_values` whether it takes values narrower than the keys.
    """

    surplus_heads_pass: bool = False
    pads_values: bool = False


@record
class HandedOn:
    """What an engine calls the model with beside tokens, to be handed on to the attention.

    `attention`: the model is handed what attends (`ATTENTION_INSTANCES`); `others` are more names.
    """

    attention: bool = False
    others: tuple[str, ...] = ()


@record
class EngineNorms:
    """What the norms of an engine say to an input that is not as wide as the model.

    `of_other_width` to one that is not as wide as the weight, `of_uneven_shard`, where the input is
    gathered, to parts that are not equal.
    """

    of_other_width: Reaction = Reaction(Effect.NONE)
    of_uneven_shard: Reaction = Reaction(Effect.NONE)


@record
class StageCutting:
    """How an engine cuts stages by a pipeline plan.

    `no_list` and `several_lists` are what it says to a plan that does not name one stack of layers.
    `dotted_names`: names may have dots. `inferred`: without a plan stages are cut by what the
    decoder has. `embedding_searched`: it goes through the modules of what `get_input_embeddings`
    returns.
    """

    no_list: Reaction = Reaction(Effect.ERROR, "ValueError", "{type} has no stack of layers")
    several_lists: Reaction = Reaction(Effect.ERROR, "ValueError", "{type} has several of them")
    dotted_names: bool = True
    inferred: bool = False
    embedding_searched: bool = False


@record
class Engine:
    """The behaviour of one release that decides what a plan computes.

    `attention` is None where transformers' own stays. `replaced` tells which attributes are left of
    the modules that it replaces.
    """

    plan: PlanReading
    attention: EngineAttention | None = None
    handed_on: HandedOn = HandedOn()
    norms: EngineNorms = EngineNorms()
    stages: StageCutting = StageCutting()
    replaced: Replaced = Replaced()


def given_arguments(engine: Engine) -> Arguments:
    """What the release calls the model with; without an engine, the tokens are enough."""
    arguments = engine_arguments(BATCHED if engine.attention else SEQUENCE)
    if engine.attention is None:
        del arguments.keywords["position_ids"]
    if engine.handed_on.attention:
        instances = DictValue({}, rest=Unknown("attention-instances"))
        arguments.keywords[ATTENTION_INSTANCES] = instances
    for name in engine.handed_on.others:
        arguments.keywords[name] = Unknown("engine-argument")
    return arguments
