"""Compares the tensors of a checkpoint with what a release builds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from forgather_lint.core.record import record
from forgather_lint.deployment.checkpoint.files import Checkpoint, Tensor
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.vllm.checks.checked_model import HEAD, CheckedModel
from forgather_lint.engines.vllm.checks.naming import naming_of
from forgather_lint.engines.vllm.deployed.forms import GROUP_INDICES
from forgather_lint.engines.vllm.deployed.places import Slots, TensorSlot, slots_of
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Raised


@record
class TensorMisfit:
    """A tensor with another size than the parameter that it is for."""

    tensor: Tensor
    slot: TensorSlot
    quantized: bool = False


@record(eq=False)
class TensorsCompared:
    """What becomes of each tensor, in the order of the engine.

    `found` are the tensors by the names of their slots. `strangers` have no slot, `dropped` are
    silently skipped, `misfits` have the wrong size. `missing` are slots without a tensor,
    `integers` integer tensors for a slot of floats. `undecided` is a short reason when not all
    could be compared.
    """

    slots: Slots
    found: Mapping[str, Tensor]
    strangers: tuple[tuple[Tensor, str], ...] = ()
    dropped: tuple[Tensor, ...] = ()
    misfits: tuple[TensorMisfit, ...] = ()
    integers: tuple[Tensor, ...] = ()
    missing: tuple[TensorSlot, ...] = ()
    undecided: str = ""


def compared(seen: CheckedModel, checkpoint: Checkpoint) -> TensorsCompared:
    """`checkpoint`, every header of which was read, beside the model. Raises `NamesUnknown`."""
    return _Comparison(seen, checkpoint).result()


def is_tied(seen: CheckedModel, checkpoint: Checkpoint) -> bool:
    """Whether the release uses the embedding's weight for the head."""
    if not seen.settings.tied:
        return False
    if not seen.target.vllm.checkpoint.stored_head_unties.value:
        return True
    return not any(each.name.endswith(f"{HEAD}.weight") for each in checkpoint.tensors)


