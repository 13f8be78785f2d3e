"""The modules of a model whose forward calls the attention interface."""

from __future__ import annotations

import libcst as cst

from forgather_lint.core.record import record
from forgather_lint.engines.common.attention_call import interface_call
from forgather_lint.engines.common.forward_text import forward_of
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.python.values.objects import FunctionValue, Instance
from forgather_lint.python.values.value import Known, ListValue


@record
class AttentionSite:
    """A module whose forward calls the attention interface."""

    name: str
    module: Instance
    forward: FunctionValue
    call: cst.Call


def sites_of(seen: CheckedModel) -> list[AttentionSite]:
    """The modules whose forward contains exactly one call of the interface, in tree order.

    A module with another config than the text model's, such as an image encoder's, is left out.
    """
    if seen.judge is None:
        return []
    config = seen.text_config
    sites = []
    for name, module in seen.judge.subject.tree.instances.items():
        forward = forward_of(seen.builder.machine, module)
        call = interface_call(forward) if forward is not None else None
        if forward is None or call is None:
            continue
        own = module.attributes.get("config")
        if not isinstance(own, Instance) or own is config:
            sites.append(AttentionSite(name, module, forward, call))
    return sites


def layer_named(seen: CheckedModel, index: int) -> str:
    """A layer as the error names it: by its number, and its type where the config has one."""
    types = seen.setting("layer_types")
    items = types.items if isinstance(types, ListValue) else []
    kind = items[index] if index < len(items) else None
    name = kind.value if isinstance(kind, Known) else None
    return f"{index} ({name})" if isinstance(name, str) else str(index)


def lost_layer(sites: list[AttentionSite], layers: int) -> int | None:
    """The first layer for which there is no site; None when there is, or may be, one for each."""
    known, others = set(), 0
    for site in sites:
        index = site.module.attributes["layer_idx"]
        if isinstance(index, Known):
            known.add(index.value)
        else:
            others += 1
    lost = layers - sum(isinstance(index, int) and 0 <= index < layers for index in known)
    first = next((layer for layer in range(layers) if layer not in known), None)
    return first if lost > others else None
