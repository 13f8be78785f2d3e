"""Which rule explains an error of an abstract run, and whether it is of the engine's making."""

from __future__ import annotations

from forgather_lint.execution.engine import ATTENTION_INSTANCES
from forgather_lint.execution.engine_library import (
    EXPERTS_AS_LIST,
    HEAD_SIZE_DIFFERS,
    KEYWORD_LOST,
    EngineLibrary,
)
from forgather_lint.execution.outcome import Outcome
from forgather_lint.python.interpreter.frame import Raised

BEHIND_ATTENTION = "FGL543"
FORWARD_RAISES = "FGL560"
LINEAR_FORWARD_DROPPED = "FGL519"
REPLACEMENT_LACKS = "FGL544"
LATENT_HEAD_SIZE = "FGL548"
MASK_NOT_MADE = "FGL549"
OF_EXPERTS = ("FGL570", "FGL571", "FGL572", "FGL573")
KNOWN_CAUSES = (LINEAR_FORWARD_DROPPED, REPLACEMENT_LACKS, MASK_NOT_MADE, HEAD_SIZE_DIFFERS)
"""What tells more of an error than that only the engine meets it."""


def code_of(error: Raised, library: EngineLibrary) -> str:
    """The rule that explains an error on a rank."""
    text = error.text
    if library.mask_left_out and "'NoneType' object" in text:
        return MASK_NOT_MADE
    if library.regrouped:
        return HEAD_SIZE_DIFFERS
    if "is not divisible by" in text:
        return "FGL210"
    if "cannot be multiplied" in text:
        return "FGL202"
    if "is invalid for input of size" in text:
        return "FGL203"
    if "normalized_shape" in text:
        return "FGL206"
    if "must match the size" in text or "Sizes of tensors must match" in text:
        return "FGL208" if library.met_parameter else "FGL201"
    return "FGL209"


def is_engines(outcome: Outcome, *, by_keyword: bool) -> bool:
    """Whether an error at size 1 is of the engine's making; `by_keyword` it hands its attention."""
    return (
        outcome.code in ("FGL518", EXPERTS_AS_LIST, LATENT_HEAD_SIZE, *OF_EXPERTS)
        or (by_keyword and outcome.reason == f"TypeError: {KEYWORD_LOST}")
        or ATTENTION_INSTANCES in outcome.reason  # a keyword that nobody else hands over
    )
