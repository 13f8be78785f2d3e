"""Which plan entry transformers applies to a module.

Layer numbers are replaced by `*`, then the name is looked up exactly. Names and keys are relative
to the model that AutoModel builds, as in a merged plan.
"""

from __future__ import annotations

import re
from collections.abc import Container

from forgather_lint.core.port import port_of
from forgather_lint.engines.transformers.profile import TransformersPlan, Wildcard


@port_of("transformers/distributed/tensor_parallel.py", "_get_parameter_plan")
@port_of("transformers/distributed/parallel_utils.py", "_get_parameter_plan")
def transformers_match(
    keys: Container[str], name: str, plan: TransformersPlan, *, parameter: bool = False
) -> str | None:
    """The key that transformers applies to the module or parameter `name`, or None.

    A parameter that is not in the plan itself has the entry of the module that owns it.
    """
    spelt = folded(name, plan.wildcard.value)
    if spelt in keys:
        return spelt
    owner = spelt.rpartition(".")[0]
    return owner if parameter and owner and owner in keys else None


def folded(name: str, wildcard: Wildcard) -> str:
    """`name` as transformers looks it up: `layers.0.fc1` as `layers.*.fc*`, or as `layers.*.fc1`.

    Of two adjacent indices the second form replaces only the first, as transformers does.
    """
    if wildcard is Wildcard.DIGITS:
        return re.sub(r"\d+", "*", name)
    return re.sub(r"\.\d+(\.|$)", r".*\1", name)
