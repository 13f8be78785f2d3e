"""Blocks that a template overrides without effect."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.facts.templates import DeadBlock
from forgather_lint.forgather.blocks import ancestors, blocks_of
from forgather_lint.forgather.render import Load, Rendering
from forgather_lint.forgather.traced import TemplateLine


def dead_blocks(rendering: Rendering) -> tuple[DeadBlock, ...]:
    """The outermost blocks in templates with a parent that are never rendered."""
    return tuple(
        dead for load in rendering.loads if load.extends for dead in _dead(rendering, load)
    )


def _dead(rendering: Rendering, load: Load) -> Iterator[DeadBlock]:
    child = load.origin.template
    own = blocks_of(rendering, child)
    parents = list(ancestors(rendering, load.name))
    if not blocks_of(rendering, parents[-1]).is_root:
        return  # a parent is missing or cannot be parsed: what it defines is unknown
    existing = dict.fromkeys(name for each in parents for name in blocks_of(rendering, each).lines)
    rendered = {block for _, block in rendering.entered}
    for name in sorted(own.outermost, key=own.lines.__getitem__):
        dropped = name in existing and rendering.ended is None and name not in rendered
        if name not in existing or dropped:
            origin = TemplateLine(child, own.lines[name])
            yield DeadBlock(
                name=name,
                template=child,
                parent=load.name,
                where=rendering.place(origin, name),
                existing=tuple(existing),
                included_from=_includer(rendering, name),
                dropped=dropped,
                chain=rendering.chain(origin),
            )


def _includer(rendering: Rendering, block: str) -> str | None:
    """An included template that defines `block`; None if there is none."""
    included = [load.name for load in rendering.loads if load.found and not load.extends]
    return next((name for name in included if block in blocks_of(rendering, name).lines), None)
