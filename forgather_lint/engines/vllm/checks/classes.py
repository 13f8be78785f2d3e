"""What a target requires of the class that AutoModel loads."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, problem
from forgather_lint.engines.vllm.checks.loading import refusal
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.fact_values import AttentionGate
from forgather_lint.engines.vllm.server import AskedFor, architectures, auto_map
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.facts.causes.code import (
    AttentionNotReplaceable,
    ModelIsPlainModule,
    PostInitNeverCalled,
    TiedWeightsAreAList,
    TieWeightsTakesNoArguments,
)
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.libraries.names import EMBEDDING, PRETRAINED
from forgather_lint.libraries.transformers.model import plans_merged
from forgather_lint.model.build import ModelBuilder, NoModel
from forgather_lint.model.entry import AUTO_MODEL, reference
from forgather_lint.python.interpreter.classes import find_member, is_subclass
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import ClassValue, FunctionValue
from forgather_lint.python.values.value import (
    External,
    Known,
    ListValue,
    TupleValue,
    Unknown,
    Value,
)

FLAG = "_supports_attention_backend"


@check(Phase.ACCEPT)
def attention_backend(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A class that does not declare that its attention can be replaced."""
    if seen.server.asked is not AskedFor.FOLDER:
        return
    attention = seen.target.vllm.attention
    cls = _asked(seen.builder) or seen.cls
    if _is_plain(seen.builder, cls):
        plain, said = ModelIsPlainModule(cls.name), {"model": cls.name}
        yield from seen.problem(plain, attention.plain_module, cls.where, parts=said)
        return
    found = find_member(seen.builder.machine, cls, FLAG)
    flag = found.value if found is not None else None
    if _is_true(flag) or isinstance(flag, Unknown):
        return
    if attention.gate.value is AttentionGate.DECLARED_OR_SETTABLE and _settable(seen, cls):
        return
    name = next(iter(architectures(seen.builder.config_values, seen.target)), seen.cls.name)
    where = seen.place_of_member(FLAG, cls)
    fact, parts = refusal(name, seen.builder.config_file, seen.target, seen.impl)
    yield from seen.problem(AttentionNotReplaceable(cls.name), fact, where, parts=parts)


@port_of("vllm/model_executor/models/registry.py", "_ModelRegistry._try_resolve_transformers")
def _asked(builder: ModelBuilder) -> ClassValue | None:
    """The class of the first model in auto_map, which need not be the one that is loaded."""
    for key, text in auto_map(builder.config_values).items():
        found = _class_of(builder, text) if key.startswith(AUTO_MODEL) else None
        if found is not None:
            return found
    return None


def _class_of(builder: ModelBuilder, text: object) -> ClassValue | None:
    """The class that an entry of auto_map names; None where it cannot be had."""
    named = reference(text)
    try:
        return builder.find_class(named) if named is not None else None
    except (NoModel, Raised):
        return None


def _is_plain(builder: ModelBuilder, cls: ClassValue) -> bool:
    """Whether a class is surely no `PreTrainedModel`."""
    return is_subclass(builder.machine, cls, External(PRETRAINED)) is False


def plain_module(builder: ModelBuilder, target: VllmTarget) -> Iterator[ServingProblem]:
    """That the class that is asked, or the one that AutoModel loads, is no `PreTrainedModel`."""
    asked = _asked(builder)
    loaded = _class_of(builder, auto_map(builder.config_values).get(AUTO_MODEL))
    for cls, fact in (
        (asked, target.vllm.attention.plain_module),
        (loaded, target.transformers.loading.plain_module),
    ):
        if cls is not None and _is_plain(builder, cls):
            cause = ModelIsPlainModule(cls.name)
            yield from problem(target, cause, fact, cls.where, parts={"model": cls.name})
            return


def _is_true(value: Value | None) -> bool:
    return isinstance(value, Known) and value.value is True


@port_of("transformers/modeling_utils.py", "PreTrainedModel._can_set_attn_implementation")
def _settable(seen: CheckedModel, cls: ClassValue) -> bool:
    """Whether the attention may be replaced: transformers looks at the text of the file."""
    modeling = seen.target.transformers.modeling
    file = seen.builder.loader.files.get(cls.scope.namespace.name)
    if file is None:
        return True
    if re.search(modeling.attention_class_pattern.value, file.text, re.MULTILINE) is None:
        return True
    return any(text in file.text for text in modeling.settable_if_file_has.value)


@check(Phase.BUILD)
def tied_weights(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A list of tied names where the release accepts only a dict, in a model that ties."""
    fact = seen.target.transformers.modeling.tied_weights_list
    keys, ties = seen.member("_tied_weights_keys"), seen.setting("tie_word_embeddings")
    if isinstance(keys, ListValue | TupleValue) and _is_true(ties):
        where = seen.place_of_member("_tied_weights_keys")
        cause = TiedWeightsAreAList(seen.cls.name, _table_of_tokens(seen))
        yield from seen.problem(cause, fact, where)


def _table_of_tokens(seen: CheckedModel) -> str:
    """The full name of the embedding's weight, in the class with the head; empty where unknown."""
    prefix, vocabulary = seen.member("base_model_prefix"), seen.number("vocab_size")
    modules = seen.judge.subject.tree.structure.modules if seen.judge else ()
    tables = [
        each.name
        for each in modules
        if each.is_a(EMBEDDING) and each.sizes.get("num_embeddings") == vocabulary is not None
    ]
    name = prefix.value if isinstance(prefix, Known) else None
    if len(tables) != 1 or not isinstance(name, str) or not name:
        return ""
    return f"{name}.{tables[0]}.weight"


@check(Phase.BUILD)
def tie_weights_override(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A `tie_weights` of the model's own that accepts no arguments."""
    method = seen.member("tie_weights")
    if not isinstance(method, FunctionValue) or not isinstance(method.node, cst.FunctionDef):
        return
    given = method.node.params
    names = {parameter.name.value for parameter in (*given.params, *given.kwonly_params)}
    called = seen.root is None or plans_merged(seen.root) is True
    if called and given.star_kwarg is None and "recompute_mapping" not in names:
        fact = seen.target.transformers.modeling.tie_weights_override
        cause, parts = TieWeightsTakesNoArguments(seen.cls.name), {"class": seen.cls.name}
        yield from seen.problem(cause, fact, method.where, parts=parts)


@check(Phase.BUILD)
def post_init(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A constructor that never calls `post_init`, so that no plan is merged."""
    if seen.root is None or plans_merged(seen.root) is not False:
        return
    fact = seen.target.vllm.plan.never_merged
    method = seen.member("__init__")
    where = method.where if isinstance(method, FunctionValue) else seen.cls.where
    if fact.value.effect is not Effect.NONE:
        yield from seen.problem(PostInitNeverCalled(seen.cls.name), fact, where)
