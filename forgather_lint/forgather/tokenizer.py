"""Tokenizers that a Forgather project trains: size and special tokens, read from its templates.

Follows templatelib/base/tokenizers/tokenizer_type.yaml: the `meta` output has the sizes, and the
trainer numbers the special tokens in the order of `special_tokens_map`.
"""

from __future__ import annotations

from collections.abc import Mapping

from forgather_lint.forgather.document import Document
from forgather_lint.forgather.evaluate import Tokenizer, UndecidedValue
from forgather_lint.forgather.graph import CallNode, ScalarNode

_TOKEN_KINDS = ("bos", "eos", "pad", "unk")


def tokenizer_of(document: Document) -> Tokenizer | UndecidedValue:
    """The tokenizer that the configuration in `document` makes."""
    meta = _named_dict(document, "meta")
    size = _number(meta.get("vocab_size"))
    if size is None:
        return UndecidedValue("tokenizer of another project")
    attributes: dict[str, object] = dict(_token_numbers(document))
    length = _number(meta.get("model_max_length"))
    if length is not None:
        attributes["model_max_length"] = length
    return Tokenizer(size, attributes)


def _token_numbers(document: Document) -> Mapping[str, int]:
    order = {key: number for number, key in enumerate(_named_dict(document, "special_tokens_map"))}
    return {f"{kind}_token_id": order[kind] for kind in _TOKEN_KINDS if kind in order}


def _named_dict(document: Document, target: str) -> Mapping[str, object]:
    node = document.graph.items.get(target)
    if not isinstance(node, CallNode):
        return {}
    scalars = node.kwargs.items()
    return {key: value.value for key, value in scalars if isinstance(value, ScalarNode)}


def _number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
