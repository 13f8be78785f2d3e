"""The key-value cache of a model: what a token takes, and what fits into the memory of a rank.

A port of vllm/v1/core/kv_cache_planning.py (kv_cache_utils.py to 0.32) as far as it concerns models
of transformers: every layer caches the same for a token, and either all tokens or those in the one
window of the config.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.engines.vllm.fact_values import Counted, Needed
from forgather_lint.engines.vllm.profile import VllmMemory
from forgather_lint.execution.partition import get_pp_indices

GIB = 2**30


@record
class CachedLayers:
    """What the layers of a model cache: the bytes of a token, and each layer's window, or None."""

    token_bytes: int
    windows: tuple[int | None, ...]


@record
class Request:
    """A request of full length; `in_flight` tokens are computed at once."""

    length: int
    in_flight: int


@record
class Group:
    """Layers that share their blocks: all with one window."""

    window: int | None
    layers: tuple[int, ...]

    @port_of("vllm/v1/kv_cache_interface.py", "SlidingWindowSpec.max_memory_usage_bytes")
    @port_of("vllm/v1/kv_cache_interface.py", "FullAttentionSpec.max_memory_usage_bytes")
    def blocks(self, request: Request, block_size: int) -> int:
        """The number of blocks that a request of full length takes."""
        if self.window is None:
            return -(-request.length // block_size)
        tokens = min(self.window - 1 + request.in_flight, request.length)
        return -(-tokens // block_size) + 1


@record
class Fit:
    """What fits: `tokens` as the engine logs them; `error` where not even one request fits."""

    tokens: int
    requests: float
    blocks: int
    error: str = ""


@record(slots=False)
class Cache:
    """The cache of one model on one release, its layers divided among `stages`."""

    layers: CachedLayers
    facts: VllmMemory
    block_size: int
    stages: int = 1

    @cached_property
    @port_of("vllm/v1/core/kv_cache_planning.py", "get_kv_cache_groups")
    @port_of("vllm/v1/core/kv_cache_planning.py", "_get_kv_cache_groups_uniform_page_size")
    def groups(self) -> tuple[Group, ...]:
        """The groups of the whole model: of equal size where layers cache different tokens."""
        kinds: dict[int | None, list[int]] = {}
        for index, window in enumerate(self.layers.windows):
            kinds.setdefault(window, []).append(index)
        if len(kinds) < 2:
            return tuple(Group(window, tuple(found)) for window, found in kinds.items())
        fewest, most = min(map(len, kinds.values())), max(map(len, kinds.values()))
        size = most if most < fewest * self.facts.wider_groups.value else fewest
        groups = []
        for window, found in kinds.items():
            parts = -(-len(found) // size)
            groups += [Group(window, tuple(found[part::parts])) for part in range(parts)]
        return tuple(groups)

    @port_of("vllm/v1/core/kv_cache_planning.py", "_project_kv_cache_groups_to_worker")
    def on_stage(self, stage: int) -> tuple[Group, ...]:
        """The groups, each with those of its layers that are on the stage."""
        first, behind = get_pp_indices(len(self.layers.windows), stage, self.stages)
        return tuple(
            Group(group.window, tuple(each for each in group.layers if first <= each < behind))
            for group in self.groups
        )

    def token_bytes(self, stage: int) -> int:
        """The bytes of a token on a rank of the stage, as long as all layers cache it."""
        return sum(len(group.layers) for group in self.on_stage(stage)) * self.layers.token_bytes

    @property
    def most_token_bytes(self) -> int:
        """The bytes of a token on the rank where it takes most."""
        return max(map(self.token_bytes, range(self.stages)))

    def block_bytes(self, groups: Sequence[Group]) -> int:
        """The bytes of one block of the pool from which all groups take theirs."""
        page = self.layers.token_bytes * self.block_size
        return max((len(group.layers) for group in groups), default=0) * page

    @port_of("vllm/v1/core/kv_cache_planning.py", "get_kv_cache_configs")
    @port_of("vllm/v1/core/kv_cache_utils.py", "get_max_concurrency_for_kv_cache_config")
    def fit(self, available: Sequence[int], request: Request) -> Fit:
        """What fits into the bytes that are `available` on a rank of each stage."""
        blocks, errors = [], []
        for stage, room in enumerate(available):
            groups = self.on_stage(stage)
            size = self.block_bytes(groups)
            if size:
                errors.append(self._refused(groups, room, size, request))
                blocks.append(max(room, 0) // size)
        per_request = sum(group.blocks(request, self.block_size) for group in self.groups)
        held = min(blocks, default=0)
        requests = held / per_request if per_request else 0.0
        if self.facts.counted.value is Counted.REQUESTS:
            tokens = int(requests * request.length)
        else:
            tokens = held // max(len(self.groups), 1) * self.block_size
        return Fit(tokens, requests, held, next(filter(None, errors), ""))

    @port_of("vllm/v1/core/kv_cache_planning.py", "_check_enough_kv_cache_memory")
    def _refused(self, groups: Sequence[Group], room: int, size: int, request: Request) -> str:
        """The engine's error where one request does not fit; empty where it does."""
        room -= self.facts.reserved_blocks.value * size
        if room <= 0:
            return self.facts.no_memory.value.shown()
        needed = self.needed(groups, request)
        if needed <= room:
            return ""
        longest = _largest(
            request.length,
            lambda length: self.needed(groups, Request(length, request.in_flight)) <= room,
        )
        estimate = self.facts.estimate.value.format(estimate=longest) if longest else ""
        return self.facts.too_long.value.shown(
            length=request.length,
            needed=round(needed / GIB, 2),
            available=round(room / GIB, 2),
            estimate=estimate,
        )

    @port_of("vllm/v1/core/kv_cache_planning.py", "_max_memory_usage_bytes_from_groups")
    def needed(self, groups: Sequence[Group], request: Request) -> int:
        """The bytes that, by the engine, a request of full length needs."""
        rule, page = self.facts.needed.value, self.layers.token_bytes * self.block_size
        if rule is Needed.LAYERS:
            each = (len(group.layers) * group.blocks(request, self.block_size) for group in groups)
            return sum(each) * page
        asked = groups[:1] if rule is Needed.FIRST_GROUP else groups
        blocks = sum(group.blocks(request, self.block_size) for group in asked)
        return self.block_bytes(groups) * blocks


@port_of("vllm/v1/core/kv_cache_planning.py", "_estimate_max_model_len_from_groups")
def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest length up to `most` for which `fits` holds; 0: there is none."""
    if not fits(1):
        return 0
    least = 1
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if fits(middle) else (least, middle - 1)
    return least
