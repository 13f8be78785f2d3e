"""Reads a rendering to its node graph, or to the error that Forgather would end with."""

from __future__ import annotations

import yaml

from forgather_lint.core.record import record
from forgather_lint.facts.templates import Fault, FaultKind
from forgather_lint.forgather.compose import RefusedThere
from forgather_lint.forgather.graph import DictNode, GraphError, Stretch
from forgather_lint.forgather.limits import RenderRefused
from forgather_lint.forgather.read_graph import read_graph
from forgather_lint.forgather.render import Rendering
from forgather_lint.forgather.traced import TemplateLine, Traced, place


@record
class Document:
    """A rendered configuration as a graph; `fault` is the error in it, if there is one."""

    rendering: Rendering
    graph: DictNode
    fault: Fault | None = None

    def origin(self, at: Stretch) -> TemplateLine | None:
        """The template line on which a stretch of the configuration begins; None if not known."""
        return self.rendering.text.origin_at(at.start)

    def trace(self, text: str, at: Stretch) -> Traced:
        """`text` with the origin of the stretch `at`."""
        origin = self.origin(at)
        return place(text, origin) if origin else Traced(text, (len(text),))


def read_document(rendering: Rendering) -> Document:
    """Parse the text of `rendering`; the graph is empty where that fails."""
    nothing = DictNode(Stretch(0, 0))
    if rendering.ended:
        return Document(rendering, nothing, rendering.ended)
    try:
        graph = read_graph(rendering.text.plain)
    except (yaml.YAMLError, GraphError, RenderRefused, RecursionError) as error:
        return Document(rendering, nothing, fault_of(error, rendering))
    return Document(rendering, graph if isinstance(graph, DictNode) else nothing)


def fault_of(error: Exception, rendering: Rendering) -> Fault:
    """`error`, raised in reading the text of `rendering`, as a fault at its template line."""
    if isinstance(error, GraphError):
        return rendering.fault(FaultKind.GRAPH, str(error), _origin(rendering, error.at.start))
    if isinstance(error, RefusedThere):
        origin = _origin(rendering, error.at.start)
        return rendering.fault(FaultKind.REFUSED, str(error), origin)
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        origin = _origin(rendering, error.problem_mark.index)
        return rendering.fault(FaultKind.GRAPH, error.problem or str(error), origin)
    kind = FaultKind.GRAPH if isinstance(error, yaml.YAMLError) else FaultKind.REFUSED
    return rendering.fault(kind, str(error) or type(error).__name__, None)


def _origin(rendering: Rendering, offset: int) -> TemplateLine | None:
    return rendering.text.origin_at(max(0, min(offset, len(rendering.text) - 1)))
