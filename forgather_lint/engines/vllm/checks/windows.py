"""Layers that keep to a window in vLLM's attention and not in the model, or the other way round.

vLLM goes by the config. In transformers a layer keeps to a window by the mask that it is handed:
of its functions only those for flash attention look at `sliding_window=`.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.port import port_of
from forgather_lint.core.source import Place
from forgather_lint.engines.vllm.capacity import CacheUnknown, attention_windows
from forgather_lint.engines.vllm.checks.anew import run_anew
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.libraries.names import ATTENTION_INTERFACE
from forgather_lint.libraries.standard import StandardLibrary
from forgather_lint.model.build import ModelBuilder
from forgather_lint.python.interpreter.machine import Machine, Observer
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    External,
    Known,
    Value,
)

WINDOW = "sliding_window"
WINDOWED = External("transformers.sliding_window_mask")
"""A mask that also hides what lies before the window of the config."""
_MAKES_WINDOWS = "transformers.create_sliding_window_causal_mask"


@port_of("transformers/integrations/sdpa_attention.py", "sdpa_attention_forward")
class _WatchedMasks(StandardLibrary):
    """Gives each kind of mask another value, and notes which one each layer attends with."""

    def __init__(self) -> None:
        super().__init__()
        self.masks: dict[int, Value] = {}

    def call(self, machine: Machine, name: str, arguments: Arguments, where: Place) -> Value:
        if name == _MAKES_WINDOWS:
            return WINDOWED
        if name != ATTENTION_INTERFACE:
            return super().call(machine, name, arguments, where)
        given = dict(zip(_HANDED, arguments.positional, strict=False)) | arguments.keywords
        module, mask = given.get("module"), given.get("attention_mask", NONE)
        number = module.attributes.get("layer_idx") if isinstance(module, Instance) else None
        if isinstance(number, Known) and isinstance(number.value, int):
            self.masks[number.value] = mask
        unmasked = given | {"attention_mask": NONE}
        return super().call(machine, name, Arguments([], unmasked, arguments.rest), where)


_HANDED = ("module", "query", "key", "value", "attention_mask")


def windows_apart(judge: VllmJudge, builder: ModelBuilder) -> Iterator[tuple[str, Place | None]]:
    """Why it is open whether layers see the same tokens: a reason, and the place to blame."""
    window = judge.config.setting(WINDOW)
    if window is None or window == NONE:
        return
    place = judge.config.place_of((WINDOW,))
    try:
        kept = attention_windows(judge)
    except CacheUnknown as unknown:
        yield f"vLLM's attention goes by `{WINDOW}`: {unknown}", place
        return
    library = _WatchedMasks()
    if not run_anew(builder, lambda _: Observer(), library):
        yield f"which masks the model makes for `{WINDOW}` is not known", place
        return
    for layer, tokens in enumerate(kept):
        mask = library.masks.get(layer)
        if tokens is not None and mask is not WINDOWED:
            yield (
                f"vLLM keeps layer {layer} to `{WINDOW}`, and no mask of the model does",
                place,
            )
            return
        if tokens is None and mask is WINDOWED:
            yield f"the model keeps layer {layer} to `{WINDOW}`, and vLLM does not", place
            return
