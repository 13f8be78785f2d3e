"""`nn.ModuleList`, `nn.ModuleDict`, `nn.Sequential`, `nn.ParameterList`, `nn.ParameterDict`.

Children are kept as attributes named `0`, `1`, ... or by key, as torch keeps them.
"""

from __future__ import annotations

from typing import cast

from forgather_lint.libraries.nn.build import leave_open, set_plain
from forgather_lint.libraries.nn.registration import check_child, type_text
from forgather_lint.python.interpreter.classes import surely_lacks
from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.interpreter.subscripts import bounds, index_of
from forgather_lint.python.values.joining import join
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.type_names import is_iterable
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    Choice,
    DictValue,
    External,
    IterableValue,
    Known,
    ListValue,
    SliceValue,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    known,
    size_of,
)

_LISTS = ("ModuleList", "Sequential", "ParameterList")
_DICTS = ("ModuleDict", "ParameterDict")


def _names(prefixes: tuple[str, ...], *methods: str) -> tuple[str, ...]:
    return tuple(f"torch.nn.{prefix}.{method}" for prefix in prefixes for method in methods)


def children_of(instance: Instance) -> dict[str, Value]:
    """The entries of a container by name."""
    return {
        name: value
        for name, value in instance.attributes.items()
        if (type(value) in _CHILDREN or (value == NONE and name in instance.places))
        and name not in instance.hidden
        and name != "training"
    }


_CHILDREN = frozenset((Instance, TensorValue, Choice, Unknown))


def _append(site: Site, self: Instance, *values: Value) -> None:
    first = _length(site, self)
    for number, value in enumerate(values, first):
        _keep(site, self, str(number), value)
    counted = known(len(self.attributes)), known(first + len(values))
    site.evaluator.trail.set_key(self.notes, _COUNTED, TupleValue(counted))


def _keep(site: Site, self: Instance, name: str, value: Value) -> None:
    """Keep an entry, as torch does. Raises what it raises for what it does not keep."""
    if _holds_parameters(site, self):
        if isinstance(value, TensorValue) and not value.is_parameter:
            value = site.evaluator.call(
                External("torch.nn.Parameter"), Arguments([value]), site.where
            )
        if "." in name and isinstance(value, TensorValue):
            raise Raised("KeyError", repr('parameter name can\'t contain "."'), site.where)
    else:
        check_child(machine_of(site), self, name, value, site.where)
    set_plain(site, self, **{name: value})
    site.evaluator.trail.set_place(self, name, site.where)


def _holds_parameters(site: Site, self: Instance) -> bool:
    machine = machine_of(site)
    return any(machine.is_instance_of(self, f"torch.nn.Parameter{each}") for each in _KINDS)


_KINDS = ("List", "Dict")
_COUNTED = "attributes and entries when they were counted"


def _length(site: Site, self: Instance) -> int:
    """How many entries there are; the last count is kept, so that appending stays cheap."""
    noted = self.notes.get(_COUNTED)
    if isinstance(noted, TupleValue):
        attributes, entries = (size_of(each) for each in noted.items)
        if attributes == len(self.attributes) and isinstance(entries, int):
            return entries
    site.evaluator.budget.walk(len(self.attributes))
    return len(children_of(self))


def _extend(site: Site, self: Instance, values: Value) -> None:
    machine = machine_of(site)
    no_items = is_iterable(values) is False
    if isinstance(values, Instance):
        no_items = surely_lacks(machine, values, "__iter__", "__getitem__")
    if no_items:
        kind = type_text(values).rpartition(".")[2]
        text = f"ModuleList.extend should be called with an iterable, but got {kind}"
        raise Raised("TypeError", text, site.where)
    items, rest = machine.items_of(values)
    _append(site, self, *items)
    site.evaluator.trail.may_have_more(self, rest)


