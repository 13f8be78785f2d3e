"""The calls of a model's node graph, and what their constructors resolve to."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from forgather_lint.core.files import is_file
from forgather_lint.core.source import Position, Span
from forgather_lint.facts.templates import Argument, ConstructorCall
from forgather_lint.forgather.encoder import WRITTEN_AS_SYNTAX
from forgather_lint.forgather.graph import CallNode, walk
from forgather_lint.forgather.model import RenderedModel
from forgather_lint.forgather.signatures import definition, names_in


def references(model: RenderedModel) -> tuple[ConstructorCall, ...]:
    """The calls whose constructors are in the model's own files, or not found."""
    calls = (node for node in walk(model.generator.model) if isinstance(node, CallNode))
    return tuple(found for node in calls for found in _resolved(model, node))


def _resolved(model: RenderedModel, node: CallNode) -> Iterator[ConstructorCall]:
    module, colon, name = node.constructor.partition(":")
    if not colon:
        # A name with a dot, such as torch.nn.SiLU, is left to the imports of the code template.
        if "." not in module and module not in WRITTEN_AS_SYNTAX and not hasattr(builtins, module):
            yield replace(_unresolved(model, node), searched=("Python's builtins",))
    elif module.endswith(".py") or module.startswith("."):
        path = _file(model, module)
        if path is None:
            yield _unresolved(model, node)
        else:
            yield from _in_file(_unresolved(model, node), path, name)


def _file(model: RenderedModel, module: str) -> Path | None:
    if module.startswith("."):
        found = model.parts.find(module)
        return found[1] if found else None
    path = model.project.path / module
    return path if is_file(path) and model.project.fence.admits(path) else None


def _unresolved(model: RenderedModel, node: CallNode) -> ConstructorCall:
    rendering, document = model.document.rendering, model.document
    origin = document.origin(node.at)
    arguments = [
        Argument(name, rendering.place(document.origin(node.keys[name]), f"{name}:"))
        for name in node.kwargs
    ]
    return ConstructorCall(
        constructor=node.constructor,
        where=rendering.place(origin, node.constructor),
        searched=tuple(str(folder) for folder in model.parts.folders),
        file=None,
        found=False,
        positional=len(node.args),
        arguments=tuple(arguments),
        chain=rendering.chain(origin),
    )


def _in_file(reference: ConstructorCall, path: Path, name: str) -> Iterator[ConstructorCall]:
    names = names_in(path)
    if names is None:
        return
    outer = name.partition(".")[0]
    found = definition(path, outer)
    if found is None:
        near = tuple(get_close_matches(outer, names, n=3))
        yield replace(reference, file=str(path), near=near)
        return
    signature = found.signature if outer == name else None
    yield replace(
        reference,
        file=str(path),
        found=True,
        defined=Span(str(path), Position(found.row, 1), Position(found.row, 1)),
        takes=signature,
    )
