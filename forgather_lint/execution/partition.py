"""How a release cuts a model into pipeline stages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.execution.engine import Engine
from forgather_lint.facts.causes.stages import NoList, SeveralLists
from forgather_lint.libraries.names import EMBEDDING, MODULE, MODULE_LIST
from forgather_lint.libraries.nn.containers import children_of
from forgather_lint.libraries.nn.module import objects_below
from forgather_lint.model.tree import Tree, class_name
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import TensorValue, Unknown, Value

DECODERS = ("language_model", "text_model", "decoder", "text_decoder")
"""The attributes in which transformers looks for a decoder (modeling_utils.py, `get_decoder`)."""


@record
class StageParts:
    """The planned modules before, in and after the stack of layers, each with its key."""

    before: tuple[tuple[str, Instance], ...]
    layers: tuple[Instance, ...]
    after: tuple[tuple[str, Instance], ...]


@port_of("vllm/distributed/utils.py", "get_pp_indices")
def get_pp_indices(layers: int, stage: int, stages: int) -> tuple[int, int]:
    """The index of a stage's first layer, and the one behind its last.

    Layers that remain go one each to the stages before the last, from the back.
    """
    each, left = divmod(layers, stages)
    first_with_more = stages - 1 - left

    def before(stage: int) -> int:
        return each * stage + min(max(stage - first_with_more, 0), left)

    return before(stage), before(stage + 1)


def stages_apart(layers: int, stages: int) -> Iterator[int]:
    """The stages that need to be run: inner stages without layers are alike, so only the last."""
    yield 0
    yield from range(max(1, stages - layers - 2), stages)


@port_of("vllm/model_executor/models/transformers/base.py", "Base.pipeline_parallel")
def parts_of(
    machine: Machine,
    root: Instance,
    keys: Sequence[str],
    engine: Engine,
    where: Place,
    title: str = "",
) -> StageParts:
    """The modules that the entries of a pipeline plan name, looked up as the engine does.

    `title` is the class that an error names, by default that of `root`.

    Raises `Raised` with the engine's own text: for a name that does not exist, for no
    `nn.ModuleList`, or for more than one.
    """
    named = [(key, _look_up(machine, root, key, engine, where)) for key in keys]
    lists = [i for i, (_, module) in enumerate(named) if _is_list(machine, module)]
    title = f"<class '...{title or class_name(root)}'>"
    if not lists:
        text = engine.stages.no_list.say(type=title)
        raise Raised(engine.stages.no_list.raises, text, where, cause=NoList())
    if len(lists) > 1:
        text = engine.stages.several_lists.say(type=title)
        raise Raised(engine.stages.several_lists.raises, text, where, cause=SeveralLists())
    place = lists[0]
    stack = named[place][1]
    layers = [value for value in children_of(stack).values() if isinstance(value, Instance)]
    return StageParts(tuple(named[:place]), tuple(layers), tuple(named[place + 1 :]))


def _look_up(machine: Machine, root: Instance, key: str, engine: Engine, where: Place) -> Instance:
    value: Value = root
    for name in key.split(".") if engine.stages.dotted_names else [key]:
        value = machine.attribute(value, name, where)
    if isinstance(value, Instance):
        return value
    doubt = value if isinstance(value, Unknown) else None  # it may be one
    raise Raised("AttributeError", f"{key} is not a module", where, doubt=doubt)


def _is_list(machine: Machine, module: Instance) -> bool:
    return machine.is_instance_of(module, MODULE_LIST)


def inferred_keys(machine: Machine, tree: Tree, decoder: Instance) -> list[str]:
    """The entries without a plan: children of `decoder` with parameters, as declared."""
    prefix = tree.name_of(decoder)
    return [
        f"{prefix}.{name}" if prefix else name
        for name, value in decoder.attributes.items()
        if name not in decoder.hidden
        and isinstance(value, Instance)
        and machine.is_instance_of(value, MODULE)
        and _owns_parameters(value)
    ]


@port_of("transformers/modeling_utils.py", "get_decoder")
def decoder_of(machine: Machine, root: Instance) -> Instance | None:
    """The result of `get_decoder()` of a base model; None when that is not known."""
    own = find_member(machine, root.cls, "get_decoder")
    if own is not None and isinstance(own.owner, ClassValue):
        return None
    found = next((root.attributes[name] for name in DECODERS if name in root.attributes), root)
    return found if isinstance(found, Instance) else None


def _owns_parameters(module: Instance) -> bool:
    return any(
        isinstance(value, TensorValue) and value.is_parameter and name not in each.hidden
        for each in objects_below(module)
        for name, value in each.attributes.items()
    )


def holds_table(machine: Machine, tree: Tree, planned: Sequence[tuple[str, Instance]]) -> bool:
    """Whether one of the `planned` modules is an embedding or contains one."""
    tables = [
        name
        for name, instance in tree.instances.items()
        if machine.is_instance_of(instance, EMBEDDING)
    ]
    return any(f"{name}.".startswith(f"{key}.") for name in tables for key, _ in planned)
