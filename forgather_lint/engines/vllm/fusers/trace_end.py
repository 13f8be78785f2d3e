"""Where torch.fx stops tracing a forward: at the first use of a value that it does not have.

It runs the forward on proxies for its arguments. What is computed from a proxy is a proxy; testing
one, looping over it, or converting it to a number ends the trace, and fusers match what was
recorded until then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.documents.walk import descendants
from forgather_lint.python.values.objects import FunctionValue, Namespace
from forgather_lint.python.values.value import External

_CONCRETE = frozenset(("self", "past_key_values"))
"""Parameters that are no proxies: the caller passes None for the cache (`fx_utils.trace`)."""

_NUMBERS = frozenset("int float bool complex range".split())
_FACTORIES = frozenset("arange ones zeros full empty eye tensor linspace finfo iinfo".split())
"""Functions of torch that do not handle proxies among their arguments, and raise."""

_DEEPEST = 5

_ASKING = frozenset(
    (
        cst.Lambda,
        cst.ListComp,
        cst.GeneratorExp,
        cst.IfExp,
        cst.BooleanOperation,
        cst.UnaryOperation,
        cst.Comparison,
        cst.Call,
    )
)
"""The expressions that may need the value of a proxy."""


@record(frozen=False)
class _TraceWalk:
    """The names that so far hold a proxy; `end` is the node at which the trace ends."""

    namespace: Namespace
    unknown: set[str]
    depth: int = 0
    shapes: bool = True
    end: cst.CSTNode | None = None
    returned: bool = False


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "_AllLeafTracer")
@port_of("vllm/model_executor/models/transformers/fx_utils.py", "trace")
def trace_end(forward: FunctionValue, *, shapes: bool) -> cst.CSTNode | None:
    """The node at which the trace of `forward` surely ends; None where none is found.

    What that node computes before it ends the trace is recorded; of a comprehension only what it
    iterates over. Without `shapes` iterating over a proxy ends the trace as well.
    """
    if not isinstance(forward.node, cst.FunctionDef):
        return None
    unknown = _parameters(forward.node) - _CONCRETE
    walk = _TraceWalk(forward.scope.namespace, unknown, shapes=shapes)
    _block(walk, _statements(forward.node.body))
    return walk.end


def trace_begins(outermost: FunctionValue, forward: FunctionValue) -> bool:
    """Whether torch.fx can trace `forward`, which `outermost` may wrap.

    torch/fx/_symbolic_trace.py, `create_args_for_root`, rewrites the code of the wrapper for as
    many arguments as the wrapped function has, if that has `*args` or keyword-only ones.
    """
    if outermost is forward or not isinstance(forward.node, cst.FunctionDef):
        return True
    given = forward.node.params
    star = isinstance(given.star_arg, cst.Param) or given.star_kwarg is not None
    return not star and not given.kwonly_params


def _parameters(function: cst.FunctionDef) -> set[str]:
    given = function.params
    found = [*given.posonly_params, *given.params, *given.kwonly_params]
    if isinstance(given.star_arg, cst.Param):
        found.append(given.star_arg)
    if given.star_kwarg is not None:
        found.append(given.star_kwarg)
    return {each.name.value for each in found}


def _statements(body: cst.BaseSuite) -> Sequence[cst.CSTNode]:
    return body.body


def _block(walk: _TraceWalk, statements: Sequence[cst.CSTNode]) -> None:
    for statement in statements:
        if walk.end is not None or walk.returned:
            return
        if isinstance(statement, cst.SimpleStatementLine):
            _block(walk, statement.body)
        elif isinstance(statement, cst.If):
            _if(walk, statement)
        else:
            _statement(walk, statement)


def _statement(walk: _TraceWalk, statement: cst.CSTNode) -> None:
    match statement:
        case cst.Assign(targets=targets, value=value):
            _look(walk, value)
            for target in targets:
                _bind(walk, target.target, value)
        case cst.AnnAssign(target=target, value=value) if value is not None:
            _look(walk, value)
            _bind(walk, target, value)
        case cst.AugAssign(target=target, value=value):
            _look(walk, value)
            if _is_unknown(walk, value):
                walk.unknown.update(_names(target))
        case cst.Assert(test=test):
            _look(walk, test)
            _ask(walk, test)
        case cst.Return(value=value):
            if value is not None:
                _look(walk, value)
            walk.returned = True
        case cst.Raise():
            walk.returned = True
        case cst.Expr(value=value):
            _look(walk, value)
        case cst.While(test=test):
            _look(walk, test)
            _ask(walk, test)
        case cst.For(target=target, iter=iterated, body=body):
            _look(walk, iterated)
            _go_through(walk, iterated, iterated)
            _bind(walk, target, iterated)
            _block(walk, _statements(body))
            walk.returned = False
        case cst.With(items=items, body=body):
            for each in items:
                _look(walk, each.item)
            _block(walk, _statements(body))


def _if(walk: _TraceWalk, statement: cst.If) -> None:
    _look(walk, statement.test)
    _ask(walk, statement.test)
    if walk.end is not None:
        return
    truth = _truth(walk, statement.test)
    arms = [_statements(statement.body), _arm(statement.orelse)]
    if truth is not None:
        _block(walk, arms[0] if truth else arms[1])
        return
    outcomes = []
    for arm in arms:
        own = _TraceWalk(walk.namespace, set(walk.unknown), walk.depth, walk.shapes)
        _block(own, arm)
        outcomes.append(own)
    if all(each.end is not None for each in outcomes):
        walk.end = statement
    walk.returned = all(each.returned for each in outcomes)
    going = [each for each in outcomes if not each.returned and each.end is None]
    if going:
        # A name is unknown if it is whichever way was taken; nothing else is sure of it.
        walk.unknown = set.intersection(*(each.unknown for each in going))


def _arm(orelse: cst.If | cst.Else | None) -> Sequence[cst.CSTNode]:
    if orelse is None:
        return ()
    return [orelse] if isinstance(orelse, cst.If) else _statements(orelse.body)


def _bind(walk: _TraceWalk, target: cst.BaseExpression, value: cst.BaseExpression) -> None:
    names = set(_names(target))
    if _is_unknown(walk, value):
        walk.unknown |= names
    else:
        walk.unknown -= names


def _go_through(walk: _TraceWalk, iterated: cst.BaseExpression, end: cst.CSTNode) -> None:
    if walk.end is None and not walk.shapes and _is_unknown(walk, iterated):
        walk.end = end


def _names(target: cst.BaseExpression) -> Iterator[str]:
    if isinstance(target, cst.Name):
        yield target.value
    elif isinstance(target, cst.Tuple | cst.List):
        for element in target.elements:
            yield from _names(element.value)


def _ask(walk: _TraceWalk, test: cst.BaseExpression) -> None:
    """End the trace if `test` asks for the truth of a proxy."""
    if walk.end is None and _asks(walk, test):
        walk.end = test


def _asks(walk: _TraceWalk, test: cst.BaseExpression) -> bool:
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        return _asks(walk, test.expression)
    if isinstance(test, cst.BooleanOperation):
        first = _truth(walk, test.left)
        stops = isinstance(test.operator, cst.Or) if first else isinstance(test.operator, cst.And)
        return _asks(walk, test.left) or (
            first is not None and not stops and _asks(walk, test.right)
        )
    return _truth(walk, test) is None and _is_unknown(walk, test)


def _truth(walk: _TraceWalk, test: cst.BaseExpression) -> bool | None:
    """The result of an identity test of a proxy, which is not None; None for any other test."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        inner = _truth(walk, test.expression)
        return None if inner is None else not inner
    if isinstance(test, cst.BooleanOperation):
        sides = (_truth(walk, test.left), _truth(walk, test.right))
        decisive = isinstance(test.operator, cst.Or)
        if decisive in sides[:1] or (sides[0] is not None and sides[1] is decisive):
            return decisive
        return None if None in sides else not decisive
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return None
    operator, right = test.comparisons[0].operator, test.comparisons[0].comparator
    if not isinstance(operator, cst.Is | cst.IsNot) or not _is_none(right):
        return None
    if isinstance(test.left, cst.Name) and test.left.value in walk.unknown:
        return isinstance(operator, cst.IsNot)
    return None


