"""What a model hands to its attention, layer by layer, as it runs in transformers."""

from __future__ import annotations

from collections.abc import Mapping

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.engines.vllm.checks.anew import run_anew
from forgather_lint.libraries.names import ATTENTION_INTERFACE, MASK_FUNCTIONS
from forgather_lint.libraries.standard import StandardLibrary
from forgather_lint.model.build import ModelBuilder
from forgather_lint.python.interpreter.machine import Machine, Observer
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import NONE, Arguments, External, Known, Value

WINDOWED = External("transformers.sliding_window_mask")
"""A mask that also hides what lies before the window of the config."""
_MAKES_WINDOWS = "transformers.create_sliding_window_causal_mask"
_POSITIONAL = ("module", "query", "key", "value", "attention_mask")


@record
class AttentionCall:
    """A call of transformers' attention interface; `layer` is the `layer_idx` of its module."""

    layer: int | None
    given: Mapping[str, Value]
    where: Place

    @property
    def mask(self) -> Value:
        """The mask: None is the causal one, `WINDOWED` that of the config's window."""
        return self.given.get("attention_mask", NONE)


@port_of("transformers/integrations/sdpa_attention.py", "sdpa_attention_forward")
class _WatchedAttention(StandardLibrary):
    """Gives masks with a window a value of their own, and notes each call of the attention."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[AttentionCall] = []

    def call(self, machine: Machine, name: str, arguments: Arguments, where: Place) -> Value:
        if name in MASK_FUNCTIONS:
            super().call(machine, name, arguments, where)
            return WINDOWED if name == _MAKES_WINDOWS else NONE
        if name != ATTENTION_INTERFACE:
            return super().call(machine, name, arguments, where)
        given = dict(zip(_POSITIONAL, arguments.positional, strict=False)) | arguments.keywords
        module = given.get("module")
        number = module.attributes.get("layer_idx") if isinstance(module, Instance) else None
        index = number.value if isinstance(number, Known) else None
        layer = index if isinstance(index, int) else None
        self.calls.append(AttentionCall(layer, given, where))
        unmasked = Arguments([], given | {"attention_mask": NONE}, arguments.rest)
        return super().call(machine, name, unmasked, where)


def attention_calls(builder: ModelBuilder) -> tuple[AttentionCall, ...] | None:
    """Every call of the attention in one forward; None where not all that runs is followed."""
    library = _WatchedAttention()
    seen = run_anew(builder, lambda _: Observer(), library)
    return tuple(library.calls) if seen else None
