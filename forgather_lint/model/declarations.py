"""Finds the attributes that count as plans: on classes, on configs and in config.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import libcst as cst

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.documents.config_json import ConfigFile
from forgather_lint.documents.python import NodePlace
from forgather_lint.facts import DuplicateKey, PlanOrigin
from forgather_lint.model.values import from_json
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import DictValue, Known, Value


@record
class Declaration:
    """A plan attribute: its value, where it is assigned, and the dict literal if it is one."""

    value: Value
    where: Place
    owner: str
    origin: PlanOrigin
    keys: Mapping[str, Place]
    values: Mapping[str, Place]
    duplicates: tuple[DuplicateKey, ...] = ()


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
    """The class attribute, where it is set to something other than None."""
    member = find_member(machine, cls, attribute)
    if member is None or not isinstance(member.owner, ClassValue):
        return None
    if isinstance(member.value, Known) and member.value.value is None:
        return None
    where = member.owner.places.get(attribute, member.owner.where)
    keys, values, duplicates = _literal_places(where)
    return Declaration(member.value, where, member.owner.name, origin, keys, values, duplicates)


def config_plan(
    machine: Machine, config: Value, config_file: ConfigFile | None, attribute: str
) -> Prefixed | None:
    """The plan of the config: of config.json when it has one, else of the config class."""
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
    """An empty plan, where the class says `attribute = None`."""
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
    """The places of keys and of values, when the assignment at `where` is of a literal."""
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