def _is_none(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"


def _is_unknown(walk: _TraceWalk, value: cst.BaseExpression) -> bool:
    """Whether `value` is surely computed from a proxy, and so one itself."""
    match value:
        case cst.Name(value=name):
            return name in walk.unknown
        case cst.Attribute(value=inner) | cst.Subscript(value=inner):
            return _is_unknown(walk, inner)
        case cst.BinaryOperation(left=left, right=right):
            return _is_unknown(walk, left) or _is_unknown(walk, right)
        case cst.UnaryOperation(operator=operator, expression=inner):
            return not isinstance(operator, cst.Not) and _is_unknown(walk, inner)
        case cst.Comparison(left=left, comparisons=comparisons):
            identity = any(isinstance(each.operator, cst.Is | cst.IsNot) for each in comparisons)
            sides = [left, *(each.comparator for each in comparisons)]
            return not identity and any(_is_unknown(walk, each) for each in sides)
        case cst.Call():
            return _is_unknown_result(walk, value)
    return False


def _is_unknown_result(walk: _TraceWalk, call: cst.Call) -> bool:
    """Whether a call returns a proxy: a method of one, or a module or torch function of one."""
    function = call.func
    if isinstance(function, cst.Attribute) and _is_unknown(walk, function.value):
        return True
    if not any(_is_unknown(walk, each.value) for each in call.args):
        return False
    owner = function.value if isinstance(function, cst.Attribute) else None
    return isinstance(owner, cst.Name) and owner.value in ("self", "torch", "F")


def _look(walk: _TraceWalk, value: cst.BaseExpression) -> None:
    """End the trace at the first part of an expression that needs the value of a proxy."""
    for node in _asking(value):
        if walk.end is not None or isinstance(node, cst.Lambda):
            return
        match node:
            case cst.ListComp(for_in=clause) | cst.GeneratorExp(for_in=clause):
                _go_through(walk, clause.iter, node)
            case cst.IfExp(test=test):
                _ask(walk, test)
            case cst.BooleanOperation(left=left):
                _ask(walk, left)
            case cst.UnaryOperation(operator=cst.Not(), expression=inner):
                _ask(walk, inner)
            case cst.Comparison(comparisons=comparisons) if len(comparisons) > 1:
                if _is_unknown(walk, node):
                    walk.end = node
            case cst.Call() if _refuses(walk, node):
                walk.end = node


@lru_cache(maxsize=1024)
def _asking(value: cst.BaseExpression) -> tuple[cst.CSTNode, ...]:
    """The parts of `value` that may need the value of a proxy, which each engine and size asks."""
    # By type: what libcst's classes derive from makes `isinstance` slow.
    return tuple(node for node in descendants(value) if type(node) in _ASKING)


def _refuses(walk: _TraceWalk, call: cst.Call) -> bool:
    """Whether a call raises on a proxy, or needs its value."""
    if not any(_is_unknown(walk, each.value) for each in call.args):
        return False
    match call.func:
        case cst.Name(value=name):
            return name in _NUMBERS or _is_of_einops(walk, name) or _ends_inside(walk, name, call)
        case cst.Attribute(value=cst.Name(value="torch"), attr=cst.Name(value=name)):
            return name in _FACTORIES
    return False


def _is_of_einops(walk: _TraceWalk, name: str) -> bool:
    """Whether it is a function of einops, which does not accept a proxy as a tensor."""
    function = walk.namespace.globals.get(name)
    return isinstance(function, External) and function.name.startswith("einops.")


def _ends_inside(walk: _TraceWalk, name: str, call: cst.Call) -> bool:
    """Whether the function `name`, which is traced too, ends the trace with these arguments."""
    function = walk.namespace.globals.get(name)
    if not isinstance(function, FunctionValue) or not isinstance(function.node, cst.FunctionDef):
        return False
    if walk.depth == _DEEPEST or function.decorators or any(each.star for each in call.args):
        return False
    parameters = function.node.params.params
    unknown = {
        parameter.name.value
        for parameter, given in zip(parameters, call.args, strict=False)
        if given.keyword is None and _is_unknown(walk, given.value)
    }
    named = {
        each.keyword.value for each in call.args if each.keyword and _is_unknown(walk, each.value)
    }
    inner = _TraceWalk(function.scope.namespace, unknown | named, walk.depth + 1)
    _block(inner, _statements(function.node.body))
    return inner.end is not None
