"""The memory of the ranks of a model: parameters, KV cache, and how much fits into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.engines.api import Capacity, Device
from forgather_lint.engines.vllm.fact_values import Fuser, InFlight, UniformWindow, WindowsOf
from forgather_lint.engines.vllm.kv_cache import GIB, Cache, CachedLayers, Request
from forgather_lint.engines.vllm.profile import VllmMemory
from forgather_lint.execution.memory import DTYPE_BYTES
from forgather_lint.python.values.value import NONE, Known, ListValue, Value

if TYPE_CHECKING:
    from forgather_lint.engines.vllm.judge import VllmJudge

SLIDES = "sliding_attention"


@record
class CacheUnknown(Exception):
    """The KV cache of a model is not known; the message is the reason."""

    reason: str


def capacity(judge: VllmJudge, ranks: int, stages: int, device: Device) -> Capacity:
    """What the fullest rank holds of `device`, and what is left for requests."""
    facts = judge.profile.memory
    if device.context_ranks > 1:
        refused = judge.refused_by_context(ranks, device.context_ranks)
        return Capacity(unknown="the cache that ranks divide is not modelled", refused=refused)
    if stages > (judge.config.number("num_hidden_layers") or 0):
        return Capacity(unknown="there are fewer layers than stages")
    weights = judge.bytes_by_stage(ranks, stages)
    room = _room(device, weights, stages, facts)
    if room is None:
        return Capacity(unknown="the sizes of the parameters are not all known")
    held = max(weights) if weights else None
    try:
        cache = cache_of(judge, ranks, stages, device.cache_dtype, device.block_size)
        length = device.max_model_len or _length(judge)
    except CacheUnknown as error:
        return Capacity(held, min(room), unknown=error.reason)
    if device.blocks is not None:
        groups = map(cache.on_stage, range(stages))
        room = [device.blocks * cache.block_bytes(each) for each in groups]
    fit = cache.fit(room, Request(length, _in_flight(facts, device, stages)))
    return Capacity(
        held,
        min(room),
        cache.most_token_bytes,
        fit.tokens,
        fit.requests,
        length,
        fit.error,
        where=judge.config.place_of(judge.profile.config.length_fields.value),
    )


def _room(
    device: Device, weights: Sequence[int] | None, stages: int, facts: VllmMemory
) -> list[int] | None:
    """The bytes left for the KV cache on a rank of each stage; None where that is not known."""
    if device.cache_bytes is not None:
        return [device.cache_bytes] * stages
    if device.blocks is not None:
        return [0] * stages
    if weights is None or device.size is None:
        return None
    share = device.utilization or facts.utilization.value
    return [int(device.size * share) - each for each in weights]


def cache_of(
    judge: VllmJudge, ranks: int, stages: int, dtype: str = "auto", block_size: int | None = None
) -> Cache:
    """The KV cache of the model on `ranks` ranks; `block_size` is that of a GPU unless given.

    Raises `CacheUnknown`.
    """
    facts = judge.profile.memory
    if judge.attends_both_ways:
        raise CacheUnknown("an encoder keeps no cache")
    latent = judge.config.latent
    if latent and not judge.engine.fuses(Fuser.LATENT):
        raise CacheUnknown("how this release keeps compressed keys is not modelled")
    width = _width(judge, dtype)
    compressed = bool(judge.latents)
    layers = CachedLayers(_elements(judge, ranks, compressed) * width, attention_windows(judge))
    default = facts.latent_block_size if latent else facts.block_size
    return Cache(layers, facts, block_size or default.value, stages)


def _width(judge: VllmJudge, dtype: str) -> int:
    """The bytes of an element of the cache."""
    if dtype != "auto":
        known = judge.profile.memory.cache_dtypes.value
        if dtype not in known:
            raise CacheUnknown(f"how much a cache of {dtype} takes is not known")
        return known[dtype]
    file = judge.subject.config_file
    if file is not None and "quantization_config" in file.values:
        said = file.values["quantization_config"]
        if not isinstance(said, Mapping) or any(name.startswith("kv_cache") for name in said):
            raise CacheUnknown("the quantization of the checkpoint may be that of the cache too")
    width = DTYPE_BYTES.get(judge.dtype)
    if width is None:
        raise CacheUnknown(f"the size of {judge.dtype} is not known")
    return width


@port_of("vllm/config/model.py", "ModelConfig.get_num_kv_heads")
@port_of("vllm/model_executor/layers/attention/mla_attention.py", "MLAAttention.get_kv_cache_spec")
def _elements(judge: VllmJudge, ranks: int, compressed: bool) -> int:
    """The elements that a rank caches for a token in each layer."""
    heads = judge.heads
    if compressed:
        rank, rotary = (judge.config.number(name) for name in ("kv_lora_rank", "qk_rope_head_dim"))
        if rank is None or rotary is None:
            raise CacheUnknown("the size of the compressed keys is not known")
        return rank + rotary
    if heads is None or not (heads.uniform or judge.config.latent):
        raise CacheUnknown("the head counts are not known, or not the same in all layers")
    return 2 * max(1, heads.kv // ranks) * heads.size


@port_of("vllm/engine/arg_utils.py", "EngineArgs.create_engine_config")
@port_of("vllm/model_executor/models/transformers/base.py", "Base._create_attention_instances")
def attention_windows(judge: VllmJudge) -> tuple[int | None, ...]:
    """The window of the engine's attention in each layer, in tokens; None where it has none.

    Raises `CacheUnknown`.
    """
    config = judge.config
    layers = config.number("num_hidden_layers")
    if layers is None:
        raise CacheUnknown("the number of layers is not known")
    if judge.latents:
        return (None,) * layers
    composite = config.whole is not None and config.whole is not config.config
    if composite and judge.profile.memory.windows_of.value is WindowsOf.WHOLE:
        raise CacheUnknown("which part of the config this release takes the windows from")
    types = _types(config.setting("layer_types"), layers)
    said = config.setting("sliding_window")
    window = config.number("sliding_window") or None
    if said not in (None, NONE) and config.number("sliding_window") is None:
        raise CacheUnknown("the window is not known")
    rule = judge.profile.memory.uniform_window.value
    one = len(set(types)) < 2 if rule is UniformWindow.ONE_TYPE else set(types) <= {SLIDES}
    if one:
        return (window,) * layers
    return tuple(window if kind == SLIDES else None for kind in types)


def _types(value: Value | None, layers: int) -> tuple[object, ...]:
    if value is None or value == NONE:
        return ()
    if not isinstance(value, ListValue) or value.rest is not None:
        raise CacheUnknown("the types of the layers are not known")
    found = tuple(each.value if isinstance(each, Known) else None for each in value.items[:layers])
    if not all(isinstance(each, str) for each in found) or len(found) < layers:
        raise CacheUnknown("the types of the layers are not known")
    return found


def _length(judge: VllmJudge) -> int:
    """The context length by the config."""
    if judge.config.is_rope_scaled:
        raise CacheUnknown("the length under the scaling of positions; --max-model-len tells it")
    fields = judge.profile.config.length_fields.value
    limits = [limit for name in fields if (limit := judge.config.number(name)) is not None]
    if not limits:
        raise CacheUnknown("the config gives no length; --max-model-len does")
    return min(limits)


@port_of("vllm/engine/arg_utils.py", "EngineArgs.get_batch_defaults")
@port_of("vllm/config/vllm.py", "VllmConfig.max_in_flight_tokens")
def _in_flight(facts: VllmMemory, device: Device, stages: int) -> int:
    """The least number of tokens that are computed at once: one batch for each stage."""
    limits = facts.batched_tokens.value
    given = max(int(size) for size in limits if int(size) * GIB <= (device.size or 0))
    batch = device.batched_tokens or limits[str(given)]
    return batch if facts.in_flight.value is InFlight.ONE_BATCH else batch * stages
