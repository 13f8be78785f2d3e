"""The experts that vLLM replaces when the config says that a model has some."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.version import TRANSFORMERS_5
from forgather_lint.engines.common.model_config import ModelConfig
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.vllm.expert_layers import ROUTER
from forgather_lint.engines.vllm.moe.fuser import ReplacedBlock
from forgather_lint.engines.vllm.release import VllmEngine
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.outcome import SERVES, Outcome
from forgather_lint.libraries.names import FUSED_BLOCK, FUSED_EXPERTS, MODULE_LIST
from forgather_lint.libraries.nn.module import objects_below
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import External, Known, TensorValue, known

NAME = "experts"


@record
class ExpertBlock:
    """A module whose `experts` the engine replaces.

    `name` is the dotted name of the experts. `replaced` tells which parts of the module the engine
    runs itself; `routed` that it is not known whether it does. `contract` is whether both compute
    the same.
    """

    owner: Instance
    experts: Instance
    name: str
    replaced: ReplacedBlock | None = None
    routed: bool = False
    contract: Outcome = SERVES


def expert_blocks(machine: Machine, tree: Tree) -> tuple[ExpertBlock, ...]:
    """Every block whose child `experts` is a list, or has parameters of three dimensions only."""
    return tuple(
        ExpertBlock(owner, experts, tree.names[experts])
        for owner in tree.instances.values()
        if isinstance(experts := owner.attributes.get(NAME), Instance)
        and _is_replaced(machine, experts)
    )


def _is_replaced(machine: Machine, experts: Instance) -> bool:
    if machine.is_instance_of(experts, MODULE_LIST):
        return True
    shapes = [parameter.shape for parameter in _parameters(experts)]
    return bool(shapes) and all(shape is not None and len(shape) == 3 for shape in shapes)


def _parameters(module: Instance) -> Iterator[TensorValue]:
    """The parameters of `module` and of what it holds."""
    for each in objects_below(module):
        held = each.attributes.values()
        yield from (
            value for value in held if isinstance(value, TensorValue) and value.is_parameter
        )


@port_of("vllm/model_executor/models/transformers/moe.py", "MoEMixin.recursive_replace")
def fuse_experts(machine: Machine, tree: Tree, blocks: tuple[ExpertBlock, ...]) -> Tree:
    """Replace each block's experts by the engine's layer.

    Returns the tree without what they held.
    """
    fused = {
        routed: Instance(External(FUSED_EXPERTS), {ROUTER: known(routed)}, blocks[0].experts.where)
        for routed in {block.routed for block in blocks}
    }
    gone = tuple(block.name for block in blocks)
    for block in blocks:
        machine.trail.stand_in(block.owner, NAME, fused[block.routed])
        if block.replaced is not None:
            machine.trail.stand_in(block.owner, "forward", External(FUSED_BLOCK))
    return replace(tree, instances=dict(_outside(tree, gone)))


def _outside(tree: Tree, gone: tuple[str, ...]) -> Iterator[tuple[str, Instance]]:
    inner = tuple(f"{name}." for name in gone)
    for name, instance in tree.instances.items():
        if name not in gone and not name.startswith(inner):
            yield name, instance


def experts_refused(target: VllmTarget) -> bool:
    """Whether the release raises for any mixture of experts beside this transformers."""
    needs_newer = target.vllm.config.experts.value.effect is Effect.ERROR
    return needs_newer and target.transformers.version < TRANSFORMERS_5


@port_of("vllm/config/model.py", "ModelConfig.get_num_experts")
@port_of(
    "vllm/transformers_utils/model_arch_config_convertor.py",
    "ModelArchConfigConvertorBase.get_num_experts",
)
def has_experts(machine: Machine, root: Instance, engine: VllmEngine) -> bool:
    """Whether by its config the release takes the model for a mixture of experts.

    The first of the names that the config has decides.
    """
    config = ModelConfig.of_text(machine, root.attributes.get("config"), root.where)
    for name in engine.profile.config.expert_fields.value:
        count = config.setting(name)
        if count is None:
            continue
        number = count.value if isinstance(count, Known) else 0
        return isinstance(number, int) and number >= max(
            1, engine.profile.config.expert_minimum.value
        )
    return False