@op("torch.nn.ModuleList.__init__", "torch.nn.ParameterList.__init__")
def list_init(
    site: Site, self: Instance, modules: Value = NONE, values: Value | None = None
) -> Value:
    given = values if values is not None else modules
    if given != NONE:
        _extend(site, self, given)
    return NONE


@op("torch.nn.Sequential.__init__")
def sequential_init(site: Site, self: Instance, *modules: Value) -> Value:
    if len(modules) == 1 and isinstance(modules[0], DictValue):
        return dict_init(site, self, modules[0])
    for module in modules:
        _append(site, self, module)
    return NONE


@op(*_names(_LISTS, "append"))
def append(site: Site, self: Instance, module: Value) -> Value:
    _append(site, self, module)
    return self


@op(*_names(_LISTS, "extend"), "torch.nn.ModuleList.__iadd__")
def extend(site: Site, self: Instance, modules: Value) -> Value:
    _extend(site, self, modules)
    return self


@op(*_names(_LISTS, "__add__"))
def joined(site: Site, self: Instance, other: Value) -> Value:
    """A new container with the modules of both."""
    result = Instance(self.cls, {}, site.where)
    _extend(site, result, self)
    _extend(site, result, other)
    return result


@op(*_names(_LISTS, "insert"))
def insert(site: Site, self: Instance, index: Value, module: Value) -> Value:
    position = index_of(index)
    items = list(children_of(self).values())
    items.insert(len(items) if position is None else position, module)
    for number, item in enumerate(items):
        set_plain(site, self, **{str(number): item})
    return NONE


@op(*_names(_LISTS, "__iter__"))
def iterate(site: Site, self: Instance) -> Value:
    children = list(children_of(self).values())
    return IterableValue(children, self.open, kind="list_iterator")


@op(*_names(_LISTS + _DICTS, "__len__"))
def length(site: Site, self: Instance) -> Value:
    return self.open or known(len(children_of(self)))


@op(*_names(_LISTS, "__getitem__"))
def get_item(site: Site, self: Instance, index: Value) -> Value:
    items = list(children_of(self).values())
    if isinstance(index, SliceValue):
        return _sliced(site, self, items, index)
    position = index_of(index)
    if isinstance(index, Known) and isinstance(index.value, str):
        found = self.attributes.get(index.value)
        return found if found is not None else site.unknown("unknown-index")
    if position is None:
        return self.open or (join(items) if items else site.unknown("unknown-index"))
    if -len(items) <= position < len(items):
        return items[position]
    if self.open is not None:
        return self.open
    raise Raised("IndexError", f"index {position} is out of range", site.where)


def _sliced(site: Site, self: Instance, items: list[Value], index: SliceValue) -> Value:
    from forgather_lint.python.interpreter import subscripts

    part = subscripts.read(
        cast("Machine", site.evaluator), ListValue(items, self.open), index, site.where
    )
    if not isinstance(part, ListValue):
        return part
    result = Instance(self.cls, {}, site.where)
    for item in part.items:
        _append(site, result, item)
    return result


@op(*_names(_LISTS, "__setitem__"))
def set_item(site: Site, self: Instance, index: Value, module: Value) -> Value:
    position = index_of(index)
    if position is None:
        leave_open(site, self, "unknown-index")
        return NONE
    names = list(children_of(self))
    if -len(names) <= position < len(names):
        machine_of(site).set_attribute(self, names[position], module, site.where)
    elif self.open is None:
        raise Raised("IndexError", f"index {position} is out of range", site.where)
    return NONE


@op("torch.nn.ModuleDict.__init__", "torch.nn.ParameterDict.__init__")
def dict_init(site: Site, self: Instance, modules: Value = NONE) -> Value:
    if not isinstance(modules, Known):
        update(site, self, modules)
    return NONE


