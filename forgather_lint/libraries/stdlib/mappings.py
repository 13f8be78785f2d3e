"""`SimpleNamespace`, and the mappings that show others: `MappingProxyType` and `ChainMap`."""

from __future__ import annotations

from forgather_lint.libraries.nn.build import set_plain
from forgather_lint.python.interpreter import attributes, stores, subscripts
from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.hashing import key_error
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    CounterValue,
    DefaultDictValue,
    DictValue,
    Known,
    ListValue,
    Unknown,
    Value,
    known,
)

_NAMESPACE, _PROXY, _CHAIN = (
    "types.SimpleNamespace",
    "types.MappingProxyType",
    "collections.ChainMap",
)
_SHOWN = "the mapping that is shown"


@op(f"{_NAMESPACE}.__init__")
def namespace(site: Site, self: Instance, **values: Value) -> Value:
    set_plain(site, self, **values)
    return NONE


@op(f"{_NAMESPACE}.__getattr__")
def not_in_namespace(site: Site, self: Instance, name: Value) -> Value:
    if self.open is not None or not isinstance(name, Known) or not isinstance(name.value, str):
        return self.open or site.unknown("attribute-of-unknown-class")
    text = f"'{_NAMESPACE}' object has no attribute '{name.value}'"
    raise Raised("AttributeError", text, site.where)


@op(f"{_NAMESPACE}.__eq__")
def equal(site: Site, self: Instance, other: Value) -> Value:
    return site.unknown("unmodelled-operator")


@op(f"{_PROXY}.__init__")
def proxy(site: Site, self: Instance, mapping: Value) -> Value:
    if isinstance(mapping, Known | ListValue):
        text = f"mappingproxy() argument must be a mapping, not {type_name(mapping)}"
        raise Raised("TypeError", text, site.where)
    machine_of(site).trail.set_key(self.notes, _SHOWN, mapping)
    return NONE


@op(f"{_PROXY}.__getitem__")
def item_of_proxy(site: Site, self: Instance, key: Value) -> Value:
    return subscripts.read(machine_of(site), self.notes[_SHOWN], key, site.where)


@op(f"{_PROXY}.__contains__")
def in_proxy(site: Site, self: Instance, key: Value) -> Value:
    found = subscripts.contains(machine_of(site), self.notes[_SHOWN], key, site.where)
    return site.unknown("unknown-key") if found is None else known(found)


@op(f"{_PROXY}.__len__")
def length_of_proxy(site: Site, self: Instance) -> Value:
    shown = self.notes[_SHOWN]
    if not isinstance(shown, DictValue) or shown.rest is not None:
        return site.unknown("unknown-length")
    return known(len(shown.items))


@op(f"{_PROXY}.__setitem__", f"{_PROXY}.__delitem__")
def no_store(site: Site, self: Instance, key: Value, value: Value = NONE) -> Value:
    told = "assignment" if site.name.endswith("__setitem__") else "deletion"
    text = f"'mappingproxy' object does not support item {told}"
    raise Raised("TypeError", text, site.where)


@op(*(f"{_PROXY}.{name}" for name in ("get", "keys", "values", "items", "copy", "__iter__")))
def as_shown(site: Site, self: Instance, *arguments: Value) -> Value:
    """What the mapping says itself."""
    machine, name = machine_of(site), site.name.rpartition(".")[2]
    if name == "__iter__":
        name = "keys"
    method = attributes.read(machine, self.notes[_SHOWN], name, site.where)
    return machine.call(method, Arguments(list(arguments)), site.where)


@op(f"{_CHAIN}.__init__")
def chain(site: Site, self: Instance, *maps: Value) -> Value:
    set_plain(site, self, maps=ListValue(list(maps) or [DictValue({})]))
    return NONE


def _maps(self: Instance) -> tuple[list[Value], Unknown | None]:
    held = self.attributes["maps"]
    if not isinstance(held, ListValue):
        return [], Unknown("unmodelled-mapping")
    return list(held.items), held.rest


def _found(site: Site, self: Instance, key: Value) -> Value | None:
    """What the first mapping with `key` has for it; None where surely none has it."""
    machine = machine_of(site)
    maps, rest = _maps(self)
    for each in maps:
        makes = isinstance(each, DefaultDictValue | CounterValue)
        is_there = makes or subscripts.contains(machine, each, key, site.where)
        if is_there is None:
            return site.unknown("unknown-key")
        if is_there:
            return subscripts.read(machine, each, key, site.where)
    return rest


@op(f"{_CHAIN}.__getitem__")
def item_of_chain(site: Site, self: Instance, key: Value) -> Value:
    found = _found(site, self, key)
    if found is None:
        raise key_error(key, site.where)
    return found


@op(f"{_CHAIN}.__contains__")
def in_chain(site: Site, self: Instance, key: Value) -> Value:
    machine = machine_of(site)
    maps, rest = _maps(self)
    answers = [subscripts.contains(machine, each, key, site.where) for each in maps]
    if True in answers:
        return known(True)
    return site.unknown("unknown-key") if None in answers or rest is not None else known(False)


@op(f"{_CHAIN}.get")
def get(site: Site, self: Instance, key: Value, default: Value = NONE) -> Value:
    there = in_chain(site, self, key)
    if not isinstance(there, Known):
        return there
    return item_of_chain(site, self, key) if there.value else default


@op(f"{_CHAIN}.__setitem__")
def set_in_first(site: Site, self: Instance, key: Value, value: Value) -> Value:
    maps, rest = _maps(self)
    if maps:
        stores.set_item(machine_of(site), maps[0], key, value, site.where)
    elif rest is not None:
        machine_of(site).assume(rest)
    return NONE


@op(f"{_CHAIN}.new_child")
def new_child(site: Site, self: Instance, m: Value | None = None, **values: Value) -> Value:
    maps, rest = _maps(self)
    first = m if m is not None and m is not NONE else DictValue({})
    for name, value in values.items():
        stores.set_item(machine_of(site), first, known(name), value, site.where)
    return Instance(self.cls, {"maps": ListValue([first, *maps], rest)}, site.where)
