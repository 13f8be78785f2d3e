"""Describes many names of tensors in few words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from forgather_lint.engines.vllm.deployed.places import BASE, Slots

_LAYER = re.compile(r"^(.*?\.)(\d{1,9})\.", re.ASCII)
_MOST = 3

WRAPPERS = {
    "_orig_mod": "torch.compile",
    "module": "DistributedDataParallel",
    "_fsdp_wrapped_module": "FSDP",
    "_checkpoint_wrapped_module": "activation checkpointing",
    "base_model": "PEFT",
}
"""Modules in which training wraps a model, by the name under which they hold it."""

QUANTISED = frozenset(
    "qweight qzeros scales g_idx weight_scale weight_scale_inv weight_packed weight_shape absmax "
    "quant_map SCB weight_zero_point input_scale weight_global_scale blocks".split()
)
"""Last parts of names that only quantized weights have."""


def listed(names: Sequence[str]) -> str:
    """Names as a Python set shows them; of many only the first few."""
    shown = ", ".join(f"'{name}'" for name in names[:_MOST])
    return f"{{{shown}{', ...' if len(names) > _MOST else ''}}}"


def layers_of(names: Sequence[str]) -> str:
    """The layers that all `names` belong to, as `layers 1-3`; empty where one belongs to none."""
    found = {match and (match[1], int(match[2])) for match in map(_LAYER.match, names)}
    if None in found or len({pair[0] for pair in found if pair}) != 1:
        return ""
    numbers = sorted(pair[1] for pair in found if pair)
    return f"{'layer' if len(numbers) == 1 else 'layers'} {_ranges(numbers)}"


def _ranges(numbers: Sequence[int]) -> str:
    """Sorted numbers as text: `0-3, 5`."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{part[0]}-{part[-1]}" if part[1:] else str(part[0]) for part in parts)


def looks_like(names: Sequence[str], slots: Slots) -> str:
    """What tensors without a slot seem to be; empty where that is not recognised."""
    for part, wrapper in WRAPPERS.items():
        if any(part in name.split(".") for name in names):
            return f"`{part}` is what {wrapper} calls the model inside it: save that"
    if quantised := _quantised(names):
        return f"`{quantised}` belongs to quantized weights, and the config says nothing of them"
    return _beyond(names, slots)


def _quantised(names: Iterable[str]) -> str:
    return next((leaf for name in names if (leaf := name.rpartition(".")[2]) in QUANTISED), "")


def _beyond(names: Sequence[str], slots: Slots) -> str:
    """Words for names that are all of layers behind the last one built; empty otherwise."""
    last: dict[str, int] = {}
    for name in names:
        match = _LAYER.match(name)
        if match is None:
            return ""
        path = match[1] if match[1].startswith(f"{BASE}.") else f"{BASE}.{match[1]}"
        if path not in last:
            rests = (each.removeprefix(path) for each in slots.modules if each.startswith(path))
            last[path] = max((int(rest) for rest in rests if rest.isdecimal()), default=-1)
        if last[path] < 0 or int(match[2]) <= last[path]:
            return ""
    return "the model is built with fewer layers (`num_hidden_layers`)"
