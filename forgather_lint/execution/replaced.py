"""Attributes that are lost where a release replaces a module by a layer of its own.

Code that reads such an attribute runs in transformers and raises in the engine, at every size.
"""

from __future__ import annotations

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.execution.layers import BY_COLUMN, BY_ROW, VOCABULARY_STEP, Role
from forgather_lint.facts.causes.running import ReplacementLacks
from forgather_lint.libraries.names import EMBEDDING, LINEAR
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import Arguments, Known, TensorValue

LAYER_NORM = "torch.nn.LayerNorm"
CONVOLUTIONS = ("torch.nn.Conv2d", "torch.nn.Conv3d")
_OF_EVERY_MODULE = frozenset({"training", "forward"})


@record
class Replaced:
    """The attributes of the layers that replace a model's own; None: that kind is not replaced.

    `embedding_subclasses`: a class that derives from `nn.Embedding` is replaced entirely, and not
    just given another base.
    """

    linear: frozenset[str] | None = None
    embedding: frozenset[str] | None = None
    embedding_subclasses: bool = False
    layer_norm: frozenset[str] | None = None
    convolution: frozenset[str] | None = None


@record
class Replacing:
    """The replacements that one release makes in one model."""

    machine: Machine
    root: Instance
    replaced: Replaced

    def lacks(self, instance: Instance, name: str, role: Role, where: Place) -> Raised | None:
        """The error of reading `instance.name` if the replacement lacks it, else None."""
        found = self._layer(instance, role)
        if found is None or name in found[1]:
            return None
        if name not in instance.attributes and not self._is_models_own(instance, name):
            return None  # a member of every nn.Module
        text, cause = (
            f"'{found[0]}' object has no attribute '{name}'",
            ReplacementLacks(found[0], name),
        )
        return Raised("AttributeError", text, where, cause=cause)

    def has_other_rows(self, instance: Instance, name: str, ranks: int) -> bool:
        """Whether `instance.name` is the table of tokens, of which a rank has a part, or more rows.

        Rows are added up to a multiple of `VOCABULARY_STEP`, and shared out among ranks.
        """
        if name != "weight" or self.replaced.embedding is None:
            return False
        found = self._layer(instance, Role.REPLICATED)
        if found is None or found[1] is not self.replaced.embedding:
            return False
        weight = instance.attributes.get(name)
        rows = weight.shape[0] if isinstance(weight, TensorValue) and weight.shape else None
        return ranks > 1 or not isinstance(rows, int) or rows % VOCABULARY_STEP != 0

    def _is_models_own(self, instance: Instance, name: str) -> bool:
        member = find_member(self.machine, instance.cls, name)
        return member is not None and isinstance(member.owner, ClassValue)

    def _layer(self, instance: Instance, role: Role) -> tuple[str, frozenset[str]] | None:
        """The class that replaces `instance`, and its attributes; None where nothing does."""
        kinds, machine = self.replaced, self.machine
        exact = getattr(instance.cls, "name", "")
        if kinds.linear is not None and machine.is_instance_of(instance, LINEAR):
            return _linear_title(role), kinds.linear
        if kinds.embedding is not None and machine.is_instance_of(instance, EMBEDDING):
            replaced = exact == EMBEDDING or kinds.embedding_subclasses
            mine = replaced and instance is input_embedding(machine, self.root)
            return ("VocabParallelEmbedding", kinds.embedding) if mine else None
        if kinds.layer_norm is not None and exact == LAYER_NORM and _is_plain_norm(instance):
            return "LayerNorm", kinds.layer_norm
        if kinds.convolution is not None and exact in CONVOLUTIONS:
            zeros = instance.attributes.get("padding_mode", Known("zeros")) == Known("zeros")
            title = f"{exact.rpartition('.')[2]}Layer"
            return (title, kinds.convolution) if zeros else None
        return None


def is_of_every_module(name: str) -> bool:
    """Whether every module has the attribute, or it is one that is of no interest here."""
    return name in _OF_EVERY_MODULE or name.startswith("_")


def has_own_forward(machine: Machine, linear: Instance) -> bool:
    """Whether the forward of `linear` is written in a class of the model."""
    member = find_member(machine, linear.cls, "forward")
    return member is not None and isinstance(member.owner, ClassValue)


def require_one_input(arguments: Arguments, role: Role, where: Place) -> None:
    """Raises what the engine's layer raises when it is called with more than one input."""
    given = len(arguments.positional)
    if given > 1:
        text = f"takes 2 positional arguments but {given + 1} were given"
        raise Raised("TypeError", f"{_linear_title(role)}.forward() {text}", where)


def _linear_title(role: Role) -> str:
    if role in BY_COLUMN:
        return "ColumnParallelLinear"
    return "RowParallelLinear" if role in BY_ROW else "ReplicatedLinear"


@port_of("vllm/model_executor/models/transformers/utils.py", "replace_layernorm_class")
def _is_plain_norm(instance: Instance) -> bool:
    """Whether a LayerNorm has one dimension, a weight and a bias."""
    weight, bias = (instance.attributes.get(name) for name in ("weight", "bias"))
    both = isinstance(weight, TensorValue) and isinstance(bias, TensorValue)
    return both and isinstance(weight, TensorValue) and len(weight.shape or ()) == 1


def input_embedding(machine: Machine, root: Instance) -> Instance | None:
    """The result of `get_input_embeddings()`; None where it is not known."""
    try:
        with machine.undone_run():
            method = machine.attribute(root, "get_input_embeddings", root.where)
            found = machine.call(method, Arguments(), root.where)
    except (Raised, BudgetExceeded):
        return None
    return found if isinstance(found, Instance) else None
