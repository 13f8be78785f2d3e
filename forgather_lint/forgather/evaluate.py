"""The values in the configuration of a model, as far as the templates decide them.

Only data and the few calls that Forgather's model templates make on tokenizers are evaluated;
everything else becomes `UndecidedValue`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TypeAlias

from forgather_lint.core.record import record
from forgather_lint.forgather.graph import (
    CallNode,
    DictNode,
    GraphNode,
    ListNode,
    ScalarNode,
    VarNode,
    Visits,
)
from forgather_lint.forgather.undefined import STAND_IN

PROJECT_LOADERS = ("forgather:from_project", "forgather.ml.construct:load_from_config")
_FROM_PRETRAINED = "transformers:AutoTokenizer.from_pretrained"


@record
class UndecidedValue:
    """A value that only running Forgather would tell, with a short countable reason."""

    reason: str


@record
class Tokenizer:
    """What templates ask of a tokenizer: its length, and attributes such as `pad_token_id`."""

    size: int | UndecidedValue
    attributes: Mapping[str, object] = field(default_factory=dict)


ReadTokenizer: TypeAlias = Callable[[str, str], Tokenizer | UndecidedValue]
"""Reads the tokenizer that a configuration of a project makes; called with folder and name."""


@record(frozen=False)
class NodeEvaluator:
    """Evaluates nodes; `read_tokenizer` is asked for tokenizers of other projects."""

    read_tokenizer: ReadTokenizer
    visits: Visits = field(default_factory=Visits)

    def value(self, node: GraphNode) -> object:
        """The data of `node`; `UndecidedValue` where the templates do not decide it."""
        self.visits.count()
        match node:
            case ScalarNode(value=str() as text) if text.startswith(STAND_IN):
                return UndecidedValue("an undefined variable")
            case ScalarNode():
                return node.value
            case ListNode():
                return [self.value(item) for item in node.items]
            case DictNode():
                return {key: self.value(value) for key, value in node.items.items()}
            case VarNode():
                return UndecidedValue(f"!var {node.name}")
            case CallNode():
                return self._call(node)

    def _call(self, node: CallNode) -> object:
        match node.constructor:
            case "named_dict":
                return {key: self.value(value) for key, value in node.kwargs.items()}
            case "named_list" | "named_tuple":
                return self.value(node.args[0]) if node.args else []
            case "len" if len(node.args) == 1:
                return self._length(self.value(node.args[0]))
            case "getattr" if len(node.args) >= 2:
                return self._attribute(node)
            case "forgather.ml.construct:write_file" if "return_value" in node.kwargs:
                return self.value(node.kwargs["return_value"])
            case _ if node.constructor in PROJECT_LOADERS:
                return self._from_project(node)
            case _ if node.constructor == _FROM_PRETRAINED:
                return _pretrained({key: self.value(v) for key, v in node.kwargs.items()})
        return UndecidedValue(f"call of {node.constructor}")

    def _length(self, value: object) -> object:
        if isinstance(value, Tokenizer):
            return value.size
        return len(value) if isinstance(value, list | dict | str) else _undecided(value, "len()")

    def _attribute(self, node: CallNode) -> object:
        owner, name = self.value(node.args[0]), self.value(node.args[1])
        if isinstance(owner, Tokenizer):
            return owner.attributes.get(str(name), UndecidedValue(f"tokenizer.{name}"))
        return _undecided(owner, f"getattr(..., {name!r})")

    def _from_project(self, node: CallNode) -> object:
        folder = self.value(node.kwargs["project_dir"]) if "project_dir" in node.kwargs else None
        config = self.value(node.kwargs.get("config_template") or ScalarNode(node.at, ""))
        if isinstance(folder, str) and isinstance(config, str):
            return self.read_tokenizer(folder, config)
        return UndecidedValue(f"call of {node.constructor}")


def _pretrained(arguments: Mapping[str, object]) -> Tokenizer:
    known = {
        key: value for key, value in arguments.items() if not isinstance(value, UndecidedValue)
    }
    return Tokenizer(UndecidedValue("size of a published tokenizer"), known)


def _undecided(value: object, what: str) -> UndecidedValue:
    return value if isinstance(value, UndecidedValue) else UndecidedValue(what)


def decided(value: object) -> bool:
    """Whether `value` holds nothing undecided."""
    if isinstance(value, Mapping):
        return all(decided(item) for item in value.values())
    if isinstance(value, list):
        return all(decided(item) for item in value)
    return not isinstance(value, UndecidedValue | Tokenizer)