@op(*_names(_DICTS, "update"))
def update(site: Site, self: Instance, modules: Value) -> Value:
    if isinstance(modules, DictValue):
        for key, value in modules.items.items():
            _keep(site, self, str(key), value)
        site.evaluator.trail.may_have_more(self, modules.rest)
        return NONE
    pairs, rest = site.evaluator.items_of(modules)
    site.evaluator.trail.may_have_more(self, rest)
    for pair in pairs:
        if isinstance(pair, TupleValue) and len(pair.items) == 2:
            dict_set(site, self, pair.items[0], pair.items[1])
        else:
            leave_open(site, self, "unknown-pair")
    return NONE


@op(*_names(_DICTS, "__setitem__"))
def dict_set(site: Site, self: Instance, key: Value, module: Value) -> Value:
    if isinstance(key, Known) and isinstance(key.value, str):
        _keep(site, self, key.value, module)
    else:
        leave_open(site, self, "unknown-key")
    return NONE


@op(*_names(_DICTS, "__getitem__"))
def dict_get(site: Site, self: Instance, key: Value) -> Value:
    if not (isinstance(key, Known) and isinstance(key.value, str)):
        return site.unknown("unknown-key")
    found = children_of(self).get(key.value)
    if found is None and self.open is None:
        raise Raised("KeyError", repr(key.value), site.where)
    return found or self.open or NONE


@op(*_names(_LISTS, "__delitem__"))
def delete_from_list(site: Site, self: Instance, index: Value) -> Value:
    """Later modules move up, as in torch/nn/modules/container.py."""
    names = list(children_of(self))
    place = bounds(index, site.where) if isinstance(index, SliceValue) else index_of(index)
    if place is None or self.open is not None:
        leave_open(site, self, "unknown-index")
        return NONE
    kept = list(children_of(self).values())
    del kept[place]
    for name in names:
        site.evaluator.trail.delete_attribute(self, name)
    for item in kept:
        _append(site, self, item)
    return NONE


@op(*_names(("ModuleList", "Sequential"), "pop"))
def pop_from_list(site: Site, self: Instance, key: Value) -> Value:
    found = get_item(site, self, key)
    delete_from_list(site, self, key)
    return found


@op(*_names(_DICTS, "pop"))
def pop_item(site: Site, self: Instance, key: Value) -> Value:
    found = dict_get(site, self, key)
    delete_item(site, self, key)
    return found


@op(*_names(_DICTS, "clear"))
def clear(site: Site, self: Instance) -> Value:
    for name in list(children_of(self)):
        site.evaluator.trail.delete_attribute(self, name)
    return NONE


@op(*_names(_DICTS, "__delitem__"))
def delete_item(site: Site, self: Instance, key: Value) -> Value:
    if not isinstance(key, Known):
        leave_open(site, self, "unknown-key")
    else:
        site.evaluator.trail.delete_attribute(self, str(key.value))
    return NONE


@op(*_names(_DICTS, "__contains__"))
def contains(site: Site, self: Instance, key: Value) -> Value:
    if not isinstance(key, Known) or self.open is not None:
        return site.unknown("unknown-key")
    return known(key.value in children_of(self))


def _view(site: Site) -> str:
    name = site.name.rpartition(".")[2]
    return "dict_keyiterator" if name == "__iter__" else f"dict_{name}"


@op(*_names(_DICTS, "keys", "__iter__"))
def keys(site: Site, self: Instance) -> Value:
    names: list[Value] = [known(name) for name in children_of(self)]
    return IterableValue(names, self.open, kind=_view(site))


@op(*_names(_DICTS, "values"))
def values(site: Site, self: Instance) -> Value:
    return IterableValue(list(children_of(self).values()), self.open, kind=_view(site))


@op(*_names(_DICTS, "items"))
def items(site: Site, self: Instance) -> Value:
    pairs: list[Value] = [
        TupleValue((known(name), value)) for name, value in children_of(self).items()
    ]
    return IterableValue(pairs, self.open, kind=_view(site))


@op("torch.nn.Sequential.forward")
def sequential_forward(site: Site, self: Instance, input: Value) -> Value:
    for module in children_of(self).values():
        input = site.evaluator.call(module, Arguments([input]), site.where)
    return input
