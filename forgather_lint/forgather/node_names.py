"""Which nodes of a graph get names in the generated code, and which names.

Follows `NodeNameDict` in src/forgather/graph_encoder.py and `AutoName` in utils.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from forgather_lint.forgather.graph import (
    CallKind,
    CallNode,
    GraphError,
    GraphNode,
    Visits,
    children,
)

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma"
    " tau upsilon phi chi psi omega"
)


def node_names(graph: GraphNode, policy: str) -> dict[str | int, str]:
    """Names for the nodes that the policy names: their own, or Greek letters in turn."""
    counts: Counter[str | int] = Counter()
    _count(graph, counts, Visits())
    greek = _greek_names()
    if policy not in ("required", "named", "all"):
        raise GraphError("name_policy must be one of: 'required', 'named', 'all'", graph.at)
    own_names = policy == "named"
    wanted = [
        key
        for key, count in counts.items()
        if count > 1 or policy == "all" or (own_names and isinstance(key, str))
    ]
    return {key: key if isinstance(key, str) else next(greek) for key in wanted}


def _count(node: GraphNode, counts: Counter[str | int], visits: Visits) -> None:
    visits.count()
    if isinstance(node, CallNode):
        counts[node.key] += 1
        if counts[node.key] > 1:
            return
    for child in children(node):
        if not (isinstance(child, CallNode) and child.kind is CallKind.META):
            _count(child, counts, visits)


def _greek_names() -> Iterator[str]:
    letters = _GREEK.split()
    number = 0
    while True:
        name, rest = "", number
        while True:
            letter = letters[rest % len(letters)]
            name = f"{letter}_{name}" if name else letter
            rest //= len(letters)
            if rest == 0:
                break
        yield name + "_"
        number += 1
