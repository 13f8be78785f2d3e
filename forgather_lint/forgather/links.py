"""What templates name, and where that is: parents, included templates, blocks, classes."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.source import Span
from forgather_lint.forgather.blocks import ancestors, blocks_of
from forgather_lint.forgather.model import RenderedModel
from forgather_lint.forgather.reference_facts import references
from forgather_lint.forgather.render import Rendering
from forgather_lint.forgather.traced import TemplateLine

Link = tuple[Span, Span]
"""The place of a name, and of what it names."""


def links(model: RenderedModel) -> Iterator[Link]:
    """Everything that the templates of `model` name and that was found."""
    for rendering in (model.document.rendering, model.generated.rendering):
        yield from _of_loads(rendering)
        yield from _of_blocks(rendering)
    for call in references(model):
        if call.defined is not None:
            yield call.where.span, call.defined.span


def _of_loads(rendering: Rendering) -> Iterator[Link]:
    """From `extends`, `include` and `import` to the beginning of what is loaded."""
    for load in rendering.loads:
        if load.found:
            target = rendering.place(TemplateLine(load.name, 1)).span
            yield rendering.place(load.origin, load.name).span, target


def _of_blocks(rendering: Rendering) -> Iterator[Link]:
    """From a block to the one that it overrides, in the nearest template above."""
    names = dict.fromkeys((rendering.name, *(load.name for load in rendering.loads if load.found)))
    for name in names:
        _, *above = ancestors(rendering, name)
        for block, line in blocks_of(rendering, name).lines.items():
            parent = next((x for x in above if block in blocks_of(rendering, x).lines), None)
            if parent is not None:
                overridden = TemplateLine(parent, blocks_of(rendering, parent).lines[block])
                where = rendering.place(TemplateLine(name, line), block).span
                yield where, rendering.place(overridden, block).span
