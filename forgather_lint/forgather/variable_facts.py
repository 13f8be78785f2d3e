"""Variables of templates whose absence a default hides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from forgather_lint.facts.templates import Fallback
from forgather_lint.forgather.document import Document
from forgather_lint.forgather.evaluate import PROJECT_LOADERS
from forgather_lint.forgather.graph import CallNode, DictNode, GraphNode, ScalarNode, walk
from forgather_lint.forgather.render import Rendering
from forgather_lint.forgather.traced import TemplateLine

_FALLBACK = re.compile(
    r"""^\s*["']?(?P<key>\w+)["']?:\s*["']?\{\{-?\s*(?P<variable>\w+)\s*\|\s*(?:toyaml|default|d)\("""
)


def fallbacks(document: Document) -> tuple[Fallback, ...]:
    """Every `key: {{ variable | toyaml(default) }}` of the configuration's templates."""
    rendering = document.rendering
    found = list(_occurrences(rendering))
    known = _settable(document.graph)
    words = frozenset(word for _, key, _ in found for word in key.split("_"))
    return tuple(
        Fallback(
            key=key,
            variable=variable,
            where=rendering.place(origin, variable),
            known=variable in known,
            words=words,
            chain=rendering.chain(origin),
        )
        for origin, key, variable in found
    )


def _occurrences(rendering: Rendering) -> Iterator[tuple[TemplateLine, str, str]]:
    loaded = [load.name for load in rendering.loads if load.found]
    for name in dict.fromkeys((rendering.name, *loaded)):
        template = rendering.template(name)
        for line, text in enumerate(template[1].jinja.split("\n") if template else (), 1):
            match = _FALLBACK.match(text)
            if match:
                yield TemplateLine(name, line), match["key"], match["variable"]


def _settable(graph: GraphNode) -> Set[str]:
    """The variables that command-line arguments or other projects can set."""
    names: set[str] = set()
    for node in walk(graph):
        if isinstance(node, DictNode):
            names |= _option(node.items.get("names"))
        elif isinstance(node, CallNode) and node.constructor in PROJECT_LOADERS:
            given = node.kwargs.get("pp_kwargs")
            names |= {str(key) for key in given.items} if isinstance(given, DictNode) else set()
    return names


def _option(names: GraphNode | None) -> Set[str]:
    """The variable set by an option, `names: "--hidden-size"` (forgather/cli/dynamic_args.py)."""
    text = names.value if isinstance(names, ScalarNode) else None
    return {text.strip("-\"'").replace("-", "_")} if isinstance(text, str) else set()
