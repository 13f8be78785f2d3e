"""The blocks of templates, and how templates inherit them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from jinja2 import TemplateSyntaxError, nodes

from forgather_lint.core.record import record
from forgather_lint.forgather.render import Rendering
from forgather_lint.forgather.sandbox import syntax_tree


@record
class Blocks:
    """The blocks of one template: their lines and texts, and which are in no other block.

    `is_root`: the template extends no other.
    """

    lines: Mapping[str, int]
    texts: Mapping[str, str]
    outermost: frozenset[str]
    is_root: bool = False


def ancestors(rendering: Rendering, template: str) -> Iterator[str]:
    """`template` and all that it extends, the nearest first."""
    extends = {load.origin.template: load.name for load in rendering.loads if load.extends}
    seen: set[str] = set()
    while template not in seen:
        seen.add(template)
        yield template
        template = extends.get(template, template)


def blocks_of(rendering: Rendering, template: str) -> Blocks:
    """The blocks of `template`; none when it cannot be parsed."""
    found = rendering.template(template)
    return _read_blocks(found[1].jinja) if found else _NONE


_NONE = Blocks({}, {}, frozenset())


@lru_cache(maxsize=1024)
def _read_blocks(source: str) -> Blocks:
    try:
        tree = syntax_tree(source)
    except (TemplateSyntaxError, RecursionError):
        return _NONE
    blocks = list(tree.find_all(nodes.Block))
    inner = {each.name for block in blocks for each in block.find_all(nodes.Block)}
    lines = {block.name: block.lineno for block in blocks}
    texts = {
        block.name: "".join(data.data for data in block.find_all(nodes.TemplateData))
        for block in blocks
    }
    is_root = next(tree.find_all(nodes.Extends), None) is None
    return Blocks(lines, texts, frozenset(lines.keys() - inner), is_root)
