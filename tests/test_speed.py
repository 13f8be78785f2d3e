"""The cost of a cold `check`, compared with other things that users wait for."""

from __future__ import annotations

import pytest

from tools.benchmark import LIMITS, measure, ratios


@pytest.mark.slow
def test_a_check_costs_little() -> None:
    found = ratios(measure(rounds=5))
    assert {pair: ratio for pair, ratio in found.items() if ratio.processor > LIMITS[pair]} == {}
