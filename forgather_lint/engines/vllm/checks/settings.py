"""What a target requires of config.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forgather_lint.core.source import file_start
from forgather_lint.documents.python import SourceError
from forgather_lint.documents.sources import Sources
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, releases_of
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.server import architectures
from forgather_lint.facts.causes.config import (
    DefaultsRaise,
    FieldIsAbsent,
    FieldIsNull,
    KeyHasNewName,
    LayerTypesUnusable,
    LengthExceedsPositions,
    NoArchitecture,
    ReferenceMalformed,
)
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.tree import class_name
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import Arguments, Known, ListValue


@check(Phase.CONFIG)
def nulls(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Fields of a validated record that are None, or a list with a number for each layer."""
    needed = seen.target.vllm.config
    for name in needed.integer_fields.value:
        refused = _no_number(seen, name)
        if refused is not None:
            record = f"total_{name}" if name == "num_attention_heads" else name
            where = seen.place_of_setting(name)
            cause = FieldIsNull(name, is_list=refused["type"] == "list")
            parts = {"record": record, **refused}
            yield from seen.problem(cause, needed.integer_null, where, parts=parts)
    there = [name for name in needed.kv_head_fields.value if seen.setting(name) is not None]
    refused = _no_number(seen, there[0]) if there else None
    if refused is not None:
        cause = FieldIsNull(there[0], counts_heads=True, is_list=refused["type"] == "list")
        where = seen.place_of_setting(there[0])
        yield from seen.problem(cause, needed.kv_heads_null, where, parts=refused)


