"""What the source of a forward must look like for vLLM to rewrite it around a fused projection.

Source: `update_forward` in vllm/model_executor/models/transformers/fusers: glu.py, qkv.py,
merged_column.py. A fuser that raises there is not applied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.documents.walk import all_below, descendants, of_kind
from forgather_lint.engines.common.forward_text import definition_of, of_self
from forgather_lint.engines.vllm.fact_values import Hoisting
from forgather_lint.engines.vllm.fusers.hoisting import aliases, guard, written
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance

Statements = Sequence[cst.BaseStatement | cst.BaseSmallStatement]
Link = tuple[Statements, int]


@record
class Calls:
    """The forward of `owner`, with the only call of each of its projections `names`."""

    machine: Machine
    owner: Instance
    function: cst.FunctionDef
    names: tuple[str, ...]
    calls: tuple[cst.Call, ...]

    @property
    def argument(self) -> cst.BaseExpression:
        return self.calls[0].args[0].value

    def alike(self) -> bool:
        """Whether all have the same argument, by its source text."""
        return len({_text(call.args[0].value) for call in self.calls}) == 1

    def exclusive(self, linears: Collection[str]) -> bool:
        """Whether no other of `linears` has the same argument."""
        wanted = _text(self.argument)
        return not any(
            _text(argument.value) == wanted
            for node in of_kind(all_below(self.function.body), cst.Call)
            if isinstance(node.func, cst.Attribute)
            and node.func.attr.value in linears
            and node.func.attr.value not in self.names
            for argument in node.args
        )

    @port_of("vllm/model_executor/models/transformers/fx_utils.py", "innermost_block")
    @port_of("vllm/model_executor/models/transformers/fx_utils.py", "block_chain")
    def in_one_block(self) -> bool:
        """Whether the calls are in statements of one block."""
        innermost = [chain[-1][0] for chain in self._chains()]
        return all(block is innermost[0] for block in innermost)

    @port_of(
        "vllm/model_executor/models/transformers/fusers/base.py", "StackedFuser._check_input_stable"
    )
    def stable(self, *, within_outermost: bool = False) -> bool:
        """Whether nothing between the first call and the last may change their argument.

        The innermost block that contains them all is looked at, or the body of the forward.
        """
        chains = self._chains()
        if within_outermost:
            chains = [chain[:1] for chain in chains]
        depth = 0
        for level in zip(*chains, strict=False):
            if any(block is not level[0][0] for block, _ in level):
                break
            depth += 1
        if depth == 0:
            return False
        block = chains[0][depth - 1][0]
        indices = [chain[depth - 1][1] for chain in chains]
        region = block[min(indices) : max(indices) + 1]
        names = aliases(self.machine, self.owner, self.function, self.argument, self.names)
        return not names & written(region)

    def _chains(self) -> list[list[Link]]:
        blocks = _Blocks()
        return [blocks.chain(blocks.of(self.function), call) for call in self.calls]


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "single_self_call")
@port_of("vllm/model_executor/models/transformers/fx_utils.py", "self_call_and_refs")
def calls_of(
    machine: Machine, owner: Instance, modules: Sequence[Instance], hoisting: Hoisting
) -> Calls | None:
    """The calls of `modules`; None unless each has a single call `self.<name>(argument)`.

    Releases that fold guards allow `self.<name> is not None` besides.
    """
    function = definition_of(machine, owner)
    if function is None:
        return None
    by_module = {
        value: name for name, value in owner.attributes.items() if isinstance(value, Instance)
    }
    names = tuple(by_module.get(module, "") for module in modules)
    folds = hoisting is Hoisting.INPUT_STABLE
    calls = [_only_call(function, name, names if folds else ()) for name in names]
    found = tuple(call for call in calls if call is not None)
    return Calls(machine, owner, function, names, found) if len(found) == len(names) else None


@port_of("vllm/model_executor/models/transformers/fusers/glu.py", "GLUFuser.update_forward")
def is_glu_written(calls: Calls, activation: str) -> bool:
    """Whether it is `self.act(self.gate(x)) * self.up(x)` in one expression.

    `calls` are those of gate and up.
    """
    gate, up = calls.calls
    act = _only_call(calls.function, activation, ())
    if act is None or act.args[0].value is not gate or not calls.alike():
        return False
    products = [
        node
        for node in of_kind(all_below(calls.function.body), cst.BinaryOperation)
        if isinstance(node.operator, cst.Multiply) and {node.left, node.right} == {act, up}
    ]
    return len(products) == 1


def _only_call(function: cst.FunctionDef, name: str, guarded: Collection[str]) -> cst.Call | None:
    """The call `self.<name>(argument)`, if the forward refers to it nowhere else but in guards."""
    nodes = all_below(function.body)
    uses = [node for node in of_kind(nodes, cst.Attribute) if of_self(node) == name]
    calls = [
        node
        for node in of_kind(nodes, cst.Call)
        if any(node.func is use for use in uses)
        and len(node.args) == 1
        and node.args[0].keyword is None
        and node.args[0].star == ""
    ]
    if len(calls) != 1:
        return None
    others = [use for use in uses if use is not calls[0].func]
    folded = list(_guards(nodes, name)) if others and name in guarded else []
    return calls[0] if all(any(use is each for each in folded) for use in others) else None


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "bypass_existence_guard")
def _guards(nodes: Sequence[cst.CSTNode], name: str) -> Iterator[cst.CSTNode]:
    """The references to a projection that only test whether it exists."""
    for node in nodes:
        asked = _asked(node)
        if asked is not None and of_self(asked) == name:
            yield asked
        if isinstance(node, cst.Comparison) and guard(node, (name,)) is not None:
            yield from (node.left, node.comparisons[0].comparator)


def _asked(node: cst.CSTNode) -> cst.CSTNode | None:
    """The expression that a node tests for truth; None for other nodes."""
    if isinstance(node, cst.If | cst.IfExp | cst.While | cst.Assert):
        return node.test
    negates = isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not)
    return node.expression if isinstance(node, cst.UnaryOperation) and negates else None


def _text(node: cst.CSTNode) -> str:
    return "".join(cst.Module([]).code_for_node(node).split())


class _Blocks:
    """The blocks of statements in a forward; the same list for the same block."""

    def __init__(self) -> None:
        self._known: dict[cst.CSTNode, Statements] = {}

    def of(self, node: cst.CSTNode) -> Statements:
        """The statements of a suite; `elif` is a block with a single statement."""
        suite = node.body if isinstance(node, cst.FunctionDef | cst.Else | cst.Finally) else node
        statements = suite.body if isinstance(suite, cst.BaseSuite) else [suite]
        return self._known.setdefault(suite, statements)  # type: ignore[arg-type]

    def chain(self, block: Statements, node: cst.CSTNode) -> list[Link]:
        """The blocks from `block` down to the innermost with `node` in it, with positions."""
        for index, statement in enumerate(block):
            if not any(each is node for each in descendants(statement)):
                continue
            for inner in self._inside(statement):
                tail = self.chain(inner, node)
                if tail:
                    return [(block, index), *tail]
            return [(block, index)]
        return []

    def _inside(self, statement: cst.CSTNode) -> Iterator[Statements]:
        for name in ("body", "orelse", "finalbody"):
            part = getattr(statement, name, None)
            if isinstance(part, cst.BaseSuite | cst.Else | cst.Finally | cst.If):
                yield self.of(part)
        for name in ("handlers", "cases"):
            yield from (self.of(each.body) for each in getattr(statement, name, ()))
