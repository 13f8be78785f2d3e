"""The outcome of a question to a real engine."""

from __future__ import annotations

from typing import TypedDict

from forgather_lint.probes.answers import TOLERANCE, Answer, compare

ROUNDED = 0.25
"""Like `TOLERANCE`, for quantized weights compared with 16 bits.

Activations may be quantized too.
"""
_LONGEST_ERROR = 400
_NO_WEIGHTS = "Cannot find any model weights"
"""vLLM's error where transformers could not build the model, so that no weights were drawn."""


class Outcome(TypedDict, total=False):
    """`serves`, `wrong` (it answers, but not what transformers does), `fails` or `no reference`.

    A failure has its phase (load, generate) and error. `stops` are the ids at which answers end,
    `chat` the error of asking for a chat, empty where it is answered.
    """

    verdict: str
    phase: str
    error: str
    stops: list[int]
    chat: str


class SaidAnswer(TypedDict):
    """One continuation, as `probes/children` write it."""

    prompt: list[int]
    tokens: list[int]
    prompt_logprobs: list[float]
    logprobs: list[dict[str, float]]


class Said(TypedDict, total=False):
    """What one run reported: how far it came, and what it answered or raised."""

    number: int
    phase: str
    error: str
    answers: list[SaidAnswer] | None
    stops: list[int]
    chat: str


def of_tokenizer(said: Said) -> Outcome:
    """The outcome for the files of a tokenizer."""
    if "stops" not in said:
        error = " ".join(str(said.get("error")).split())
        return {"verdict": "fails", "phase": said["phase"], "error": error[:_LONGEST_ERROR]}
    return {"verdict": "serves", "stops": said["stops"], "chat": said["chat"]}


def outcome_of(reference: Said, served: Said, tolerance: float = TOLERANCE) -> Outcome:
    """Compare the engine's answers with those of transformers on one rank.

    A model that both refuse counts as `fails`, unless the engine only missed the weights.
    """
    wanted, got = reference.get("answers"), served.get("answers")
    error = " ".join(str(served.get("error")).split())
    if not wanted and (got or _NO_WEIGHTS in error):
        return {"verdict": "no reference", "error": str(reference.get("error"))}
    if not wanted or not got:
        return {"verdict": "fails", "phase": served["phase"], "error": error[:_LONGEST_ERROR]}
    agreement = compare([*map(_answer, wanted)], [*map(_answer, got)], tolerance)
    return {"verdict": "serves" if agreement.same else "wrong"}


def _answer(said: SaidAnswer) -> Answer:
    return Answer(
        tuple(said["prompt"]),
        tuple(said["tokens"]),
        tuple(said["prompt_logprobs"]),
        tuple(said["logprobs"]),
    )
