"""The pipeline half of an inferred plan: the modules around the layers, in the order of calls."""

from __future__ import annotations

import re
from collections.abc import Iterator

from forgather_lint.facts import ModuleCall, Trace
from forgather_lint.libraries.names import MODULE_DICT, MODULE_LIST
from forgather_lint.model.tree import Tree

Names = tuple[tuple[str, ...], tuple[str, ...]]


def pipeline_entries(tree: Tree, trace: Trace) -> Iterator[tuple[str, Names]]:
    """The modules around the layers, in the order in which forward calls them.

    Before the layers those with parameters only: what embeds positions has none. Behind the layers
    all, since even a norm without a weight must run only once.
    """
    stack = _layer_stack(tree, trace)
    if stack is None:
        return
    wrappers = {""} | {stack[: m.start()] for m in re.finditer(r"\.", stack)}
    listed = False
    for call in trace.calls:
        if call.module.startswith(f"{stack}."):
            if not listed:
                listed = True
                yield stack, (("hidden_states", "attention_mask"), ("hidden_states",))
        elif _is_beside(call, wrappers) and (listed or _owns_parameters(tree, call.module)):
            given = ("hidden_states",) if listed else ("input_ids",)
            yield call.module, (given, ("hidden_states",) if listed else ("inputs_embeds",))


def _is_beside(call: ModuleCall, wrappers: set[str]) -> bool:
    return call.caller in wrappers and call.module not in wrappers


def _layer_stack(tree: Tree, trace: Trace) -> str | None:
    """The name of the list whose members forward calls one after the other; None where none is."""
    lists = [m.name for m in tree.structure.modules if m.is_a(MODULE_LIST)]
    lists += [m.name for m in tree.structure.modules if m.is_a(MODULE_DICT)]
    called = {call.module.rpartition(".")[0] for call in trace.calls}
    outer = [name for name in lists if name in called]
    return min(outer, key=lambda name: name.count("."), default=None)


def _owns_parameters(tree: Tree, name: str) -> bool:
    return any(p.name.startswith(f"{name}.") for p in tree.structure.parameters)
