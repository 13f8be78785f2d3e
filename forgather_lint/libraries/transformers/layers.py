"""Configs with layers that differ: `config.per_layer_config[i]`.

Source: transformers/integrations/heterogeneity/configuration_utils.py (from 5.19 on). The config
keeps a dict of overrides by layer, and can be read as a sequence with one config for each layer.
"""

from __future__ import annotations

from typing import cast

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
    Known,
    ListValue,
    SliceValue,
    Value,
    known,
)

OVERRIDES = "_per_layer_overrides"
"""The attribute in which `per_layer_config = {...}` is stored."""

_VIEW = External("transformers.PerLayerConfig")


@op("transformers.PretrainedConfig.per_layer_config.get")
def per_layer_config(site: Site, self: Instance) -> Value:
    return Instance(_VIEW, {"config": self}, site.where)


@op("transformers.PretrainedConfig.is_heterogeneous.get")
def is_heterogeneous(site: Site, self: Instance) -> Value:
    return known(OVERRIDES in self.attributes)


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
    cast("Machine", site.evaluator).trail.delete_key(layer.attributes, OVERRIDES)
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
