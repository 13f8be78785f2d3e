"""The phases of checks: the order in which the engine would meet the problems.

A check is a function of this folder that declares its phase; there is no list of them. Within a
phase they are ordered by file name, then by position in the file.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import cache
from pathlib import Path

from forgather_lint.core.modules import modules_below
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.facts.serving import ServingProblem


class Phase(IntEnum):
    """What the engine is doing when it meets the problem; it shows the first that stops it."""

    CONFIG = 1
    """It reads config.json."""
    LOAD = 2
    """It imports the files of the model."""
    ACCEPT = 3
    """It looks at the class, and decides whether it can serve such a model as requested."""
    SIZES = 4
    """It holds config.json against the sizes, and reads how weights are quantized."""
    BUILD = 5
    """It builds the model, and inserts its own layers."""
    FORWARD = 6
    """It runs the model."""
    WEIGHTS = 7
    """It loads the weights of the checkpoint, and computes with them."""


Check = Callable[[CheckedModel], Iterator[ServingProblem]]

_CHECKS: dict[Check, Phase] = {}


def check(phase: Phase) -> Callable[[Check], Check]:
    """Registers the decorated function as a check of that phase."""

    def declare(look: Check) -> Check:
        _CHECKS[look] = phase
        return look

    return declare


@cache
def all_checks() -> tuple[Check, ...]:
    """Every check of this folder, in the order of the engine."""
    for name in modules_below(Path(__file__).parent, __name__.rpartition(".")[0]):
        importlib.import_module(name)
    # Whoever imports one of these files first must not change the order.
    return tuple(sorted(_CHECKS, key=_place))


def phase_of(look: Check) -> Phase:
    """The phase that `look` was declared for."""
    return _CHECKS[look]


def _place(look: Check) -> tuple[Phase, str, int]:
    return _CHECKS[look], look.__module__, look.__code__.co_firstlineno
