"""From a rendering to its node graph, or to the failure that Forgather would end with."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from forgather_lint.forgather.graph import DictNode, GraphError, Stretch
from forgather_lint.forgather.limits import Refused
from forgather_lint.forgather.read_graph import read_graph
from forgather_lint.forgather.render import Failure, FailureKind, Rendering
from forgather_lint.forgather.traced import Origin, Traced, place


@dataclass(frozen=True, slots=True)
class Document:
    """A rendered configuration as a graph; `failure` says what is wrong with it."""

    rendering: Rendering
    graph: DictNode
    failure: Failure | None = None

    def origin(self, at: Stretch) -> Origin | None:
        """The template line on which a stretch of the configuration begins."""
        return self.rendering.text.origin_at(at.start)

    def trace(self, text: str, at: Stretch) -> Traced:
        """`text` with the origin of the stretch `at`."""
        origin = self.origin(at)
        return place(text, origin) if origin else Traced(text, (len(text),))


def read_document(rendering: Rendering) -> Document:
    """Parse the text of `rendering`; the graph is empty where that fails."""
    nothing = DictNode(Stretch(0, 0))
    if rendering.failure:
        return Document(rendering, nothing, rendering.failure)
    try:
        graph = read_graph(str.__str__(rendering.text))
    except (yaml.YAMLError, GraphError, Refused, RecursionError) as error:
        return Document(rendering, nothing, failure_of(error, rendering))
    return Document(rendering, graph if isinstance(graph, DictNode) else nothing)


def failure_of(error: Exception, rendering: Rendering) -> Failure:
    """`error`, raised while the text of `rendering` was read, at its template line."""
    kind = FailureKind.REFUSED if isinstance(error, Refused) else FailureKind.GRAPH
    offset = None
    if isinstance(error, GraphError):
        offset = error.at.start
    elif isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        offset = error.problem_mark.index
    if offset is None:
        return Failure(kind, str(error), None)
    message = getattr(error, "problem", None) or str(error)
    origin = rendering.text.origin_at(max(0, min(offset, len(rendering.text) - 1)))
    return Failure(kind, message, origin)
