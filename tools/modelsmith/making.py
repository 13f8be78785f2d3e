"""How a model's code makes its layers: plainly, by factories, in loops over names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tools.modelsmith.design import Design, chosen
from tools.modelsmith.text import Lines

MIXIN = """class ProjectionMixin:
    def make(self, name, size, out, bias=False):
        setattr(self, name, nn.Linear(size, out, bias=bias))
"""
SUBCLASS = """class Projection(nn.Linear):
    def __init__(self, size, out, bias=False):
        super().__init__(size, out, bias=bias)
"""
GAIN = """class GainLinear(nn.Linear):
    def __init__(self, size, out, bias=False):
        super().__init__(size, out, bias=bias)
        self.gain = nn.Parameter(torch.ones(out))

    def forward(self, input):
        return super().forward(input) * self.gain
"""
FACTORY = """def linear(size, out, bias=False):
    return nn.Linear(size, out, bias=bias)
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A pattern of the plan below a layer, its correct style, and what it is for."""

    role: str
    key: str
    style: str


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear layer that a constructor makes."""

    name: str
    size: str
    out: str
    bias: bool = False


def linear(design: Design, size: str, out: str, bias: bool = False) -> str:
    """The expression that makes one linear layer."""
    style, special = chosen(design, "construction"), chosen(design, "linears")
    if special == "gain":
        return f"GainLinear({size}, {out}, bias={bias})"
    if special == "weight_norm":
        return f"weight_norm(nn.Linear({size}, {out}, bias={bias}))"
    if style == "subclass":
        return f"Projection({size}, {out}, bias={bias})"
    if style == "factory":
        return f"linear({size}, {out}, bias={bias})"
    if style == "getattr":
        return f'getattr(nn, "Linear")({size}, {out}, bias={bias})'
    if style == "partial":
        return f"partial(nn.Linear, bias={bias})({size}, {out})"
    return f"nn.Linear({size}, {out}, bias={bias})"


def made(design: Design, layers: Sequence[Linear]) -> Lines:
    """The statements that make `layers`."""
    style = chosen(design, "construction")
    if style == "defaultdict":
        return [
            "biased = defaultdict(bool)",
            *(f'biased["{x.name}"] = True' for x in layers if x.bias),
            *(
                f'self.{x.name} = nn.Linear({x.size}, {x.out}, bias=biased["{x.name}"])'
                for x in layers
            ),
        ]
    if style == "mixin":
        return [f'self.make("{x.name}", {x.size}, {x.out}, bias={x.bias})' for x in layers]
    if style == "loop" and len({(x.size, x.bias) for x in layers}) == 1 and len(layers) > 1:
        pairs = ", ".join(f'("{x.name}", {x.out})' for x in layers)
        first = layers[0]
        expression = linear(design, first.size, "out", first.bias)
        return [f"for name, out in ({pairs}):", f"    setattr(self, name, {expression})"]
    return [f"self.{x.name} = {linear(design, x.size, x.out, x.bias)}" for x in layers]


def bases(design: Design) -> str:
    """The base classes of a module of `design`."""
    return (
        "ProjectionMixin, nn.Module" if chosen(design, "construction") == "mixin" else "nn.Module"
    )
