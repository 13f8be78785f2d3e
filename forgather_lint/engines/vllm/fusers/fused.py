"""What a release fuses, and what the fused layers must have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.engines.vllm.fusers.traced import traces_completely
from forgather_lint.execution.dataflow import Body, Step
from forgather_lint.libraries.names import ATTENTION_INTERFACE, LINEAR
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Known, TensorValue, ValueId


@port_of("vllm/model_executor/models/transformers/fusers/base.py", "StackedFuser")
@record
class Fusion:
    """One group that the engine shards: column-parallel layers and their row-parallel partner.

    `copies` has, for each of the columns, on how many ranks each of its heads is. Layers in `whole`
    are whole on every rank. `head_size` is what the release divides the widths of queries, keys and
    values by; `parts` are these widths on a rank where one column holds all three, `kv_heads` the
    number of key-value heads over all ranks.
    """

    kind: str
    columns: tuple[Instance, ...]
    row: Instance | None = None
    copies: tuple[int, ...] = ()
    whole: tuple[Instance, ...] = ()
    head_size: int = 0
    kv_heads: int = 0
    parts: tuple[int, ...] = ()

    @property
    def stacked(self) -> tuple[Instance, ...]:
        """The layers that are merged into one."""
        return self.whole or self.columns

    def shares(self) -> Iterator[tuple[Instance, int]]:
        """Each column with its copies."""
        return zip(self.columns, self.copies or (1,) * len(self.columns), strict=True)


def modules_of(*steps: Step) -> tuple[Instance, ...]:
    """The modules called in these steps."""
    return tuple(step.module for step in steps if step.module is not None)


def linear_calls(machine: Machine, body: Body) -> list[Step]:
    """The calls of the module's own Linears."""
    own = {value for value in body.owner.attributes.values() if isinstance(value, Instance)}
    return [
        step
        for step in body.steps
        if step.module is not None
        and step.module in own
        and machine.is_instance_of(step.module, LINEAR)
    ]


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "returned_linear")
def returned_linear(
    machine: Machine, body: Body, candidates: Sequence[Instance]
) -> Instance | None:
    """The one of `candidates` that computes the returned value, if torch.fx traces to the end.

    It is the last that runs. None if there is none.
    """
    if not traces_completely(machine, body.owner):
        return None
    last = [step for step in body.steps if any(step.module is other for other in candidates)]
    return last[-1].module if last else None


@port_of("vllm/model_executor/models/transformers/fx_utils.py", "upstream_linear")
def upstream_linear(body: Body, value: ValueId, linears: Sequence[Step]) -> Step | None:
    """The call of the nearest of `linears` from which `value` is computed; None if there is none.

    The way back does not go through the attention: what it takes did not produce the value.
    """
    waiting, seen = [value], set[ValueId]()
    while waiting:
        here = waiting.pop()
        step = body.made_by(here) if here not in seen else None
        seen.add(here)
        if step is None or step.name == ATTENTION_INTERFACE:
            continue
        if any(step is linear for linear in linears):
            return step
        waiting += step.inputs
    return None


def mergeable(modules: tuple[Instance, ...]) -> bool:
    """Whether one layer can hold the weights of all."""
    inputs = {width(module, "in_features") for module in modules}
    return len(inputs) == 1 and len(set(map(_has_bias, modules))) == 1


def width(module: Instance, name: str) -> int:
    """A size that a layer was made with; 0 when it is not known."""
    value = module.attributes.get(name)
    return value.value if isinstance(value, Known) and isinstance(value.value, int) else 0


def _has_bias(module: Instance) -> bool:
    return isinstance(module.attributes.get("bias"), TensorValue)
