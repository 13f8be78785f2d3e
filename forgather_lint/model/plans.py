"""Collects plans as written: entries with the places of their keys and values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import libcst as cst

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
from forgather_lint.inputs.config_json import ConfigFile
from forgather_lint.interp.classes import find_member
from forgather_lint.interp.machine import Machine
from forgather_lint.model.values import from_json
from forgather_lint.source import Place
from forgather_lint.syntax.python import NodePlace
from forgather_lint.values.value import (
    Choice,
    ClassValue,
    DictValue,
    Instance,
    Key,
    Known,
    ListValue,
    SetValue,
    TupleValue,
    Unknown,
    Value,
)

TP, PP = "base_model_tp_plan", "base_model_pp_plan"


@dataclass(frozen=True, slots=True)
class Declaration:
    """A plan attribute: its value, where it is assigned, and the dict literal if it is one."""

    value: Value
    where: Place
    owner: str
    origin: PlanOrigin
    keys: Mapping[str, Place]
    values: Mapping[str, Place]
    duplicates: tuple[DuplicateKey, ...] = ()


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
        tp=_plan([_config_plan(machine, config, config_file, TP)], tensor_entries),
        pp=_plan([_config_plan(machine, config, config_file, PP)], pipeline_entries),
        class_tp=_plan(classes["_tp_plan"], tensor_entries),
        class_pp=_plan(classes["_pp_plan"], pipeline_entries),
        no_split=_names(no_split),
        no_split_where=no_split.where if no_split else None,
        tied=_names(tied),
        tied_where=tied.where if tied else None,
        tied_is_dict=tied is not None and isinstance(tied.value, DictValue),
        ignored=tuple(_ignored(machine, model, config)),
    )


Prefixed = tuple[str, Declaration]


def class_plans(
    machine: Machine, model: ClassValue, children: Mapping[str, Instance]
) -> dict[str, list[Prefixed]]:
    """`_tp_plan` and `_pp_plan` of the model class and of the classes of its children."""
    found: dict[str, list[Prefixed]] = {}
    for attribute in ("_tp_plan", "_pp_plan"):
        own = declared(machine, model, attribute, PlanOrigin.MODEL_CLASS)
        found[attribute] = [("", own)] if own else []
        for name, child in children.items():
            if isinstance(child.cls, ClassValue):
                plan = declared(machine, child.cls, attribute, PlanOrigin.CHILD_CLASS)
                found[attribute] += [(name, plan)] if plan else []
    return found


def declared(
    machine: Machine, cls: ClassValue, attribute: str, origin: PlanOrigin
) -> Declaration | None:
    """A class attribute that is set to something other than None."""
    member = find_member(machine, cls, attribute)
    if member is None or not isinstance(member.owner, ClassValue):
        return None
    if isinstance(member.value, Known) and member.value.value is None:
        return None
    where = member.owner.places.get(attribute, member.owner.where)
    keys, values, duplicates = _literal_places(where)
    return Declaration(member.value, where, member.owner.name, origin, keys, values, duplicates)


def _config_plan(
    machine: Machine, config: Value, config_file: ConfigFile | None, attribute: str
) -> Prefixed | None:
    """The plan of the config: config.json's when it has one, else that of the config class."""
    if config_file is not None and config_file.values.get(attribute) is not None:
        return "", _json_declaration(config_file, attribute)
    if not isinstance(config, Instance) or not isinstance(config.cls, ClassValue):
        return None
    found = declared(machine, config.cls, attribute, PlanOrigin.CONFIG_CLASS)
    set_later = config.attributes.get(attribute)
    if set_later is None or (isinstance(set_later, Known) and set_later.value is None):
        found = found or _set_to_none(machine, config.cls, attribute)
        return ("", found) if found else None
    if found is not None and found.value is set_later:
        return "", found
    where = config.places.get(attribute, config.cls.where)
    keys, values, duplicates = _literal_places(found.where) if found else ({}, {}, ())
    owner = config.cls.name
    origin = PlanOrigin.CONFIG_CLASS
    return "", Declaration(set_later, where, owner, origin, keys, values, duplicates)


def _set_to_none(machine: Machine, cls: ClassValue, attribute: str) -> Declaration | None:
    """An empty plan where the class says `attribute = None`."""
    member = find_member(machine, cls, attribute)
    if member is None or not isinstance(member.owner, ClassValue):
        return None
    where = member.owner.places.get(attribute, member.owner.where)
    nothing = DictValue({})
    return Declaration(nothing, where, member.owner.name, PlanOrigin.CONFIG_CLASS, {}, {})


def _json_declaration(config_file: ConfigFile, attribute: str) -> Declaration:
    content = config_file.values[attribute]
    names = [str(key) for key in content] if isinstance(content, dict) else []
    return Declaration(
        from_json(content),
        config_file.place(attribute),
        "config.json",
        PlanOrigin.CONFIG_JSON,
        {name: config_file.key_place(attribute, name) for name in names},
        {name: config_file.value_place(attribute, name) for name in names},
        tuple(
            DuplicateKey(name, first, second)
            for name, first, second in config_file.repeated(attribute)
        ),
    )


Places = Mapping[str, Place]


def _literal_places(where: Place) -> tuple[Places, Places, tuple[DuplicateKey, ...]]:
    """Places of keys and values when the assignment at `where` holds a literal."""
    keys: dict[str, Place] = {}
    values: dict[str, Place] = {}
    duplicates: list[DuplicateKey] = []
    for text, key, value in _literal_items(where):
        if text in keys:
            duplicates.append(DuplicateKey(text, keys[text], key))
        keys[text], values[text] = key, value
    return keys, values, tuple(duplicates)


def _literal_items(where: Place) -> Iterator[tuple[str, Place, Place]]:
    if not isinstance(where, NodePlace) or not isinstance(where.node, cst.Assign | cst.AnnAssign):
        return
    literal = where.node.value
    if isinstance(literal, cst.Dict):
        for element in literal.elements:
            if isinstance(element, cst.DictElement) and isinstance(element.key, cst.SimpleString):
                key, value = (
                    NodePlace(where.file, element.key),
                    NodePlace(where.file, element.value),
                )
                yield str(element.key.evaluated_value), key, value
    elif isinstance(literal, cst.List | cst.Tuple | cst.Set):
        for item in literal.elements:
            if isinstance(item.value, cst.SimpleString):
                place = NodePlace(where.file, item.value)
                yield str(item.value.evaluated_value), place, place


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
    """One entry a key; the style is None unless the value is a string."""
    for key, value in plan.items.items():
        style = value.value if isinstance(value, Known) and isinstance(value.value, str) else None
        yield _entry(prefix, source, plan, key, style=style)


def pipeline_entries(prefix: str, source: Declaration, plan: DictValue) -> Iterator[PlanEntry]:
    """One entry a key; inputs and outputs are None unless both are lists of strings."""
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
    """The value as the source would spell it."""
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
