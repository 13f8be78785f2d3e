"""Which plan entry vLLM applies to a Linear.

`re.match` of every key, in dict order, with the qualified name: open at the end, `.` is any
character, `.*` crosses dots. Names and keys are relative to the model that AutoModel builds, as in
a merged plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.engines.patterns import UnreadablePattern, compile_pattern
from forgather_lint.engines.vllm.fact_values import Picks
from forgather_lint.engines.vllm.profile import VllmPlan
from forgather_lint.execution.engine import UndecidedKey


@record
class VllmKeyMatch:
    """How a release with the facts `plan` matches keys (`execution.engine.KeyMatch`)."""

    plan: VllmPlan

    def __call__(self, keys: Sequence[str], name: str) -> str | UndecidedKey | None:
        return vllm_match(keys, name, self.plan)


@port_of("vllm/model_executor/models/transformers/base.py", "Base.recursive_replace")
def vllm_match(keys: Sequence[str], name: str, plan: VllmPlan) -> str | UndecidedKey | None:
    """The key that vLLM applies to the Linear `name`, or None: none applies.

    The keys before it have to be readable, because vLLM tries them too.
    """
    taken: str | None = None
    for key in keys:
        held = vllm_matches(key, name, plan)
        if isinstance(held, UndecidedKey):
            return held
        if held and plan.picks.value is Picks.FIRST:
            return key
        if held:
            taken = key
    return taken


def vllm_matches(key: str, name: str, plan: VllmPlan) -> bool | UndecidedKey:
    """Whether the entry `key` alone matches the module `name`."""
    prefix = plan.prefix.value
    pattern = _compiled(_prefixed(prefix, key))
    if isinstance(pattern, UnreadablePattern):
        return UndecidedKey(key, pattern.reason, pattern.invalid)
    held = pattern.matches(_prefixed(prefix, name))
    return UndecidedKey(key, "it repeats too much to be tried") if held is None else held


_compiled = lru_cache(maxsize=4096)(compile_pattern)


@port_of("vllm/model_executor/models/utils.py", "maybe_prefix")
def _prefixed(prefix: str, name: str) -> str:
    """`prefix.name`, or `name` without a prefix."""
    return f"{prefix}.{name}" if prefix else name
