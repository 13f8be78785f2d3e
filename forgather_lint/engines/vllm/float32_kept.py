"""Parameters that stay in float32 in a model that is loaded in another type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from forgather_lint.libraries.dtypes import kind
from forgather_lint.libraries.names import EMBEDDING, LINEAR
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Known, TensorValue

NAMED_BY = "_keep_in_fp32_modules_strict"
_HALF = ("bfloat16", "float16")


def keep_in_float32(machine: Machine, root: Instance, tree: Tree) -> None:
    """Retype the tensors whose name has a part that the class of `root` lists.

    Those of layers that vLLM replaces (linear layers, embeddings) load in the type of the model all
    the same. Source: vllm/model_executor/models/transformers/base.py, `Base.keep_in_fp32`.
    """
    parts = list(_parts(machine, root))
    if not parts or machine.environment.dtype not in _HALF:
        return
    for name, module in tree.instances.items():
        if any(machine.is_instance_of(module, each) for each in (LINEAR, EMBEDDING)):
            continue
        for attribute, value in list(module.attributes.items()):
            dotted = f"{name}.{attribute}" if name else attribute
            held = isinstance(value, TensorValue) and (
                value.is_parameter or attribute in module.buffers
            )
            if held and any(part in dotted for part in parts):
                assert isinstance(value, TensorValue)
                if value.dtype is not None and kind(value.dtype) == 2:
                    kept = replace(value, dtype="float32")
                    machine.trail.set_attribute(module, attribute, kept)


def _parts(machine: Machine, root: Instance) -> Iterator[str]:
    member = find_member(machine, root.cls, NAMED_BY)
    if member is None:
        return
    for item in machine.items_of(member.value)[0]:
        if isinstance(item, Known) and isinstance(item.value, str):
            yield item.value
