"""Plan entries of a parent template whose modules no longer exist, as a block was replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator

from forgather_lint.core.record import record
from forgather_lint.facts.templates import PLANS_OF_THE_GUIDE, OutlivedEntry
from forgather_lint.forgather.blocks import ancestors, blocks_of
from forgather_lint.forgather.graph import DictNode, Stretch
from forgather_lint.forgather.model import RenderedModel
from forgather_lint.forgather.parts import read_part, words_of
from forgather_lint.forgather.render import Rendering
from forgather_lint.forgather.traced import TemplateLine

_CONSTRUCTOR = re.compile(r"!\w+:(\.[\w.]+:\w+)")
_PLANS = (*PLANS_OF_THE_GUIDE, *PLANS_OF_THE_GUIDE.values())


@record
class _Replaced:
    """A block that builds `new` in `template`, and that built `old` in a parent of it."""

    template: str
    block: str
    line: int
    old: str
    new: str


def outlived(model: RenderedModel) -> tuple[OutlivedEntry, ...]:
    """The entries of inherited plans that name something only a replaced class had."""
    code = model.generated.code
    texts = [read_part(path) for path in model.paths.values()]
    words = {*words_of(code.definitions.plain), *words_of(code.main_body.plain)}
    words.update(*map(words_of, texts))
    return tuple(
        _fact(model, replacement, key, at)
        for replacement in _replacements(model.document.rendering)
        for key, at in _planned(model)
        if _leaf(key) not in words and _was_of(model, replacement, key, at)
    )


def _replacements(rendering: Rendering) -> Iterator[_Replaced]:
    """Blocks that are rendered from a template instead of from its parents."""
    for template, name in sorted(rendering.entered):
        own = blocks_of(rendering, template)
        for parent in list(ancestors(rendering, template))[1:]:
            theirs = blocks_of(rendering, parent).texts.get(name)
            if theirs is not None and (parent, name) not in rendering.entered:
                old, new = (_CONSTRUCTOR.search(text) for text in (theirs, own.texts[name]))
                if old and new and old[1] != new[1]:
                    yield _Replaced(template, name, own.lines[name], old[1], new[1])
                break


def _planned(model: RenderedModel) -> Iterator[tuple[str, Stretch]]:
    for name in _PLANS:
        plan = model.generator.template_arguments.get(name)
        for key, at in plan.keys.items() if isinstance(plan, DictNode) else ():
            yield str(key), at


def _was_of(model: RenderedModel, replaced: _Replaced, key: str, at: Stretch) -> bool:
    """Whether the entry comes from a parent and names something of the class that was replaced."""
    origin = model.document.origin(at)
    parents = list(ancestors(model.document.rendering, replaced.template))[1:]
    if origin is None or origin.template not in parents:
        return False
    old = model.parts.find(replaced.old.partition(":")[0])
    return old is not None and _leaf(key) in words_of(read_part(old[1]))


def _fact(model: RenderedModel, replaced: _Replaced, key: str, at: Stretch) -> OutlivedEntry:
    rendering = model.document.rendering
    block = TemplateLine(replaced.template, replaced.line)
    return OutlivedEntry(
        key=key,
        leaf=_leaf(key),
        block=replaced.block,
        old=replaced.old,
        new=replaced.new,
        where=rendering.place(block, replaced.block),
        entry=rendering.place(model.document.origin(at), key),
        chain=rendering.chain(block),
    )


def _leaf(key: str) -> str:
    names = [part for part in key.split(".") if part.isidentifier()]
    return names[-1] if names else key