class _Comparison:
    def __init__(self, seen: CheckedModel, checkpoint: Checkpoint) -> None:
        self.seen, self.checkpoint = seen, checkpoint
        self.tied = is_tied(seen, checkpoint)
        self.naming = naming_of(seen)
        self.slots = slots_of(seen, tied=self.tied)
        self.found: dict[str, Tensor] = {}
        self.experts_otherwise: set[str] = set()
        self.strangers: list[tuple[Tensor, str]] = []
        self.dropped: list[Tensor] = []
        self.misfits: list[TensorMisfit] = []
        self.joined: set[str] = set()
        self.undecided = ""

    def result(self) -> TensorsCompared:
        for tensor in self.checkpoint.tensors:
            name = self.naming.place(tensor.name)
            if name is not None and not self._is_group_index(name):
                self._take(tensor, name)
        return TensorsCompared(
            self.slots,
            self.found,
            tuple(self.strangers),
            tuple(self.dropped),
            tuple(self.misfits),
            tuple(each for name, each in self.found.items() if self._is_whole_number(name, each)),
            tuple(self._missing()),
            self.undecided,
        )

    def _take(self, tensor: Tensor, name: str) -> None:
        above = next((each for each in self.slots.quantized_experts if name.startswith(each)), None)
        if above is not None:
            self.experts_otherwise.add(above)
            self.undecided = self.undecided or "quantized experts are not compared"
            return
        slot = self.slots.get(name)
        if slot is not None:
            self.found[name] = tensor
            if self._is_stored_otherwise(name, tensor):
                self.undecided = self.undecided or "quantized weights are stored in another form"
            elif not _fits(tensor.stored.shape, slot):
                self._misfit(TensorMisfit(tensor, slot, slot.name in self.slots.quantized))
            return
        if name.startswith(f"{HEAD}.") and self._is_heads_own(name):
            return
        above = next((each for each in self.slots.experts if name.startswith(each)), None)
        if above is not None:
            self.experts_otherwise.add(above)
            self.undecided = self.undecided or "experts are stored in another form"
        elif name in self._joined:
            self.joined |= set(self._joined[name])
            self.undecided = self.undecided or "layers are stored as one, in an order of their own"
        elif self._is_below_open(name):
            self.undecided = self.undecided or "a tensor of a module that is not known"
        elif self._is_loose_bias(name):
            self.dropped.append(tensor)
        else:
            self.strangers.append((tensor, name))

    def _misfit(self, misfit: TensorMisfit) -> None:
        if misfit.slot.shape is None or not misfit.slot.certain:
            self.undecided = self.undecided or "a parameter of unknown size"
        elif misfit.quantized and misfit.slot.split == 1:
            # Of a row-parallel layer several ranks may cut out what fits.
            self.undecided = self.undecided or "quantized weights are stored in another size"
        elif misfit.slot.name.startswith(self.slots.experts) and self.slots.experts:
            self.undecided = self.undecided or "experts of another size"
        else:
            self.misfits.append(misfit)

    def _is_heads_own(self, name: str) -> bool:
        """Whether it is a tensor of a tied head, which is skipped, or the bias of a head."""
        if self.tied and not self.seen.target.vllm.checkpoint.stored_head_unties.value:
            return True
        taken = self.seen.target.vllm.weights.head_bias_loaded.value
        if name != f"{HEAD}.bias" or not taken:
            return False
        whole = self.seen.whole
        built = whole is not None and any(each.name == name for each in whole.structure.parameters)
        if not built:
            self.undecided = (
                self.undecided or "a bias of the head, which the model is built without"
            )
        return True

    def _is_below_open(self, name: str) -> bool:
        return any(
            name == each or name.startswith(f"{each}.") or each == "" for each in self.slots.open_at
        )

    def _is_loose_bias(self, name: str) -> bool:
        """Whether it is a bias for a module built without one, which the release skips."""
        owner, _, leaf = name.rpartition(".")
        looks = self.seen.target.vllm.checkpoint.bias_without_parameter.value.effect
        return leaf == "bias" and looks is Effect.SILENT and owner in self.slots.modules

    def _is_whole_number(self, name: str, tensor: Tensor) -> bool:
        """Whether integers are stored for a parameter, which never has any."""
        parameter = name in self.slots.parameters and name not in self.slots.quantized
        return parameter and tensor.stored.dtype[0] in "IU"

    def _is_stored_otherwise(self, name: str, tensor: Tensor) -> bool:
        stored = self.slots.quantized.get(name)
        return stored is not None and not stored.is_like(tensor.stored.dtype)

    def _is_group_index(self, name: str) -> bool:
        """Whether it is the `g_idx` of a quantized layer, which newer releases skip."""
        dropped = self.seen.target.vllm.quantization.group_indices_dropped.value
        quantized = self.seen.judge is not None and self.seen.judge.quantized is not None
        return quantized and dropped and name.endswith(GROUP_INDICES)

    @cached_property
    def _joined(self) -> Mapping[str, tuple[str, ...]]:
        """The parameters of layers that the release merges, by the name in the merged layer.

        A tensor of that name is taken for all of them at once.
        """
        # Few checkpoints have a tensor that nothing else is for.
        from forgather_lint.engines.vllm.quantized.layers import layers_at

        judge, found = self.seen.judge, dict[str, tuple[str, ...]]()
        assert judge is not None
        try:
            merged = [layer for layer in layers_at(judge, 1) if len(layer.parts) > 1]
        except (Raised, BudgetExceeded):
            return {}
        for layer in merged:
            for leaf in ("weight", "bias"):
                found[f"{layer.name}.{leaf}"] = tuple(f"{e.name}.{leaf}" for e in layer.parts)
        return found

    def _missing(self) -> Iterator[TensorSlot]:
        got = {self.slots.aliases.get(name, name) for name in self.found} | self.joined
        otherwise = tuple(self.experts_otherwise)
        for name, slot in self.slots.parameters.items():
            if name in got or (otherwise and name.startswith(otherwise)):
                continue
            if not slot.certain:
                self.undecided = self.undecided or "a parameter that may be there"
            else:
                yield slot


def _fits(stored: tuple[int, ...], slot: TensorSlot) -> bool:
    """Whether a tensor of that shape fits `slot`; an unknown size never does."""
    if slot.shape is None or None in slot.shape:
        return False
    return stored == slot.shape or (_is_one(stored) and _is_one(slot.shape))


def _is_one(shape: tuple[int | None, ...]) -> bool:
    return all(size == 1 for size in shape)
