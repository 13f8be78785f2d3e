"""The two ways to read a key of a plan, as far as all current releases agree on each.

What differs by release is decided by the engines; these rules hold for a plan as written.
"""

from __future__ import annotations

from functools import lru_cache

from forgather_lint.engines.patterns import UnreadablePattern, compile_pattern, compile_search
from forgather_lint.linting.support.tree import folded

_compiled = lru_cache(maxsize=1024)(compile_pattern)
_searched = lru_cache(maxsize=1024)(compile_search)


def begins(key: str, name: str) -> bool:
    """Whether the key begins the name of the linear layer `name`: an expression, open at its end.

    So does what serves.

    Keys and names get the prefix `model.` (vllm/model_executor/models/transformers/base.py,
    `recursive_replace`). A key that is not safe to try is believed to match, an invalid one not.
    """
    pattern = _compiled(f"model.{key}")
    if isinstance(pattern, UnreadablePattern):
        return not pattern.invalid
    return pattern.matches(f"model.{name}") is not False


def spells(key: str, name: str) -> bool:
    """Whether the key is the name of the module or parameter, with `*` for numbers.

    So does what models are built with.

    Source: transformers/distributed/tensor_parallel.py, `replace_layer_number_by_wildcard`.
    """
    return folded(name) == key


def found_in_name(key: str, name: str) -> bool:
    """Whether transformers finds `key` for a tied weight: anywhere in the name.

    Lists are searched so; what a dict names must hold at the start, and so holds anywhere too.

    What could take too long to try is taken to match: no finding without a proof.
    """
    expression = _searched(key)
    if isinstance(expression, UnreadablePattern):
        return key in name if expression.invalid else True
    return expression.found_in(name) is not False
