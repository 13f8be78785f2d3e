"""Why it is open whether vLLM's attention computes what the model's does.

vLLM takes windows and caps from the config, and sinks as they are handed on. In transformers a
layer keeps to a window by its mask, and the rest depends on the function: its sdpa, chosen where
`_supports_sdpa` says so, drops caps, sinks and `sliding_window=` without a word, one of the
model's own takes what it is written to take. Where these differ, nobody knows which is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forgather_lint.core.source import Place
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.vllm.capacity import CacheUnknown, attention_windows
from forgather_lint.engines.vllm.checks.attention_calls import (
    WINDOWED,
    AttentionCall,
    attention_calls,
)
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.subject import PreparedModel
from forgather_lint.libraries.masks import is_causal
from forgather_lint.libraries.operands import is_none
from forgather_lint.model.build import ModelBuilder
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.values.objects import ClassValue
from forgather_lint.python.values.value import NONE, Known

CAP, SINKS, WINDOW = "softcap", "s_aux", "sliding_window"
CAP_OF_CONFIG = "attn_logit_softcapping"


def attended_otherwise(prepared: PreparedModel) -> Iterator[tuple[str, Place | None]]:
    """A reason each, and the place to blame."""
    judge, builder = prepared.judge, prepared.builder
    if judge is None or builder is None:
        return
    windowed = judge.config.setting(WINDOW) not in (None, NONE)
    if not windowed and not _speaks_of(builder, (CAP, SINKS)):
        return  # the model is run once more for the rest
    calls = attention_calls(builder)
    if calls is None:
        place = judge.config.place_of((WINDOW,)) if windowed else judge.subject.where
        yield "what the model hands to its attention is not known", place
        return
    if windowed:
        yield from _by_window(judge, calls)
    yield from _dropped(prepared, judge, calls)


def _speaks_of(builder: ModelBuilder, keywords: Sequence[str]) -> bool:
    """Whether any file that was read holds one of these words: else none is a keyword of a call."""
    texts = [file.text for file in builder.loader.files.values()]
    return any(word in text for word in keywords for text in texts)


def _by_window(
    judge: VllmJudge, calls: Sequence[AttentionCall]
) -> Iterator[tuple[str, Place | None]]:
    """The first layer that does not surely see the same tokens."""
    place = judge.config.place_of((WINDOW,))
    try:
        kept = attention_windows(judge)
    except CacheUnknown as unknown:
        yield f"vLLM's attention goes by `{WINDOW}`: {unknown}", place
        return
    for layer, tokens in enumerate(kept):
        masks = [call.mask for call in calls if call.layer == layer]
        if tokens is not None and not (masks and all(mask is WINDOWED for mask in masks)):
            yield f"vLLM keeps layer {layer} to `{WINDOW}`, and no mask of the model does", place
        elif tokens is None and any(mask is WINDOWED for mask in masks):
            yield f"the model keeps layer {layer} to `{WINDOW}`, and vLLM does not", place
        elif tokens is None and not all(is_none(mask) or is_causal(mask) for mask in masks):
            yield f"which tokens the mask of layer {layer} shows is not known", place
        else:
            continue
        return


def _dropped(
    prepared: PreparedModel, judge: VllmJudge, calls: Sequence[AttentionCall]
) -> Iterator[tuple[str, Place]]:
    """Sinks and caps that one of the functions takes and another drops."""
    root = judge.subject.root
    flag = (
        find_member(judge.subject.machine, root.cls, "_supports_sdpa")
        if isinstance(root.cls, ClassValue)
        else None
    )
    by_default = flag is not None and flag.value == Known(True)
    capped = judge.config.setting(CAP_OF_CONFIG) not in (None, NONE)
    takes_sinks = prepared.target.vllm.attention.sinks_lost.value.effect is Effect.ERROR
    for call in calls:
        if takes_sinks and by_default and not is_none(call.given.get(SINKS, NONE)):
            yield f"transformers' sdpa drops `{SINKS}`, and vLLM takes it", call.where
        if not is_none(call.given.get(CAP, NONE)) and (capped or not by_default):
            said = f"`{CAP_OF_CONFIG}` of the config" + ("" if capped else ", which has none")
            other = "transformers' sdpa drops" if by_default else "a function of the model's takes"
            yield f"{other} `{CAP}`, vLLM caps by {said}", call.where
