"""Reads YAML nodes to Forgather's node graph: tags, `@name`s, positional and keyword arguments."""

from __future__ import annotations

import re
from dataclasses import field

import yaml

from forgather_lint.core.record import record
from forgather_lint.forgather.compose import (
    YamlMapping,
    YamlNode,
    YamlScalar,
    YamlSequence,
    compose,
    pairs,
)
from forgather_lint.forgather.graph import (
    CallKind,
    CallNode,
    DictNode,
    GraphError,
    GraphNode,
    ListNode,
    RepeatedKey,
    ScalarNode,
    VarNode,
    walk,
)

# The order is that of src/forgather/config.py: the first prefix that fits a tag wins.
_CALLS = {
    "!factory": CallKind.FACTORY,
    "!singleton": CallKind.SINGLETON,
    "!call": CallKind.SINGLETON,
    "!lambda": CallKind.PARTIAL,
    "!partial": CallKind.PARTIAL,
    "!meta": CallKind.META,
}
_CONTAINERS = {
    "!tuple": ("named_tuple", YamlSequence),
    "!list": ("named_list", YamlSequence),
    "!dlist": ("named_list", YamlMapping),
    "!dict": ("named_dict", YamlMapping),
}
_POSITIONAL = re.compile(r"arg(\d+)")
_STANDARD = "tag:yaml.org,2002:"
_SCALARS = {_STANDARD + name for name in ("str", "int", "float", "bool", "null")}


def read_graph(text: str) -> GraphNode | None:
    """The node graph of a rendered configuration; None when the text is empty.

    Raises `yaml.YAMLError`, `GraphError`, and `RenderRefused`.
    """
    root = compose(text)
    if root is None:
        return None
    graph = _GraphReader().read(root)
    _check_names(graph)
    return graph


@record(frozen=False)
class _GraphReader:
    made: dict[int, GraphNode] = field(default_factory=dict)
    scalars: yaml.constructor.SafeConstructor = field(
        default_factory=yaml.constructor.SafeConstructor
    )

    def read(self, node: YamlNode) -> GraphNode:
        if id(node) not in self.made:
            self.made[id(node)] = self._make(node)
        return self.made[id(node)]

    def _make(self, node: YamlNode) -> GraphNode:
        at = node.at
        if node.tag in _SCALARS and isinstance(node, YamlScalar):
            return ScalarNode(at, self._scalar(node))
        if node.tag == _STANDARD + "seq" and isinstance(node, YamlSequence):
            return ListNode(at, [self.read(item) for item in node.items])
        if node.tag == _STANDARD + "map" and isinstance(node, YamlMapping):
            return self._mapping(node)
        if node.tag == "!var":
            return self._variable(node)
        for prefix, kind in _CALLS.items():
            if node.tag.startswith(prefix):
                return self._call(node, kind, *_split_tag(node.tag.removeprefix(prefix)))
        for prefix, (constructor, shape) in _CONTAINERS.items():
            if node.tag.startswith(prefix):
                _, identity = _split_tag(node.tag.removeprefix(prefix))
                return self._container(node, prefix, constructor, shape, identity)
        raise GraphError(f"could not determine a constructor for the tag {node.tag!r}", at)

    def _scalar(self, node: YamlScalar) -> str | int | float | bool | None:
        try:
            value = self.scalars.yaml_constructors[node.tag](
                self.scalars, yaml.ScalarNode(node.tag, node.text)
            )
        except (ValueError, KeyError, IndexError, OverflowError) as error:
            raise GraphError(f"cannot read {node.text[:40]!r}: {error}", node.at) from None
        return value  # type: ignore[no-any-return]

    def _mapping(self, node: YamlMapping) -> DictNode:
        made = DictNode(node.at)
        for key_node, value in pairs(node):
            key = self.read(key_node)
            if not isinstance(key, ScalarNode):
                raise GraphError("found unhashable key", key.at)
            if key.value in made.keys:
                made.repeated.append(RepeatedKey(key.value, made.keys[key.value], key.at))
            made.keys[key.value] = key.at
            made.items[key.value] = self.read(value)
        return made

    def _variable(self, node: YamlNode) -> VarNode:
        at = node.at
        if isinstance(node, YamlScalar):
            return VarNode(at, node.text)
        if isinstance(node, YamlMapping):
            items = self._mapping(node).items
            name = items.get("name")
            if isinstance(name, ScalarNode) and items.keys() <= {"name", "default"}:
                return VarNode(at, str(name.value), items.get("default"))
        raise GraphError("!var takes a name, or a mapping of name and default", at)

    def _call(
        self, node: YamlNode, kind: CallKind, constructor: str | None, identity: str | None
    ) -> CallNode:
        at = node.at
        if constructor is None:
            raise GraphError(f"{node.tag} names nothing to call", at)
        made = CallNode(at, kind, constructor, identity)
        if isinstance(node, YamlMapping):
            _fill_arguments(made, self._mapping(node))
        elif isinstance(node, YamlSequence):
            made.args = [self.read(item) for item in node.items]
        else:
            # Forgather unpacks the scalar as it stands, character by character.
            made.args = [ScalarNode(at, character) for character in node.text]
        return made

    def _container(
        self,
        node: YamlNode,
        prefix: str,
        constructor: str,
        shape: type[YamlSequence] | type[YamlMapping],
        identity: str | None,
    ) -> CallNode:
        made = CallNode(node.at, CallKind.SINGLETON, constructor, identity)
        if isinstance(node, YamlScalar) and node.text == "":
            # Of the empty ones only `!list` is given an (empty) argument.
            made.args = [ListNode(made.at)] if prefix == "!list" else []
        elif not isinstance(node, shape):
            raise GraphError(
                f"{prefix} does not take a {type(node).__name__.removeprefix('Yaml').lower()}",
                made.at,
            )
        elif isinstance(node, YamlSequence):
            made.args = [ListNode(made.at, [self.read(item) for item in node.items])]
        elif isinstance(node, YamlMapping):
            self._fill_container(made, prefix, self._mapping(node))
        return made

    def _fill_container(self, made: CallNode, prefix: str, mapping: DictNode) -> None:
        if prefix == "!dict":
            _take_keywords(made, mapping)
        else:
            made.args = [ListNode(made.at, [v for v in mapping.items.values() if not _is_null(v)])]


