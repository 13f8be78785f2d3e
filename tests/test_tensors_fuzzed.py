"""Random programs on tensors end here as in torch: what is viewed, and of which dtype it is."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.fuzz.tensors import dtypes, views
from tests.python_oracle import UNDECIDED, End, in_interpreter, in_python

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="needs torch")

_BEGIN = "import torch\nimport torch.nn.functional as F\n"


def differing(programs: list[str]) -> list[str]:
    ends = [(text, in_interpreter(_BEGIN + text), in_python(_BEGIN + text)) for text in programs]
    return [
        f"{text}\n  here:  {ours.told}\n  torch: {truth.told}"
        for text, ours, truth in ends
        if ours != UNDECIDED and not _alike(ours, truth)
    ]


def _alike(ours: End, truth: End) -> bool:
    """Whether both end with one value, or both with an error: the kernels differ in their words."""
    failed = [end.told is not None and "Error: " in end.told for end in (ours, truth)]
    return all(failed) or ours == truth


@pytest.mark.parametrize("seed", range(4))
def test_views(seed: int) -> None:
    assert not differing(list(views(seed, 150)))


@pytest.mark.parametrize("seed", range(4))
def test_dtypes(seed: int) -> None:
    assert not differing(list(dtypes(seed, 150)))


def test_most_are_decided() -> None:
    ends = [in_interpreter(_BEGIN + text) for text in (*views(9, 100), *dtypes(9, 100))]
    assert sum(end != UNDECIDED for end in ends) > 160
