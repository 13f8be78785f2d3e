"""Composes YAML to nodes with positions, without constructing objects.

PyYAML's composers recurse, its C one without a guard (100,000 brackets end the process), so the
nodes are built here from the flat stream of events.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import Any, TypeAlias

import yaml

from forgather_lint.core.record import record
from forgather_lint.forgather.graph import GraphError, Stretch
from forgather_lint.forgather.limits import MAX_WEIGHT, RenderRefused

_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# libyaml ends a tag at a comma; PyYAML's own scanner, which Forgather uses, takes it in. Half of a
# pair of surrogates, which a template can write, it cannot be given; the scanner refuses it.
_READ_OTHERWISE = re.compile(r"![^\s\"'!]*,|[\ud800-\udfff]")
_RESOLVER: Any = yaml.resolver.Resolver()  # PyYAML's stubs leave resolve() untyped.
_MERGE = "tag:yaml.org,2002:merge"
_MAX_DEPTH = 100
_MAX_NODES = 50_000
_MAX_WEIGHT = 1_000_000


class RefusedThere(RenderRefused):
    """A refusal that has a place: the stretch `at`."""

    def __init__(self, message: str, at: Stretch) -> None:
        super().__init__(message)
        self.at = at


@record(frozen=False, eq=False)
class YamlScalar:
    """A scalar as written, with its tag resolved."""

    tag: str
    at: Stretch
    text: str


@record(frozen=False, eq=False)
class YamlSequence:
    """A sequence; its tag is the standard one unless written."""

    tag: str
    at: Stretch
    items: list[YamlNode] = field(default_factory=list)
    weight: int = 1


@record(frozen=False, eq=False)
class YamlMapping:
    """A mapping, including merge keys (`<<`) and repeated keys."""

    tag: str
    at: Stretch
    pairs: list[Pair] = field(default_factory=list)
    weight: int = 1
    waiting: YamlNode | None = None
    to_merge: list[Pair] | None = None


YamlNode: TypeAlias = YamlScalar | YamlSequence | YamlMapping
Pair: TypeAlias = tuple[YamlNode, YamlNode]


def compose(text: str) -> YamlNode | None:
    """The root node of the single document in `text`; None when it is empty.

    Raises `yaml.YAMLError` as PyYAML does, `GraphError` for an unknown alias or a second document,
    and `RenderRefused` for nesting beyond reason.
    """
    if len(text) > MAX_WEIGHT:
        raise RenderRefused("the configuration is too large to lint")
    builder = _Builder()
    loader = yaml.SafeLoader if _READ_OTHERWISE.search(text) else _FAST
    for event in yaml.parse(text, Loader=loader):
        try:
            builder.take(event)
        except RenderRefused as error:
            raise RefusedThere(str(error), _stretch(event)) from error
    return builder.root


@record(frozen=False)
class _Builder:
    root: YamlNode | None = None
    open: list[YamlSequence | YamlMapping] = field(default_factory=list)
    anchors: dict[str, YamlNode] = field(default_factory=dict)
    count: int = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent() if self.root is not None:
                raise GraphError("expected a single document in the stream", _stretch(event))
            case yaml.AliasEvent():
                self._attach(self._aliased(event))
            case yaml.ScalarEvent():
                tag = event.tag
                if tag in (None, "!"):
                    tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)
                self._attach(self._remember(event, YamlScalar(tag, _stretch(event), event.value)))
                self._weigh(1)
            case yaml.SequenceStartEvent():
                tag = _standard(event, "seq")
                self._enter(self._remember(event, YamlSequence(tag, _stretch(event))))
            case yaml.MappingStartEvent():
                tag = _standard(event, "map")
                self._enter(self._remember(event, YamlMapping(tag, _stretch(event))))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                closed = self.open.pop()
                closed.at = Stretch(closed.at.start, _stretch(event).end)
                self._weigh(closed.weight)

    def _enter(self, node: YamlNode) -> None:
        if len(self.open) >= _MAX_DEPTH:
            raise RenderRefused("the configuration nests collections too deeply")
        self._attach(node)
        if not isinstance(node, YamlScalar):
            self.open.append(node)

    def _remember(self, event: yaml.NodeEvent, node: YamlNode) -> YamlNode:
        self.count += 1
        if self.count > _MAX_NODES:
            raise RenderRefused("the configuration has too many values")
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _aliased(self, event: yaml.AliasEvent) -> YamlNode:
        node = self.anchors.get(str(event.anchor))
        if node is None:
            raise GraphError(f"found undefined alias {event.anchor!r}", _stretch(event))
        if any(node is outer for outer in self.open):
            raise RenderRefused(f"the alias *{event.anchor} contains itself")
        self._weigh(1 if isinstance(node, YamlScalar) else node.weight)
        return node

    def _weigh(self, weight: int) -> None:
        """Add a complete node's weight to the one around it; aliases count as if written out."""
        if not self.open:
            return
        self.open[-1].weight += weight
        if self.open[-1].weight > _MAX_WEIGHT:
            raise RenderRefused(f"the aliases stand for more than {_MAX_WEIGHT:,} values")

    def _attach(self, node: YamlNode) -> None:
        match self.open[-1] if self.open else None:
            case None:
                self.root = node
            case YamlSequence() as sequence:
                sequence.items.append(node)
            case YamlMapping() as mapping if mapping.waiting is None:
                mapping.waiting = node
            case YamlMapping() as mapping:
                mapping.pairs.append((mapping.waiting, node))
                mapping.waiting = None


def _stretch(event: yaml.Event) -> Stretch:
    start, end = event.start_mark, event.end_mark
    return Stretch(start.index if start else 0, end.index if end else 0)


def _standard(event: yaml.CollectionStartEvent, kind: str) -> str:
    return f"tag:yaml.org,2002:{kind}" if event.tag in (None, "!") else str(event.tag)


def pairs(node: YamlMapping) -> list[Pair]:
    """The items of a mapping in order, repeated keys included, merged (`<<`) ones first."""
    merged = [pair for key, value in node.pairs if key.tag == _MERGE for pair in _merged(value)]
    return merged + [(key, value) for key, value in node.pairs if key.tag != _MERGE]


def _merged(value: YamlNode) -> list[Pair]:
    sources = value.items if isinstance(value, YamlSequence) else [value]
    found: list[Pair] = []
    # The first source wins, so it must come last.
    for source in reversed(sources):
        if not isinstance(source, YamlMapping):
            raise GraphError("expected a mapping or list of mappings for merging", source.at)
        found += _to_merge(source)
        if len(found) > _MAX_NODES:
            raise RenderRefused("the configuration merges too many mappings")
    return found


def _to_merge(node: YamlMapping) -> list[Pair]:
    """`pairs` with one item per key; cached, because merged mappings may merge others."""
    if node.to_merge is None:
        kept: dict[object, Pair] = {}
        for key, value in pairs(node):
            kept[(key.tag, key.text) if isinstance(key, YamlScalar) else id(key)] = (key, value)
        node.to_merge = list(kept.values())
    return node.to_merge
