"""Layers with the same `layer_idx`, which therefore share the KV cache of one layer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from forgather_lint.engines.fact import Effect
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.sites import AttentionSite, layer_named, lost_layer
from forgather_lint.facts.causes.attention import AttentionStandsTwice, LayersShareIndex
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.tree import class_name
from forgather_lint.python.values.value import Known


def shared_index(seen: CheckedModel, sites: Sequence[AttentionSite]) -> Iterator[ServingProblem]:
    """Two layers of one stack whose attention has the same index, or is the same module.

    Releases that refuse this look at the modules; on the others the result is wrong if both layers
    run, as layers of one stack do.
    """
    first: dict[int, AttentionSite] = {}
    for site in sites:
        index = site.module.attributes.get("layer_idx")
        if not isinstance(index, Known) or type(index.value) is not int:
            continue
        other = first.setdefault(index.value, site)
        if other is not site and _is_stack(other.name, site.name):
            lost = lost_layer(list(sites), seen.number("num_hidden_layers") or 0) or 0
            layer = lost if other.module is site.module else index.value
            yield from _problem(seen, other, site, layer)
            return


def _is_stack(one: str, other: str) -> bool:
    """Whether two names differ only in the number of a layer."""
    numbers = r"(?<=\.)\d+(?=\.|$)"
    return re.sub(numbers, "*", one) == re.sub(numbers, "*", other)


def _problem(
    seen: CheckedModel, one: AttentionSite, other: AttentionSite, layer: int
) -> Iterator[ServingProblem]:
    attention = seen.target.vllm.attention
    refused = attention.shared_layer.value.effect is Effect.ERROR
    same = one.module is other.module
    # A module that stands twice is met once by the search: the other layer is left without.
    fact = attention.no_dispatch if same and refused else attention.shared_layer
    title = class_name(one.module)
    twice, apart = (
        AttentionStandsTwice(title, one.name),
        LayersShareIndex(title, one.name, other.name),
    )
    yield from seen.problem(
        twice if same else apart,
        fact,
        one.module.places.get("layer_idx", one.module.where),
        module=other.name,
        parts={
            "layer": layer_named(seen, layer) if same else layer,
            "first": f"model.{one.name}",
            "second": f"model.{other.name}",
        },
    )