def _split_tag(suffix: str) -> tuple[str | None, str | None]:
    """The parts of `:module:name@identity`. The character before the parts is ignored."""
    if not suffix:
        return None, None
    constructor, at, identity = suffix[1:].partition("@")
    return constructor, identity if at else None


def _fill_arguments(made: CallNode, mapping: DictNode) -> None:
    """Set the arguments of a call: `args` and/or `kwargs` and nothing else, or `arg0`, .

    And names.
    """
    names = mapping.items.keys()
    if names and names <= {"args", "kwargs"} and not any(map(_is_null, mapping.items.values())):
        args, kwargs = mapping.items.get("args"), mapping.items.get("kwargs")
        if kwargs is not None:
            if not isinstance(kwargs, DictNode):
                raise GraphError("kwargs must be a mapping", kwargs.at)
            _take_keywords(made, kwargs)
        made.args = _unpacked(args) if args is not None else []
        return
    _take_keywords(made, mapping)
    positional = [key for key in made.kwargs if _POSITIONAL.fullmatch(key)]
    positional.sort(key=lambda key: int(key.removeprefix("arg")))
    made.args = [made.kwargs.pop(key) for key in positional]


def _unpacked(args: GraphNode) -> list[GraphNode]:
    if isinstance(args, ListNode):
        return list(args.items)
    if isinstance(args, DictNode):
        return [ScalarNode(args.keys[key], str(key)) for key in args.items]
    if isinstance(args, ScalarNode) and isinstance(args.value, str):
        return [ScalarNode(args.at, character) for character in args.value]
    raise GraphError("args must be a sequence", args.at)


def _take_keywords(made: CallNode, mapping: DictNode) -> None:
    """Set the keyword arguments, except those that `CallableNode.__init__` has for itself."""
    for key, value in mapping.items.items():
        if not isinstance(key, str):
            raise GraphError("keywords must be strings", mapping.keys[key])
        made.kwargs[key] = value
    made.keys = {str(key): at for key, at in mapping.keys.items()}
    made.repeated = mapping.repeated
    made.search_path = made.kwargs.pop("submodule_searchpath", None)
    made.kwargs.pop("latent_args", None)


def _is_null(node: GraphNode) -> bool:
    return isinstance(node, ScalarNode) and node.value is None


def _check_names(graph: GraphNode) -> None:
    seen: dict[str, GraphNode] = {}
    for node in walk(graph):
        name = node.identity if isinstance(node, CallNode) else None
        if name is not None and seen.setdefault(name, node) is not node:
            raise GraphError(f"Multiple definitions found for node {name}", node.at)
