"""Compares the answers of an engine with those of the model itself on one rank."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from forgather_lint.core.record import record
from forgather_lint.probes.runner import NO_RESULTS, results

TOLERANCE = 0.001
"""The largest difference of log-probabilities, in nats, taken for rounding: float32 gave 4e-5."""


@record
class Answer:
    """A greedy continuation of `prompt`.

    `prompt_logprobs` has one value for each prompt token but the first, or is empty; `logprobs`
    maps the likeliest tokens of each step to their log-probability.
    """

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    prompt_logprobs: tuple[float, ...]
    logprobs: tuple[Mapping[str, float], ...]


@record
class Agreement:
    """How far an engine's answers are from the reference: nats, and the step of another token."""

    largest_difference: float
    first_other_token: int | None
    tolerance: float = TOLERANCE

    @property
    def same(self) -> bool:
        return self.first_other_token is None and self.largest_difference < self.tolerance


def read(path: Path) -> tuple[Answer, ...]:
    """The answers in the file of a script. Raises `ValueError` when it holds none."""
    told = results(path)
    if not isinstance(told, list) or not all(map(_is_answer, told)):
        raise ValueError(NO_RESULTS)
    return tuple(
        Answer(
            tuple(each["prompt"]),
            tuple(each["tokens"]),
            tuple(each["prompt_logprobs"]),
            tuple(each["logprobs"]),
        )
        for each in told
    )


def _is_answer(told: object) -> bool:
    parts = ("prompt", "tokens", "prompt_logprobs", "logprobs")
    return isinstance(told, dict) and all(isinstance(told.get(part), list) for part in parts)


def compare(
    reference: Sequence[Answer], served: Sequence[Answer], tolerance: float = TOLERANCE
) -> Agreement:
    """Compare the engine's answers with the reference, up to the first token that differs."""
    differences, others = [0.0], []
    for wanted, got in zip(reference, served, strict=True):
        differences += _prompt_differences(wanted, got)
        for step, (token, other) in enumerate(zip(wanted.tokens, got.tokens, strict=True)):
            differences += _step_differences(wanted.logprobs[step], got.logprobs[step])
            if token != other:
                others += [] if _tied(wanted.logprobs[step], tolerance) else [step]
                break
    return Agreement(max(differences), min(others, default=None), tolerance)


def _prompt_differences(wanted: Answer, got: Answer) -> list[float]:
    if not got.prompt_logprobs:
        return []
    pairs = zip(wanted.prompt_logprobs, got.prompt_logprobs, strict=True)
    return [_distance(left, right) for left, right in pairs]


def _step_differences(wanted: Mapping[str, float], got: Mapping[str, float]) -> list[float]:
    return [_distance(value, got[token]) for token, value in wanted.items() if token in got]


def _distance(left: float, right: float) -> float:
    """The difference; infinite when one of the two is not a number, so that it counts."""
    distance = abs(left - right)
    return math.inf if math.isnan(distance) else distance


def _tied(step: Mapping[str, float], tolerance: float) -> bool:
    """Whether the two likeliest tokens are so close that rounding decides."""
    first, *rest = sorted(step.values(), reverse=True)
    return bool(rest) and first - rest[0] < tolerance
