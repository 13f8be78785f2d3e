"""The two ways in which keys of a plan are matched, as far as all current releases agree.

Where releases differ, the engines decide; these functions are for rules about a plan as written.
"""

from __future__ import annotations

import re
from functools import lru_cache

from forgather_lint.engines.patterns import UnreadablePattern, compile_pattern, compile_search
from forgather_lint.facts import folded

_compiled = lru_cache(maxsize=1024)(compile_pattern)
_searched = lru_cache(maxsize=1024)(compile_search)
_NAMES_AND_GAPS = re.compile(r"(?!.*\.\.)[A-Za-z_\-./*]*")


def begins(key: str, name: str) -> bool:
    """Whether vLLM matches the key to the linear layer `name`: as an expression at its start.

    Keys and names get the prefix `model.` (vllm/model_executor/models/transformers/base.py,
    `recursive_replace`). A key that is not safe to try is assumed to match, an invalid one not to.
    """
    pattern = _compiled(f"model.{key}")
    if isinstance(pattern, UnreadablePattern):
        return not pattern.invalid
    return pattern.matches(f"model.{name}") is not False


def error_of(key: str) -> str | None:
    """What is wrong with a key that is no regular expression; None for one that is."""
    pattern = _compiled(f"model.{key}")
    return pattern.reason if isinstance(pattern, UnreadablePattern) and pattern.invalid else None


def tells_numbers_apart(key: str) -> bool:
    """Whether `key` may match `layers.3.mlp` and not `layers.12.mlp`, in any release.

    Names with dots between them, and `.*`, match both or neither. A digit, a set or a second dot,
    which stands for one character, may not.
    """
    return _NAMES_AND_GAPS.fullmatch(key) is None


def spells(key: str, name: str) -> bool:
    """Whether transformers matches the key to the module or parameter `name`: `*` for numbers.

    Source: transformers/distributed/tensor_parallel.py, `replace_layer_number_by_wildcard`.
    """
    return folded(name) == key


def found_in_name(key: str, name: str) -> bool:
    """Whether transformers finds `key`, of tied weights, in `name`: anywhere in it.

    That is how lists are searched; a dict's keys have to match at the start, and so match here too.
    A key that could take too long to try is assumed to match: no finding without a proof.
    """
    expression = _searched(key)
    if isinstance(expression, UnreadablePattern):
        return key in name if expression.invalid else True
    return expression.found_in(name) is not False
