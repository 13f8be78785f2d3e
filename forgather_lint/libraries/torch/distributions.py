"""`torch.distributions`, as far as forwards use it: the quantiles of a normal distribution."""

from __future__ import annotations

from forgather_lint.libraries.nn.build import set_plain
from forgather_lint.libraries.operands import Undetermined, is_number, tensor_op
from forgather_lint.libraries.torch.elementwise import elementwise
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import NONE, Value

_NORMAL = "torch.distributions.normal.Normal"


@op(f"{_NORMAL}.__init__")
def normal(
    site: Site, self: Instance, loc: Value, scale: Value, validate_args: Value = NONE
) -> Value:
    set_plain(site, self, loc=loc, scale=scale)
    return NONE


@tensor_op(f"{_NORMAL}.icdf")
def quantile(site: Site, self: Instance, value: Value) -> Value:
    """Elementwise, where location and scale are numbers."""
    if not is_number(self.attributes["loc"]) or not is_number(self.attributes["scale"]):
        raise Undetermined("distribution-of-tensors")
    return elementwise(site, [(value, "argument")])
