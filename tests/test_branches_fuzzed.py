"""Random programs with conditions nobody knows: what is decided holds however they come out."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.fuzz.branches import Programs, disagreement
from tests.python_oracle import UNDECIDED, in_interpreter


@pytest.mark.parametrize("seed", range(4))
def test_what_is_decided_holds_for_every_condition(seed: int) -> None:
    wrong = [found for text in islice(Programs(seed), 60) if (found := disagreement(text))]
    assert not wrong, "\n".join(wrong)


def test_some_programs_are_decided() -> None:
    decided = [
        in_interpreter(f"import sys\nc, e = sys.version_info.a, sys.version_info.b\n{text}")
        for text in islice(Programs(1), 60)
    ]
    assert 10 < sum(end != UNDECIDED for end in decided) < 60
