"""Caches that a model makes itself: empty at first, so that a forward reads what it has written.

Source: transformers/cache_utils.py.
"""

from __future__ import annotations

from forgather_lint.libraries.nn.build import leave_open, set_plain
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.interpreter.subscripts import index_of
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import NONE, DictValue, TupleValue, Value, known

_FILLED = "filled"
"""The attribute that records that some layer has stored its states."""


@op("transformers.DynamicCache.__init__")
def dynamic_cache(
    site: Site,
    self: Instance,
    ddp_cache_data: Value = NONE,
    config: Value = NONE,
    offloading: Value = NONE,
    offload_only_non_sliding: Value = NONE,
) -> Value:
    """An empty cache; one that is made from states is not followed."""
    if ddp_cache_data != NONE:
        leave_open(site, self, "filled-cache")
    return NONE


@op("transformers.DynamicCache.update")
def update(
    site: Site, self: Instance, key_states: Value, value_states: Value, layer_idx: Value, *_: Value
) -> Value:
    """The states of all tokens: those that are passed in, as each layer does so once."""
    layer = index_of(layer_idx)
    name = f"{_FILLED}_{layer}"
    if layer is None or name in self.attributes or self.open is not None:
        return site.unknown("filled-cache")
    set_plain(site, self, **{_FILLED: known(True), name: known(True)})
    return TupleValue((key_states, value_states))


@op("transformers.DynamicCache.get_seq_length")
def length(site: Site, self: Instance, layer_idx: Value = NONE) -> Value:
    """0, as there are no tokens before the first layer has run."""
    if _FILLED in self.attributes or self.open is not None:
        return site.unknown("filled-cache")
    return known(0)


@op("transformers.KVSharingDict")
def shared_states(site: Site) -> Value:
    """A dict."""
    return DictValue({})
