"""How the two engines read a key of a plan, as far as all their current releases agree.

What differs by release is decided in `targets.matching`; these rules hold for a plan as written.
"""

from __future__ import annotations

from functools import lru_cache

from forgather_lint.engines.transformers.patterns import Unreadable, compile_pattern
from forgather_lint.linting.support.tree import folded

_compiled = lru_cache(maxsize=1024)(compile_pattern)


def vllm_match(key: str, name: str) -> bool:
    """Whether vLLM takes the linear layer `name`: an expression that is open at its end.

    Keys and names get the prefix `model.` (vllm/model_executor/models/transformers/base.py,
    `recursive_replace`). A key that is not safe to try is believed to match, an invalid one not.
    """
    pattern = _compiled(f"model.{key}")
    if isinstance(pattern, Unreadable):
        return not pattern.invalid
    return pattern.matches(f"model.{name}") is not False


def transformers_match(key: str, name: str) -> bool:
    """Whether transformers finds `key` for the module or parameter `name`: numbers become `*`.

    Source: transformers/distributed/tensor_parallel.py, `replace_layer_number_by_wildcard`.
    """
    return folded(name) == key
