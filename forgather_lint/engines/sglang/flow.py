"""The behaviour of an SGLang release that decides what a plan computes, made from its profile."""

from __future__ import annotations

from collections.abc import Sequence

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.engines.patterns import UnreadablePattern, compile_pattern
from forgather_lint.engines.sglang.profile import SglangPlan, SglangProfile
from forgather_lint.execution.engine import (
    Engine,
    EngineAttention,
    HandedOn,
    PlanReading,
    StageCutting,
    UndecidedKey,
)
from forgather_lint.execution.replaced import Replaced

SURE = frozenset({"weight", "bias"})
"""Attributes that replaced layers surely have; reading any other leaves it undecided."""


@port_of("sglang/srt/models/transformers.py", "TransformersBase._normalize_tp_plan")
@port_of("sglang/srt/models/transformers.py", "TransformersBase.recursive_replace")
@record
class SglangKeyMatch:
    """The key that applies to a Linear: the first that matches at the start of `model.<name>`."""

    plan: SglangPlan

    def __call__(self, keys: Sequence[str], name: str) -> str | UndecidedKey | None:
        read = [self.read(key) for key in keys]
        if len(set(read)) < len(read):
            return UndecidedKey(keys[0], "two keys of the plan are one when they are read")
        for key, text in zip(keys, read, strict=True):
            pattern = compile_pattern(f"model.{text}")
            if isinstance(pattern, UnreadablePattern):
                return UndecidedKey(key, pattern.reason, pattern.invalid)
            held = pattern.matches(f"model.{name}")
            if held is None:
                return UndecidedKey(key, "it repeats too much to be tried")
            if held:
                return key
        return None

    def read(self, key: str) -> str:
        """The key without the name of the wrapped model (`_normalize_tp_plan`)."""
        for prefix in self.plan.key_prefixes.value:
            if key.startswith(prefix):
                return ("^" if prefix.startswith("^") else "") + key.removeprefix(prefix)
        return key


@port_of("sglang/srt/models/transformers.py", "_normalize_tp_style")
def spelt(style: str) -> str:
    """A style as the backend looks it up (`_normalize_tp_style`)."""
    return style.lower().replace("-", "_")


def flow_of(profile: SglangProfile) -> Engine:
    """What an abstract forward needs to know of the release."""
    return Engine(
        plan=PlanReading(profile.plan.styles.value, SglangKeyMatch(profile.plan)),
        attention=EngineAttention(),
        handed_on=HandedOn(attention=True, others=profile.attention.arguments.value),
        stages=StageCutting(
            no_list=profile.pipeline.no_list.value,
            several_lists=profile.pipeline.several_lists.value,
        ),
        replaced=Replaced(linear=SURE, embedding=SURE, embedding_subclasses=True),
    )
