"""What is told of a trace by torch.fx from the text is what torch.fx does."""

from __future__ import annotations

import textwrap
from typing import Any

import libcst as cst
import pytest

from forgather_lint.engines.vllm.fusers.trace_through import traces_through

THROUGH = """
return self.gate(x)

if self.training:
    x = x * 2
return x

if flag is not None:
    x = x * 3
return x

for number in range(self.count):
    x = self.gate(x) + number
return x

return x if isinstance(x, tuple) else x * 2

found = [layer(x) for layer in self.layers]
return found[0]

rows, width = x.shape
return x.view(rows * width)

size = 3
if self.count > 1:
    size = self.count + 1
if size > 2:
    x = x * size
return x
"""

MAY_STOP = """
if x.sum() > 0:
    x = x * 2
return x

for number in range(x.shape[0]):
    x = x + number
return x

size = 3
if self.count > 1:
    size = x.shape[0]
if size > 2:
    x = x * 2
return x

return self.gate(*x.shape)

y = x or flag
return y

if 0 < x.shape[0] < 4:
    x = x * 2
return x

assert x.shape[0] == 2
return x

return [row for row in x]
"""


def bodies(text: str) -> list[str]:
    return [each.strip("\n") for each in text.split("\n\n")]


def forward(body: str) -> str:
    return "def forward(self, x, flag=None):\n" + textwrap.indent(body, "    ") + "\n"


def told(body: str) -> bool:
    (function,) = cst.parse_module(forward(body)).body
    assert isinstance(function, cst.FunctionDef)
    return traces_through(function)


def traced(body: str) -> bool:
    """Whether torch.fx gets through it."""
    torch: Any = pytest.importorskip("torch")

    class Block(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.gate = torch.nn.Linear(4, 4)
            self.layers = torch.nn.ModuleList([torch.nn.Linear(4, 4)])
            self.count = 2

    made: dict[str, Any] = {}
    exec(forward(body), made)
    Block.forward = made["forward"]
    try:
        torch.fx.Tracer().trace(Block())
    except (torch.fx.proxy.TraceError, TypeError):
        return False
    return True


@pytest.mark.parametrize("body", bodies(THROUGH))
def test_a_trace_that_surely_gets_through_does(body: str) -> None:
    assert told(body)
    assert traced(body)


@pytest.mark.parametrize("body", bodies(MAY_STOP))
def test_a_trace_that_asks_for_a_value_may_stop(body: str) -> None:
    assert not told(body)
    assert not traced(body)