@check(Phase.CONFIG)
def older_names(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Keys of config.json that the target's transformers has under another name.

    Keys that it merges with others into one are left out: how to write the new value differs by
    model. So are keys whose older name occurs in the model's code, which may read it.
    """
    renamed, config = seen.target.transformers.config.renamed_fields, seen.model.config
    if config is None:
        return
    news = list(renamed.value.values())
    parts: list[tuple[tuple[str, ...], Mapping[str, object]]] = [((), config.values)]
    parts += [((key,), each) for key, each in config.values.items() if isinstance(each, dict)]
    for where, values in parts:
        for old, new in renamed.value.items():
            known = old in values and new not in values and news.count(new) == 1
            if known and not _is_said(seen.model.sources, old):
                yield ServingProblem(
                    cause=KeyHasNewName(old, new),
                    verdict="",
                    where=config.key_place(*where, old),
                    target=str(seen.target),
                    error="",
                    releases=releases_of(renamed),
                )


def _is_said(sources: Sources, word: str) -> bool:
    """Whether a file of the model contains `word`, or cannot be read."""
    try:
        return any(word in sources.text(each) for each in {*sources.paths, *sources.texts})
    except SourceError:
        return True


def _no_number(seen: CheckedModel, name: str) -> dict[str, object] | None:
    """The parts of the message for a field that surely is no number; None for any other."""
    if seen.is_null(name):
        return {"value": "None", "type": "NoneType"}
    value, kind = seen.setting(name), seen.setting("model_type")
    own = seen.target.vllm.config.own_head_counts.value
    if not isinstance(value, ListValue) or value.rest is not None or not isinstance(kind, Known):
        return None
    if kind.value in own or seen.setting("is_heterogeneous") not in (None, Known(False)):
        return None
    items = [each.value if isinstance(each, Known) else "..." for each in value.items]
    return {"value": f"[{', '.join(map(str, items))}]", "type": "list"}


@check(Phase.CONFIG)
def defaults(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A config class that cannot be constructed without arguments, as is done to print a config.

    Source: transformers/configuration_utils.py, `PreTrainedConfig.to_diff_dict`.
    """
    fact, machine = seen.target.transformers.config.defaults_built, seen.builder.machine
    cls = seen.builder.config_class(seen.cls)
    if not fact.value or cls is None:
        return
    flag = find_member(machine, cls, "has_no_defaults_at_init")
    if flag is not None and flag.value != Known(False):
        return
    try:
        with machine.undone_run(environment=seen.builder.environment):
            machine.call(cls, Arguments(), cls.where)
    except Raised as error:
        if error.doubt is None:
            yield ServingProblem(
                cause=DefaultsRaise(cls.name),
                verdict="fails",
                where=error.where if error.where.span.path else cls.where,
                target=str(seen.target),
                error=error.shown,
                releases=releases_of(fact),
            )


@check(Phase.BUILD)
def absent(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Attributes that the backend reads and the config has under no known name.

    Without a config.json nothing is reported: it is not known what it will contain.
    """
    needed, config = seen.target.vllm.config, seen.settings.config
    if not isinstance(config, Instance) or seen.model.config is None:
        return
    where = config.cls.where if isinstance(config.cls, ClassValue) else seen.cls.where
    for name in needed.fields_read.value:
        if seen.settings.lacks(name):
            parts = {"class": class_name(config), "name": name}
            yield from seen.problem(FieldIsAbsent(name), needed.field_absent, where, parts=parts)


@check(Phase.BUILD)
def layer_types(seen: CheckedModel) -> Iterator[ServingProblem]:
    """`layer_types` that is None, or shorter than the number of layers."""
    attention = seen.target.vllm.attention
    where = seen.place_of_setting("layer_types")
    if seen.is_null("layer_types"):
        cause = LayerTypesUnusable("null")
        yield from seen.problem(cause, attention.layer_types_null, where)
        return
    value, layers = seen.setting("layer_types"), seen.number("num_hidden_layers")
    if not isinstance(value, ListValue) or value.rest is not None or layers is None:
        return
    if len(value.items) < layers:
        cause = LayerTypesUnusable(f"{len(value.items)} entries for {layers} layers")
        yield from seen.problem(cause, attention.layer_types_short, where)


@check(Phase.ACCEPT)
def max_length(seen: CheckedModel) -> Iterator[ServingProblem]:
    """`--max-model-len` above what the config allows."""
    needed, wanted = seen.target.vllm.config, seen.max_model_len
    limits = {
        name: limit
        for name in needed.length_fields.value
        if (limit := seen.number(name)) is not None
    }
    if wanted is None or not limits or seen.settings.is_rope_scaled:
        return
    field = min(limits, key=lambda name: limits[name])
    if wanted > limits[field]:
        yield from seen.problem(
            LengthExceedsPositions(field, wanted, limits[field]),
            needed.length_exceeded,
            seen.place_of_setting(field),
            parts={
                "length": wanted,
                "field": field,
                "limit": limits[field],
                "model_max_length": None,
            },
        )


@check(Phase.CONFIG)
def no_architecture(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A config.json that names neither a class nor a model type for which the release has one."""
    file, values = seen.builder.config_file, seen.builder.config_values
    named = values.get("architectures") or architectures(values, seen.target)
    if file is not None and not named and "architectures" not in file.undecided:
        fact = seen.target.vllm.config.no_architecture
        yield from seen.problem(NoArchitecture(), fact, file_start(file.path))


@check(Phase.CONFIG)
def auto_map_entries(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Entries of auto_map, for classes that vLLM loads, that are not text."""
    file, auto_map = seen.builder.config_file, seen.builder.config_values.get("auto_map", {})
    loading = seen.target.transformers.loading
    if file is None:
        return
    if auto_map is None:
        cause, where = ReferenceMalformed("auto_map"), file.place("auto_map")
        yield from seen.problem(cause, loading.auto_map_null, where)
        return
    for key in ("AutoConfig", "AutoModel"):
        if not isinstance(auto_map, dict) or isinstance(auto_map.get(key, ""), str):
            continue
        null = auto_map[key] is None
        fact = loading.reference_null if null else loading.reference_not_text
        parts = {"type": type(auto_map[key]).__name__}
        where = file.place("auto_map", key)
        yield from seen.problem(ReferenceMalformed(key), fact, where, parts=parts)
        return
