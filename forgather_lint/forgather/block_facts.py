"""Blocks that a template overrides in vain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import TemplateSyntaxError, nodes

from forgather_lint.forgather.render import Load, Rendering
from forgather_lint.forgather.sandbox import syntax_tree
from forgather_lint.forgather.traced import Origin
from forgather_lint.template_facts import DeadBlock


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The blocks of one template: lines of all of them, and which stand in no other block."""

    lines: Mapping[str, int]
    outermost: frozenset[str]


def dead_blocks(rendering: Rendering) -> tuple[DeadBlock, ...]:
    """The blocks, outermost in a template that extends another, which nothing renders."""
    return tuple(
        dead for load in rendering.loads if _extends(load) for dead in _dead(rendering, load)
    )


def _dead(rendering: Rendering, load: Load) -> Iterator[DeadBlock]:
    child = load.origin.template
    own = _blocks_of(rendering, child)
    parents = _parents(rendering, load.name)
    existing = dict.fromkeys(name for each in parents for name in _blocks_of(rendering, each).lines)
    rendered = {block for _, block in rendering.entered}
    for name in sorted(own.outermost, key=own.lines.__getitem__):
        dropped = name in existing and rendering.ended is None and name not in rendered
        if name not in existing or dropped:
            origin = Origin(child, own.lines[name])
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


def _parents(rendering: Rendering, template: str) -> Iterator[str]:
    """`template` and all that it extends."""
    extends = {load.origin.template: load.name for load in rendering.loads if _extends(load)}
    seen: set[str] = set()
    while template not in seen:
        seen.add(template)
        yield template
        template = extends.get(template, template)


def _extends(load: Load) -> bool:
    return load.kind == "extends" and load.found


def _includer(rendering: Rendering, block: str) -> str | None:
    """An included template that defines `block`."""
    included = [load.name for load in rendering.loads if load.found and not _extends(load)]
    return next((name for name in included if block in _blocks_of(rendering, name).lines), None)


def _blocks_of(rendering: Rendering, template: str) -> _Blocks:
    found = rendering.template(template)
    return _read_blocks(found[1].jinja) if found else _Blocks({}, frozenset())


@lru_cache(maxsize=1024)
def _read_blocks(source: str) -> _Blocks:
    try:
        tree = syntax_tree(source)
    except (TemplateSyntaxError, RecursionError):
        return _Blocks({}, frozenset())
    blocks = list(tree.find_all(nodes.Block))
    inner = {each.name for block in blocks for each in block.find_all(nodes.Block)}
    lines = {block.name: block.lineno for block in blocks}
    return _Blocks(lines, frozenset(lines.keys() - inner))
