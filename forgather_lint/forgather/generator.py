"""The file that Forgather's code generator would write for a model.

Follows `generate_code` in src/forgather/codegen.py: the graph becomes Python, and the code template
puts it, with the generator's other arguments, into a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypeGuard

from jinja2 import meta
from jinja2.exceptions import TemplateSyntaxError

from forgather_lint.core.files import is_folder
from forgather_lint.core.record import record
from forgather_lint.forgather.builtins import template_globals
from forgather_lint.forgather.encoder import Code, Trace, encode
from forgather_lint.forgather.graph import (
    CallNode,
    DictNode,
    GraphError,
    GraphNode,
    ListNode,
    ScalarNode,
    plain,
    walk,
)
from forgather_lint.forgather.library import Fence, SearchPath, TemplateLibrary
from forgather_lint.forgather.limits import RenderRefused
from forgather_lint.forgather.render import Rendering, render
from forgather_lint.forgather.sandbox import syntax_tree
from forgather_lint.forgather.traced import Traced, join

GENERATOR = "forgather.codegen:generate_code"
WRITER = "forgather.ml.construct:write_file"
_OWN_ARGUMENTS = ("obj", "searchpath", "template_name", "template_str", "name_policy", "env")
_WRITTEN = ("definitions", "main_body", "imports", "dynamic_imports", "variables")


@record
class GeneratorCall:
    """A call of the code generator, and where its result would be written."""

    call: CallNode
    output_file: str

    @property
    def model(self) -> GraphNode:
        """The graph that is made into code."""
        return self.call.kwargs["obj"] if "obj" in self.call.kwargs else self.call.args[0]

    @property
    def template_name(self) -> str:
        return _text(self.call.kwargs.get("template_name"))

    @property
    def template_arguments(self) -> Mapping[str, GraphNode]:
        """What the code template may read besides the code itself."""
        kept = self.call.kwargs.items()
        return {key: value for key, value in kept if key not in _OWN_ARGUMENTS}

    def search_folders(self) -> list[str]:
        folders = plain(self.call.kwargs["searchpath"]) if "searchpath" in self.call.kwargs else "."
        return [str(each) for each in folders] if isinstance(folders, list) else [str(folders)]


@record
class GeneratedFile:
    """The generated file, how its template was rendered, and the names the template reads."""

    name: str
    code: Code
    rendering: Rendering
    reads: frozenset[str]

    @property
    def text(self) -> Traced:
        return self.rendering.text.trimmed()


def find_generator(graph: GraphNode) -> GeneratorCall | None:
    """The first call of the code generator whose result is written to a file."""
    for node in walk(graph):
        if isinstance(node, CallNode) and node.constructor == WRITER:
            call = node.kwargs.get("data") or next(iter(node.args), None)
            if _is_generator(call):
                return GeneratorCall(call, _text(node.kwargs.get("output_file")))
    return None


def _is_generator(node: GraphNode | None) -> TypeGuard[CallNode]:
    return (
        isinstance(node, CallNode)
        and node.constructor == GENERATOR
        and ("obj" in node.kwargs or len(node.args) > 0)
    )


def generate(
    generator: GeneratorCall,
    project: Path,
    fence: Fence,
    library: TemplateLibrary,
    trace: Trace,
    renamed: Mapping[str, str] | None = None,
) -> GeneratedFile:
    """What the generator would write; `renamed` are other names for its template's arguments.

    Raises `GraphError` and `RenderRefused`.
    """
    policy = _text(generator.call.kwargs.get("name_policy")) or "named"
    code = encode(generator.model, policy, trace)
    folders = [Path(os.path.normpath(project / f)) for f in generator.search_folders()]
    for folder in folders:
        if not fence.admits(folder):
            raise RenderRefused(f"the code template's folder {folder} lies outside the workspace")
    search_path = SearchPath([each for each in folders if is_folder(each)], fence, library)
    arguments = {
        (renamed or {}).get(key, key): traced_value(node, trace)
        for key, node in generator.template_arguments.items()
    }
    names = template_globals(project, project)
    rendering = render(search_path, generator.template_name, names, arguments | _written(code))
    reads = frozenset(_names_read(rendering)) - {*_WRITTEN, *names}
    return GeneratedFile(Path(generator.output_file).name, code, rendering, reads)


def _written(code: Code) -> dict[str, object]:
    return {
        "definitions": code.definitions,
        "main_body": code.main_body,
        "imports": list(code.imports),
        "dynamic_imports": [(*found, ()) for found in code.dynamic_imports],
        "variables": [(each.name, each.has_default, each.default) for each in code.variables],
    }


def _names_read(rendering: Rendering) -> Iterable[str]:
    """The variables that the code template, and what it loads, expect from their caller."""
    for name in {rendering.name, *(load.name for load in rendering.loads if load.found)}:
        found = rendering.template(name)
        yield from _free_names(found[1].jinja) if found else ()


@lru_cache(maxsize=64)
def _free_names(source: str) -> frozenset[str]:
    try:
        return frozenset(meta.find_undeclared_variables(syntax_tree(source)))
    except TemplateSyntaxError:
        # The rendering itself has failed on it and says where.
        return frozenset()


class _TracedList(list[object]):
    """A list whose text keeps the origins of its elements."""

    written: Traced

    def __str__(self) -> str:
        return self.written


class _TracedDict(dict[object, object]):
    """A dict whose text keeps the origins of its keys and values."""

    written: Traced

    def __str__(self) -> str:
        return self.written


def traced_value(node: GraphNode, trace: Trace) -> object:
    """`node` as the data for the code template; its text keeps its origins."""
    value = plain(node)
    if isinstance(value, str):
        return trace(value, node.at)
    made: _TracedList | _TracedDict
    if isinstance(value, list):
        made = _TracedList(value)
    elif isinstance(value, dict):
        made = _TracedDict(value)
    else:
        return value
    made.written = _written_out(node, trace)
    return made


def _written_out(node: GraphNode, trace: Trace) -> Traced:
    """`repr` of the plain value of `node`, with origins."""
    match node:
        case ListNode():
            parts = [_written_out(item, trace) for item in node.items]
            return join([trace("[", node.at), join(parts, ", "), "]"])
        case DictNode():
            pairs = [
                join([trace(f"{key!r}: ", node.keys[key]), _written_out(value, trace)])
                for key, value in node.items.items()
            ]
            return join([trace("{", node.at), join(pairs, ", "), "}"])
        case ScalarNode():
            return trace(repr(node.value), node.at)
    raise GraphError("the code template would print a node of the graph", node.at)


def _text(node: GraphNode | None) -> str:
    return node.value if isinstance(node, ScalarNode) and isinstance(node.value, str) else ""
