"""Collects plans as written: entries with the places of their keys and values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forgather_lint.documents.config_json import ConfigFile
from forgather_lint.facts import (
    DuplicateKey,
    IgnoredPlan,
    NameEntry,
    Plan,
    PlanEntry,
    PlanOrigin,
    Plans,
    UnknownFact,
)
from forgather_lint.model.declarations import (
    Declaration,
    Prefixed,
    class_plans,
    config_plan,
    declared,
)
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import (
    Choice,
    DictValue,
    Key,
    Known,
    ListValue,
    SetValue,
    TupleValue,
    Unknown,
    Value,
)

TP, PP = "base_model_tp_plan", "base_model_pp_plan"


def collect(
    machine: Machine,
    model: ClassValue,
    config: Value,
    config_file: ConfigFile | None,
    children: Mapping[str, Instance],
) -> Plans:
    """Everything that a model and its config declare about splitting."""
    classes = class_plans(machine, model, children)
    no_split = declared(machine, model, "_no_split_modules", PlanOrigin.MODEL_CLASS)
    tied = declared(machine, model, "_tied_weights_keys", PlanOrigin.MODEL_CLASS)
    return Plans(
        tp=_plan([config_plan(machine, config, config_file, TP)], tensor_entries),
        pp=_plan([config_plan(machine, config, config_file, PP)], pipeline_entries),
        class_tp=_plan(classes["_tp_plan"], tensor_entries),
        class_pp=_plan(classes["_pp_plan"], pipeline_entries),
        no_split=_names(no_split),
        no_split_where=no_split.where if no_split else None,
        tied=_names(tied),
        tied_where=tied.where if tied else None,
        tied_is_dict=tied is not None and isinstance(tied.value, DictValue),
        ignored=tuple(_ignored(machine, model, config)),
    )


def _plan(declarations: list[Prefixed | None] | list[Prefixed], entries_of: object) -> Plan:
    present = [each for each in declarations if each is not None]
    if not present:
        return Plan()
    entries: list[PlanEntry] = []
    unknown: UnknownFact | None = None
    duplicates: tuple[DuplicateKey, ...] = ()
    for prefix, declaration in present:
        duplicates += declaration.duplicates
        if isinstance(declaration.value, DictValue):
            entries += entries_of(prefix, declaration, declaration.value)  # type: ignore[operator]
        if not isinstance(declaration.value, DictValue) or declaration.value.rest:
            unknown = UnknownFact("plan-not-a-literal", declaration.where)
    return Plan(tuple(entries), duplicates, present[0][1].where, unknown)


def tensor_entries(prefix: str, source: Declaration, plan: DictValue) -> Iterator[PlanEntry]:
    """One entry for each key; the style is None unless the value is a string."""
    for key, value in plan.items.items():
        style = value.value if isinstance(value, Known) and isinstance(value.value, str) else None
        yield _entry(prefix, source, plan, key, style=style)


def pipeline_entries(prefix: str, source: Declaration, plan: DictValue) -> Iterator[PlanEntry]:
    """One entry for each key; inputs and outputs are None unless both are lists of strings."""
    for key, value in plan.items.items():
        parts = value.items if isinstance(value, TupleValue | ListValue) else ()
        names = [_texts(part) for part in parts]
        whole = len(names) == 2 and None not in names
        inputs, outputs = (names[0], names[1]) if whole else (None, None)
        yield _entry(prefix, source, plan, key, inputs=inputs, outputs=outputs)


def _texts(value: Value) -> tuple[str, ...] | None:
    if not isinstance(value, ListValue | TupleValue):
        return None
    texts = [
        item.value
        for item in value.items
        if isinstance(item, Known) and isinstance(item.value, str)
    ]
    return tuple(texts) if len(texts) == len(value.items) else None


def _entry(
    prefix: str,
    source: Declaration,
    plan: DictValue,
    key: Key,
    style: str | None = None,
    inputs: tuple[str, ...] | None = None,
    outputs: tuple[str, ...] | None = None,
) -> PlanEntry:
    value, text = plan.items[key], str(key)
    written = source.keys.get(text, source.where), source.values.get(text, source.where)
    key_where, value_where = plan.places.get(key, written)
    return PlanEntry(
        key=text,
        key_where=key_where,
        value_where=value_where,
        value_text=_text(value),
        origin=source.origin,
        owner=source.owner,
        style=style,
        inputs=inputs,
        outputs=outputs,
        prefix=prefix,
        undecided=_is_undecided(value),
    )


def _is_undecided(value: Value) -> bool:
    if isinstance(value, TupleValue | ListValue):
        return any(map(_is_undecided, value.items))
    return isinstance(value, Unknown | Choice)


def _text(value: Value) -> str:
    """The value, spelt as source."""
    match value:
        case Known(content):
            return repr(content)
        case ListValue():
            return f"[{', '.join(map(_text, value.items))}]"
        case TupleValue(items):
            inner = ", ".join(map(_text, items))
            return f"({inner},)" if len(items) == 1 else f"({inner})"
        case DictValue():
            return f"{{{', '.join(f'{k!r}: {_text(v)}' for k, v in value.items.items())}}}"
    return "..."


def _names(source: Declaration | None) -> tuple[NameEntry, ...] | None:
    if source is None:
        return None
    return tuple(
        NameEntry(name, source.keys.get(name, source.where), tied_to, source.owner)
        for name, tied_to in _named(source.value)
    )


def _named(value: Value) -> Iterator[tuple[str, str | None]]:
    if isinstance(value, DictValue):
        for key, item in value.items.items():
            target = item.value if isinstance(item, Known) else None
            yield str(key), target if isinstance(target, str) else None
    elif isinstance(value, ListValue | TupleValue | SetValue):
        items = value.items.values() if isinstance(value, SetValue) else value.items
        yield from ((str(item.value), None) for item in items if isinstance(item, Known))
    elif isinstance(value, Known) and isinstance(value.value, str):
        yield value.value, None


_READ_INSTEAD = {
    "tp_plan": TP,
    "pp_plan": PP,
    "_tp_plan": TP,
    "_pp_plan": PP,
}


def _ignored(machine: Machine, model: ClassValue, config: Value) -> Iterator[IgnoredPlan]:
    """Plan attributes in a place where nothing reads them."""
    if isinstance(config, Instance) and isinstance(config.cls, ClassValue):
        for attribute, instead in _READ_INSTEAD.items():
            yield from _ignored_in(machine, config.cls, attribute, instead)
    for attribute in (TP, PP):
        yield from _ignored_in(machine, model, attribute, f"{attribute} of the config class")
    for attribute, instead in (("tp_plan", "_tp_plan"), ("pp_plan", "_pp_plan")):
        yield from _ignored_in(machine, model, attribute, instead)


def _ignored_in(
    machine: Machine, cls: ClassValue, attribute: str, instead: str
) -> Iterator[IgnoredPlan]:
    found = declared(machine, cls, attribute, PlanOrigin.MODEL_CLASS)
    if found is not None and isinstance(found.value, DictValue):
        yield IgnoredPlan(attribute, found.owner, found.where, instead)
