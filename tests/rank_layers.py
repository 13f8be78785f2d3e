"""vLLM 0.13's layers on ranks that are threads: they compute the same, without regard to speed.

Each class names the upstream file whose arithmetic it repeats; `transformers/` is short for
`vllm/model_executor/models/transformers/`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention


class Ranks:
    """Threads that wait for each other at each collective, as processes do."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._barrier = threading.Barrier(size)
        self._held: list[Tensor] = [torch.empty(0)] * size

    def gather(self, rank: int, tensor: Tensor) -> list[Tensor]:
        """The tensors of all ranks, in order."""
        self._held[rank] = tensor
        self._barrier.wait()
        tensors = list(self._held)
        self._barrier.wait()
        return tensors

    def all_reduce(self, rank: int, tensor: Tensor) -> Tensor:
        """The sum over ranks, added in the same order on each."""
        first, *others = self.gather(rank, tensor)
        return sum(others, first)

    def run(self, work: Callable[[int], Tensor]) -> list[Tensor]:
        """Call `work` with each rank at once; raises the error of the first rank that has one."""

        def guarded(rank: int) -> Tensor:
            try:
                with torch.inference_mode():
                    return work(rank)
            except BaseException:
                self._barrier.abort()
                raise

        with ThreadPoolExecutor(self.size) as pool:
            futures = [pool.submit(guarded, rank) for rank in range(self.size)]
        errors = [error for future in futures if (error := future.exception())]
        causes = [error for error in errors if not isinstance(error, threading.BrokenBarrierError)]
        if errors:
            raise (causes or errors)[0]
        return [future.result() for future in futures]


def slice_of(tensor: Tensor, dim: int, rank: int, size: int) -> Tensor:
    """This rank's equal part; AssertionError as in `vllm/distributed/utils.py`, `divide`."""
    length = tensor.shape[dim]
    assert length % size == 0, f"{length} is not divisible by {size}"
    return tensor.chunk(size, dim)[rank]


class ColumnParallelLinear(nn.Module):
    """A slice of the output features (`vllm/model_executor/layers/linear.py`)."""

    def __init__(self, whole: nn.Linear, rank: int, ranks: Ranks, gather_output: bool) -> None:
        super().__init__()
        self.rank, self.ranks, self.gather_output = rank, ranks, gather_output
        self.weight = nn.Parameter(slice_of(whole.weight, 0, rank, ranks.size))
        self.bias = None
        if whole.bias is not None:
            self.bias = nn.Parameter(slice_of(whole.bias, 0, rank, ranks.size))

    def forward(self, x: Tensor) -> Tensor:
        y = linear(x, self.weight, self.bias)
        return torch.cat(self.ranks.gather(self.rank, y), dim=-1) if self.gather_output else y


class RowParallelLinear(nn.Module):
    """A slice of the input features, summed over ranks (`vllm/model_executor/layers/linear.py`)."""

    def __init__(self, whole: nn.Linear, rank: int, ranks: Ranks, split_input: bool) -> None:
        super().__init__()
        self.rank, self.ranks, self.split_input = rank, ranks, split_input
        self.weight = nn.Parameter(slice_of(whole.weight, 1, rank, ranks.size))
        self.bias = whole.bias if rank == 0 else None

    def forward(self, x: Tensor) -> Tensor:
        if self.split_input:
            x = slice_of(x, -1, self.rank, self.ranks.size)
        return self.ranks.all_reduce(self.rank, linear(x, self.weight, self.bias))


class ReplicatedLinear(nn.Module):
    """The whole layer on each rank; a subclass of nn.Linear loses its own forward."""

    def __init__(self, whole: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = whole.weight, whole.bias

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


class RMSNorm(nn.Module):
    """What replaces a module by its class name (`transformers/utils.py`, replace_rms_norm_class).

    It knows its width, and refuses another (`layers/layernorm.py`, forward_static).
    """

    def __init__(self, norm: nn.Module, hidden_size: int) -> None:
        super().__init__()
        weight = getattr(norm, "weight", None)
        self.weight: Tensor | None = weight
        self.hidden_size = hidden_size if weight is None else weight.size(0)
        self.eps: float = getattr(norm, "eps", getattr(norm, "variance_epsilon", 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] != self.hidden_size:
            raise ValueError(
                f"Expected hidden_size to be {self.hidden_size}, but found: {x.shape[-1]}"
            )
        y = x * torch.rsqrt(x.pow(2).mean(dim=-1, keepdim=True) + self.eps)
        return y if self.weight is None else y * self.weight


class Attention:
    """One rank's heads (`vllm/attention/layer.py`): the number in the config divided by the ranks.

    It takes [tokens, features] and relies on that number: features of more heads than it has are
    read as more tokens, of which it processes as many as the batch has and leaves the rest of its
    output unwritten.
    """

    def __init__(self, heads: int, kv_heads: int, head_size: int) -> None:
        self.heads, self.kv_heads, self.head_size = heads, kv_heads, head_size

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        tokens = query.shape[0]
        output = torch.zeros_like(query).view(-1, self.heads, self.head_size)
        query = query.view(-1, self.heads, self.head_size)[:tokens]
        key = key.view(-1, self.kv_heads, self.head_size)[:tokens]
        value = value.view(-1, self.kv_heads, self.head_size)[:tokens]
        attended = scaled_dot_product_attention(
            query.transpose(0, 1),
            key.transpose(0, 1),
            value.transpose(0, 1),
            is_causal=True,
            scale=scale,
            enable_gqa=True,
        )
        output[:tokens] = attended.transpose(0, 1)
        return output.view(tokens, -1)


def attention_forward(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    attention_instances: dict[int, Attention] | None = None,
    **kwargs: object,
) -> tuple[Tensor, None]:
    """`transformers/base.py`, vllm_flash_attention_forward: takes [1, heads, tokens, head_size]."""
    assert attention_instances is not None, "'NoneType' object is not subscriptable"
    attention = attention_instances[module.layer_idx]
    scale = attention.head_size**-0.5 if scaling is None else scaling
    tokens = query.shape[-2]
    query, key, value = (x.transpose(1, 2).reshape(tokens, -1) for x in (query, key, value))
    return attention(query, key, value, scale), None
