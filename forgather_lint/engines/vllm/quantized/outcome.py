"""A fault of quantized weights as a verdict, in the words of the release."""

from __future__ import annotations

from collections.abc import Mapping

from forgather_lint.core.source import Place
from forgather_lint.engines.fact import Effect, Fact, Reaction
from forgather_lint.engines.vllm.quantized.layers import (
    Quantized,
)
from forgather_lint.execution.outcome import Outcome, Verdict
from forgather_lint.facts.cause import Cause


def place_of(quantized: Quantized, key: str = "") -> Place:
    """The place of `key` in the config, or where it would be; without `key`, of the description."""
    return quantized.described.place(*([key] if key else []))


_VERDICTS = {Effect.ERROR: Verdict.FAILS, Effect.SILENT: Verdict.WRONG}


def outcome_of(
    quantized: Quantized,
    fact: Fact[Reaction],
    cause: Cause,
    key: str,
    told: Mapping[str, object],
) -> Outcome | None:
    """What the release makes of a fault: `told` fills its words. None where it does nothing."""
    says = fact.value
    verdict = _VERDICTS.get(says.effect)
    if verdict is None:
        return None
    text = says.shown(**told) if says.raises else cause.told
    return Outcome(verdict, cause, text, place_of(quantized, key))
