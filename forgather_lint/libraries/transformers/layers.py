"""Configs with layers that differ: `config.per_layer_config[i]`.

Source: transformers/integrations/heterogeneity/configuration_utils.py (from 5.19 on). The config
keeps a dict of overrides by layer, and can be read as a sequence with one config for each layer.
"""

from __future__ import annotations

from typing import cast

from forgather_lint.core.source import Place
from forgather_lint.libraries.nn.build import set_plain
from forgather_lint.libraries.stdlib.modules import copied
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.interpreter.subscripts import contains, index_of
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    NONE,
    DictValue,
    External,
    Key,
    Known,
    ListValue,
    SliceValue,
    Unknown,
    Value,
    known,
)

OVERRIDES = "_per_layer_overrides"
"""The attribute in which `per_layer_config = {...}` is stored."""

_SHARED = "_values_of_all_layers"
"""The attribute that keeps what other layers have where one has a value of its own."""

_VIEW = External("transformers.PerLayerConfig")


@op("transformers.PretrainedConfig.per_layer_config.get")
def per_layer_config(site: Site, self: Instance) -> Value:
    return Instance(_VIEW, {"config": self}, site.where)


@op("transformers.PretrainedConfig.is_heterogeneous.get")
def is_heterogeneous(site: Site, self: Instance) -> Value:
    return known(OVERRIDES in self.attributes)


def hide_overridden(machine: Machine, config: Instance, overrides: Value, where: Place) -> None:
    """Leave undecided what `config` itself says of fields that differ by layer.

    To read them raises, unless `allow_global_per_layer_attribute_access` is set
    (`HeterogeneousConfigMixin.__getattribute__`).
    """
    own = overrides.items.values() if isinstance(overrides, DictValue) else ()
    names = {str(name) for each in own if isinstance(each, DictValue) for name in each.items}
    shared: dict[Key, Value] = {}
    for name in sorted(names):
        shared[name] = config.attributes.get(name, Unknown("field-without-value", where, name))
        machine.trail.set_attribute(config, name, Unknown("differs-by-layer", where, name))
    if names:
        machine.assume(Unknown("differs-by-layer", where, ", ".join(sorted(names))))
    machine.trail.set_attribute(config, _SHARED, DictValue(shared))


@op("transformers.PerLayerConfig.__len__")
def length(site: Site, self: Instance) -> Value:
    return site.evaluator.attribute(_config(self), "num_hidden_layers", site.where)


@op("transformers.PerLayerConfig.__iter__")
def layers(site: Site, self: Instance) -> Value:
    count = index_of(length(site, self))
    if count is None:
        return site.unknown("unknown-size")
    if not site.evaluator.budget.has_room(count):
        return site.unknown("many-items")
    return ListValue([_of_layer(site, self, number) for number in range(count)])


@op("transformers.PerLayerConfig.__getitem__")
def config_of_layer(site: Site, self: Instance, key: Value) -> Value:
    """The config of a layer by number, or of all layers of a type."""
    if isinstance(key, Known) and isinstance(key.value, str):
        number = _first_of_type(site, self, key)
    else:
        number = None if isinstance(key, SliceValue) else index_of(key)
    return site.unknown("unknown-index") if number is None else _of_layer(site, self, number)


def _first_of_type(site: Site, view: Instance, kind: Known) -> int | None:
    types = site.evaluator.attribute(_config(view), "layer_types", site.where)
    if not isinstance(types, ListValue) or types.rest is not None:
        return None
    machine = cast("Machine", site.evaluator)
    found = [
        number
        for number, each in enumerate(types.items)
        if contains(machine, ListValue([each]), kind, site.where)
    ]
    if not found:
        text = f"Layer type {kind.value!r} not found in config.layer_types"
        raise Raised("ValueError", text, site.where)
    return found[0]


def _of_layer(site: Site, view: Instance, number: int) -> Value:
    """The config itself where no layer has overrides, else a copy for this layer."""
    config = _config(view)
    overrides = config.attributes.get(OVERRIDES)
    if not isinstance(overrides, DictValue):
        return config
    own = [value for key, value in overrides.items.items() if _number(key) == number]
    layer = copied(config, {}, deep=False)
    assert isinstance(layer, Instance)
    shared = layer.attributes.get(_SHARED)
    if isinstance(shared, DictValue):
        set_plain(site, layer, **{str(name): value for name, value in shared.items.items()})
    for name in (OVERRIDES, _SHARED):
        cast("Machine", site.evaluator).trail.delete_key(layer.attributes, name)
    set_plain(site, layer, skip=ListValue([]))
    for each in own:
        if not isinstance(each, DictValue):
            return site.unknown("unknown-overrides")
        set_plain(site, layer, **{str(name): value for name, value in each.items.items()})
    return layer


def _number(key: object) -> int | None:
    """A layer's number; in config.json it is text, padded with zeros. None for anything else."""
    return int(key) if isinstance(key, int) or (isinstance(key, str) and key.isdigit()) else None


def _config(view: Instance) -> Instance:
    config = view.attributes.get("config", NONE)
    assert isinstance(config, Instance)
    return config
