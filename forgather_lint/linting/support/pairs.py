"""Column- and row-parallel halves of a block: those without a partner, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.record import record
from forgather_lint.facts import Model, PlanEntry, Structure, folded
from forgather_lint.linting.support.styles import REDUCING, Split, split_of
from forgather_lint.linting.support.taking import (
    Planned,
    entries_of_base,
    named_modules,
    named_parameters,
    planned_linears,
)
from forgather_lint.linting.support.tree import blocks_around, is_within


@record
class Half:
    """The layers of one block that are split one way while none there is split the other way.

    `others` are the remaining linear layers of the block, `entry` the plan entry for the last of
    the layers.
    """

    block: str
    layers: tuple[Planned, ...]
    others: tuple[Planned, ...]
    entry: PlanEntry


def halves_alone(model: Model, split: Split, partner: Split) -> Iterator[Half]:
    """Blocks that have layers of `split` and no `partner` in reach; equal blocks count once."""
    linears = planned_linears(model)
    mine, theirs = _names_split(model, linears, split), _names_split(model, linears, partner)
    seen: set[tuple[str, ...]] = set()
    for block, layers in _by_parent(linears).items():
        halved = tuple(layer for layer in layers if layer.split is split)
        entries = [layer.entry for layer in halved if layer.entry]
        kind = (folded(block), *(layer.module.leaf for layer in halved))
        if entries and kind not in seen:
            seen.add(kind)
            if not _partner_in_reach(model.base, block, mine, theirs):
                others = tuple(layer for layer in layers if layer not in halved)
                yield Half(block, halved, others, entries[-1])


def _partner_in_reach(
    structure: Structure, block: str, mine: frozenset[str], theirs: frozenset[str]
) -> bool:
    """Whether a partner is in the block, or around it in a part that has no half of its own."""
    return any(
        is_within(name, scope) and (scope == block or not _has_own_half(name, scope, mine))
        for scope in blocks_around(structure, block)
        for name in theirs
    )


def _has_own_half(name: str, scope: str, mine: frozenset[str]) -> bool:
    below = name.removeprefix(f"{scope}." if scope else "").partition(".")[0]
    part = f"{scope}.{below}" if scope else below
    return any(is_within(other, part) for other in mine)


def _names_split(model: Model, linears: tuple[Planned, ...], split: Split) -> frozenset[str]:
    """The modules and bare parameters that the plan splits this way."""
    names = {layer.module.name for layer in linears if layer.split is split}
    for entry in entries_of_base(model):
        if split_of(entry.style) is split:
            names |= {parameter.name for parameter in named_parameters(entry, model.base)}
        if split is Split.ROW and entry.style in REDUCING:
            names |= {module.name for module in named_modules(entry, model.base)}
    return frozenset(names)


def _by_parent(linears: tuple[Planned, ...]) -> dict[str, list[Planned]]:
    groups: dict[str, list[Planned]] = {}
    for layer in linears:
        groups.setdefault(layer.module.parent, []).append(layer)
    return groups
