"""Makes compiled templates report what they do: output, loads, blocks entered, loop rounds.

The syntax tree of each template is rewritten before Jinja compiles it; the hooks are filters whose
names contain a blank, so that no template can spell them.
"""

from __future__ import annotations

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

PLACED = "forgather-lint placed"
LOADS = "forgather-lint loads"
ENTERS = "forgather-lint enters"
TURNS = "forgather-lint turns"
JOINED = "forgather-lint joined"


def instrument(template: nodes.Template, name: str) -> nodes.Template:
    """Rewrite `template`, known to its loader as `name`, in place."""
    rewritten: nodes.Template = _Instrumenter(name).visit(template)
    if template.environment is not None:
        rewritten.set_environment(template.environment)
    return rewritten


class _Instrumenter(NodeTransformer):
    def __init__(self, name: str) -> None:
        self.name = name

    def visit_Output(self, node: nodes.Output) -> nodes.Node:
        self.generic_visit(node)
        node.nodes = [self._placed(child) for child in node.nodes]
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _hook(nodes.List(node.nodes, lineno=node.lineno), JOINED)

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        node.body.insert(0, _statement(node.lineno, TURNS))
        return node

    def visit_Block(self, node: nodes.Block) -> nodes.Node:
        self.generic_visit(node)
        node.body.insert(0, _statement(node.lineno, ENTERS, self.name, node.name))
        return node

    def visit_Extends(self, node: nodes.Extends) -> nodes.Node:
        return self._loading(node, "extends")

    def visit_Include(self, node: nodes.Include) -> nodes.Node:
        return self._loading(node, "include-optional" if node.ignore_missing else "include")

    def visit_Import(self, node: nodes.Import) -> nodes.Node:
        return self._loading(node, "import")

    def visit_FromImport(self, node: nodes.FromImport) -> nodes.Node:
        return self._loading(node, "import")

    def _loading(
        self, node: nodes.Extends | nodes.Include | nodes.Import | nodes.FromImport, kind: str
    ) -> nodes.Node:
        self.generic_visit(node)
        node.template = _hook(node.template, LOADS, self.name, node.lineno, kind)
        return node

    def _placed(self, child: nodes.Expr) -> nodes.Expr:
        literal = isinstance(child, nodes.TemplateData)
        return _hook(child, PLACED, self.name, child.lineno, literal)


def _hook(node: nodes.Expr, name: str, *arguments: object) -> nodes.Filter:
    constants = [nodes.Const(argument, lineno=node.lineno) for argument in arguments]
    return nodes.Filter(node, name, constants, [], None, None, lineno=node.lineno)


def _statement(line: int, name: str, *arguments: object) -> nodes.ExprStmt:
    return nodes.ExprStmt(_hook(nodes.Const(None, lineno=line), name, *arguments), lineno=line)
