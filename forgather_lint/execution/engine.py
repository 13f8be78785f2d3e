"""What an abstract forward needs to know of a serving engine."""

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
"""The keyword by which newer releases pass their attention to the model."""


@record
class Compressed:
    """The engine's attention over compressed keys and values (latent attention), and its sizes.

    `expansions` has, for the first of each kind of module, the name of the method that the engine
    skips: the one that expands what is cached. A head of queries and keys has `whole` features,
    `rotary` of them rotary; a head of values has `value`. What is cached for a token has `rank`
    features.
    """

    expansions: Mapping[Instance, str]
    rank: int
    rotary: int
    whole: int
    value: int


@record
class Heads:
    """The head counts of a model's config; `kv` of them hold keys and values.

    `uniform`: every layer has these; otherwise some layers may have others. `layers` is how many
    layers the config counts, None where that is not known.
    """

    query: int
    kv: int
    size: int
    compressed: Compressed | None = None
    uniform: bool = True
    layers: int | None = None


class UndecidedKey(NamedTuple):
    """It is not known which key applies: `key` is an invalid expression, or not safe to try.

    `fails`: the release itself raises on it.
    """

    key: str
    reason: str
    fails: bool = False


class KeyMatch(Protocol):
    """Which of the keys of a plan, in dict order, is applied to the module `name`.

    None: none is.
    """

    def __call__(self, keys: Sequence[str], name: str) -> str | UndecidedKey | None: ...


@record
class PlanReading:
    """How an engine reads a tensor-parallel plan.

    `styles` maps style names to roles of layers. `keys` says which key is applied to a module
    (None: the key equal to its name). `uneven_parts`: a dimension that the ranks do not divide
    evenly is split all the same. `splits_by_head`: a parameter with one value for each head is
    split without being named in the plan.
    """

    styles: Mapping[str, Role]
    keys: KeyMatch | None = None
    uneven_parts: bool = False
    splits_by_head: bool = False


@record
class EngineAttention:
    """The engine's attention, which is called through transformers' attention interface.

    `surplus_heads_pass`: it takes more heads than it was made for without an error (vLLM 0.13 folds
    them into the tokens). `pads_values`: it takes values narrower than the keys. `of_no_layer` is
    what it says to an attention of a layer that the config does not count.
    """

    surplus_heads_pass: bool = False
    pads_values: bool = False
    of_no_layer: Reaction = Reaction(Effect.NONE)


@record
class HandedOn:
    """What an engine passes to the model beside tokens, for the model to pass on to the attention.

    `attention`: the attention itself is passed (`ATTENTION_INSTANCES`); `others` are further
    keywords. `ids` is the dtype of the tokens themselves.
    """

    attention: bool = False
    others: tuple[str, ...] = ()
    ids: str = "int64"


@record
class EngineNorms:
    """What the engine's norms say to an input of the wrong width.

    `of_other_width` to one that is not as wide as the weight; `of_uneven_shard`, where a sharded
    input is gathered, to shards that are not equal.
    """

    of_other_width: Reaction = Reaction(Effect.NONE)
    of_uneven_shard: Reaction = Reaction(Effect.NONE)


@record
class StageCutting:
    """How an engine cuts a model into stages by a pipeline plan.

    `no_list` and `several_lists` are its reactions to a plan that does not name exactly one stack
    of layers. `dotted_names`: names in the plan may have dots. `inferred`: without a plan, stages
    are cut by the children of the decoder. `embedding_searched`: the engine looks through the
    modules of what `get_input_embeddings` returns.
    """

    no_list: Reaction = Reaction(Effect.ERROR, "ValueError", "{type} has no stack of layers")
    several_lists: Reaction = Reaction(Effect.ERROR, "ValueError", "{type} has several of them")
    dotted_names: bool = True
    inferred: bool = False
    embedding_searched: bool = False


@record
class Engine:
    """The behaviour of one release that decides what a plan computes.

    `attention` is None where transformers' own attention stays. `replaced` tells which attributes
    the engine's layers have in place of those of the modules that they replace.
    """

    plan: PlanReading
    attention: EngineAttention | None = None
    handed_on: HandedOn = HandedOn()
    norms: EngineNorms = EngineNorms()
    stages: StageCutting = StageCutting()
    replaced: Replaced = Replaced()


def given_arguments(engine: Engine) -> Arguments:
    """The arguments with which the release calls the model; without an engine, tokens alone."""
    sequence = BATCHED if engine.attention else SEQUENCE
    arguments = engine_arguments(sequence, engine.handed_on.ids)
    if engine.attention is None:
        del arguments.keywords["position_ids"]
    if engine.handed_on.attention:
        instances = DictValue({}, rest=Unknown("attention-instances"))
        arguments.keywords[ATTENTION_INSTANCES] = instances
    for name in engine.handed_on.others:
        arguments.keywords[name] = Unknown("engine-argument")
    return arguments
