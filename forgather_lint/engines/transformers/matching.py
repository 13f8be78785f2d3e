"""Which plan entry a release applies to a module.

vLLM: `re.match` of every key, in dict order, against the qualified name: open at the end, `.` is
any character, `.*` crosses dots (vllm/model_executor/models/transformers/base.py,
`Base.recursive_replace`). transformers: layer numbers become `*`, then an exact look-up
(transformers/integrations/tensor_parallel.py, `_get_parameter_tp_plan`).

Names and keys are relative to the model that AutoModel builds, as in a merged plan.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from functools import lru_cache
from typing import NamedTuple

from forgather_lint.engines.transformers.patterns import Unreadable, compile_pattern
from forgather_lint.engines.transformers.profile import TransformersPlan, Wildcard
from forgather_lint.engines.vllm.profile import VllmPlan
from forgather_lint.engines.vllm.words import Picks


class Undecided(NamedTuple):
    """No answer: `key` is an invalid expression, or one that is not safe to try.

    `fails` says that the release itself raises on it (see `VllmPlan.bad_pattern`).
    """

    key: str
    reason: str
    fails: bool = False


def vllm_match(keys: Sequence[str], name: str, plan: VllmPlan) -> str | Undecided | None:
    """The key that vLLM applies to the Linear `name`, or None: it is left unplanned.

    The keys before the one that is taken must be readable: vLLM tries them too.
    """
    taken: str | None = None
    for key in keys:
        held = vllm_matches(key, name, plan)
        if isinstance(held, Undecided):
            return held
        if held and plan.picks.value is Picks.FIRST:
            return key
        if held:
            taken = key
    return taken


def vllm_matches(key: str, name: str, plan: VllmPlan) -> bool | Undecided:
    """Whether the one entry `key` takes the module `name`, other entries aside."""
    prefix = plan.prefix.value
    pattern = _compiled(_prefixed(prefix, key))
    if isinstance(pattern, Unreadable):
        return Undecided(key, pattern.reason, pattern.invalid)
    held = pattern.matches(_prefixed(prefix, name))
    return Undecided(key, "it repeats too much to be tried") if held is None else held


def transformers_match(
    keys: Container[str], name: str, plan: TransformersPlan, *, parameter: bool = False
) -> str | None:
    """The key that transformers applies to the module or the parameter `name`, or None.

    A parameter that is not in the plan itself has the entry of the module that owns it.
    """
    spelt = folded(name, plan.wildcard.value)
    if spelt in keys:
        return spelt
    owner = spelt.rpartition(".")[0]
    return owner if parameter and owner and owner in keys else None


def folded(name: str, wildcard: Wildcard) -> str:
    """`name` as transformers looks it up: `layers.0.fc1` is `layers.*.fc*`, or `layers.*.fc1`.

    Of two indices side by side, the second form replaces the first alone, as transformers does.
    """
    if wildcard is Wildcard.DIGITS:
        return re.sub(r"\d+", "*", name)
    return re.sub(r"\.\d+(\.|$)", r".*\1", name)


_compiled = lru_cache(maxsize=4096)(compile_pattern)


def _prefixed(prefix: str, name: str) -> str:
    """Source: vllm/model_executor/models/utils.py, `maybe_prefix`."""
    return f"{prefix}.{name}" if prefix else name
