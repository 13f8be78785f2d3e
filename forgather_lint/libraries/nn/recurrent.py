"""What the constructors of recurrent networks set: weights of each gate, layer and direction."""

from __future__ import annotations

from typing import cast

from forgather_lint.libraries.nn.build import leave_open, optional, parameter, set_plain
from forgather_lint.python.interpreter.library import Op, Site, op
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.dims import Size, multiply
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import FALSE, NONE, TRUE, Known, Value, size_of


def _recurrent(gates: int) -> Op:
    def build(
        site: Site,
        self: Instance,
        input_size: Value,
        hidden_size: Value,
        num_layers: Value = Known(1),  # noqa: B008
        bias: Value = TRUE,
        batch_first: Value = FALSE,
        dropout: Value = NONE,
        bidirectional: Value = FALSE,
        **options: Value,
    ) -> Value:
        layers, hidden = size_of(num_layers), size_of(hidden_size)
        if not isinstance(layers, int) or hidden is None:
            leave_open(site, self, "unknown-size")
            return NONE
        if not site.evaluator.budget.has_room(layers):
            leave_open(site, self, "many-items")
            return NONE
        rows = multiply(hidden, gates)
        two_ways = cast("Machine", site.evaluator).truth(bidirectional)
        for layer in range(layers):
            width = size_of(input_size) if layer == 0 else multiply(hidden, 2 if two_ways else 1)
            for suffix in ("", "_reverse") if two_ways else ("",):
                _set_gates(site, self, f"_l{layer}{suffix}", (rows, width, hidden), bias)
        return NONE

    return build


def _set_gates(
    site: Site, self: Instance, suffix: str, sizes: tuple[Size, Size | None, Size], bias: Value
) -> None:
    rows, width, hidden = sizes
    set_plain(
        site,
        self,
        **{
            f"weight_ih{suffix}": parameter(site, rows, width),
            f"weight_hh{suffix}": parameter(site, rows, hidden),
            f"bias_ih{suffix}": optional(site, bias, parameter(site, rows)),
            f"bias_hh{suffix}": optional(site, bias, parameter(site, rows)),
        },
    )


op("torch.nn.LSTM.__init__")(_recurrent(4))
op("torch.nn.GRU.__init__")(_recurrent(3))
op("torch.nn.RNN.__init__")(_recurrent(1))
