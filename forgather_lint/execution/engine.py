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
class Engine:
    """The behaviour of one release that decides what a plan computes.

    `styles` maps style names to what replaces a layer, `keys` says which of a plan is applied to
    one (None: the one that is its name). With `own_attention` the engine's attention stands behind
    transformers' interface, else transformers' own. `uneven_parts`: a dimension that does not
    divide by the ranks is spread all the same. With `attention_by_keyword` the model is handed
    what attends. `surplus_heads_pass` tells whether the attention takes more heads than it has
    without an error (vLLM 0.13 folds them into the tokens). `pads_values`: values narrower than
    the keys are taken.
    `embedding_searched`: it goes through the modules of what `get_input_embeddings` returns.
    `replaced` tells which attributes are left of the modules that it replaces.
    `norms_by_name`: a norm is known by the name of its class. `norm_of_other_width` is what
    one says to an input that is not as wide as its weight, `norm_of_uneven_shard` what one that
    gathers its input says to parts that are not equal.
    `no_list` and `several_lists` are what it says to a plan that does not name one stack of layers.
    `dotted_pipeline`: names of stages may have dots; `pipeline_inferred`: without a plan stages are
    cut by what the decoder has. `keywords` are more of what the
    model is called with, for its attention to be handed on.
    `splits_by_head`: a parameter that a module has for each head must be named in the plan.
    """

    styles: Mapping[str, Role]
    own_attention: bool = True
    uneven_parts: bool = False
    keys: KeyMatch | None = None
    attention_by_keyword: bool = False
    surplus_heads_pass: bool = False
    pads_values: bool = False
    norms_by_name: bool = False
    norm_of_other_width: Reaction = Reaction(Effect.NONE)
    norm_of_uneven_shard: Reaction = Reaction(Effect.NONE)
    no_list: Reaction = Reaction(Effect.ERROR, "ValueError", "{type} has no stack of layers")
    several_lists: Reaction = Reaction(Effect.ERROR, "ValueError", "{type} has several of them")
    dotted_pipeline: bool = True
    pipeline_inferred: bool = False
    embedding_searched: bool = False
    replaced: Replaced = Replaced()
    keywords: tuple[str, ...] = ()
    splits_by_head: bool = False


def given_arguments(engine: Engine) -> Arguments:
    """What the release calls the model with; without an engine, the tokens are enough."""
    arguments = engine_arguments(BATCHED if engine.own_attention else SEQUENCE)
    if not engine.own_attention:
        del arguments.keywords["position_ids"]
    if engine.attention_by_keyword:
        instances = DictValue({}, rest=Unknown("attention-instances"))
        arguments.keywords[ATTENTION_INSTANCES] = instances
    for name in engine.keywords:
        arguments.keywords[name] = Unknown("engine-argument")
    return arguments
