"""Linear layers that work side by side: query, key and value; gate and up."""

from __future__ import annotations

from collections.abc import Iterable

from forgather_lint.facts import Module

_GROUPS = (
    ("q", "k", "v"),
    ("query", "key", "value"),
    ("wq", "wk", "wv"),
    ("gate", "up"),
    ("w1", "w3"),
)


def sibling_leaves(leaf: str) -> frozenset[str]:
    """The names of the layers beside one called `leaf`: for `q_proj`, `k_proj` and `v_proj`."""
    words = leaf.split("_")
    return frozenset(
        "_".join([*words[:place], other, *words[place + 1 :]])
        for place, word in enumerate(words)
        for group in _GROUPS
        if word in group
        for other in group
        if other != word
    )


def siblings_of(module: Module, others: Iterable[Module]) -> tuple[Module, ...]:
    """The modules of `others` that are siblings of `module` by name and read the same input."""
    leaves = sibling_leaves(module.leaf)
    width = module.sizes.get("in_features")
    return tuple(
        other
        for other in others
        if other.parent == module.parent
        and other.leaf in leaves
        and other.sizes.get("in_features") == width
    )
