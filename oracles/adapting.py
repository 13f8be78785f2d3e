"""LoRA adapters for a model: drawn, stored as PEFT stores them, and added to the model's weights.

Like `ranks`, it runs inside the Python that has vLLM.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Config = dict[str, object]
_PREFIX = "base_model.model."
_SEED = 40_507


def adapt(model: Any, folder: str, adapter: dict[str, Any]) -> None:
    """Store an adapter in `folder`/adapter, and add its effect to the weights of `model`.

    `adapter["config"]` is its adapter_config.json. `layers` are ends of names of the layers that it
    is for; `renamed` maps parts of these names to others. With `stored` false it has no tensors;
    `further` are additional tensors by name, with a shape each.
    """
    import torch
    from safetensors.torch import save_file

    config, ends = adapter["config"], tuple(adapter["layers"])
    rank, alpha = adapter.get("rank", 8), config.get("lora_alpha", 16)
    generator = torch.Generator().manual_seed(_SEED)
    tensors: dict[str, Any] = {}
    for name, module in model.named_modules():
        if not name.endswith(ends):
            continue
        table = isinstance(module, torch.nn.Embedding)
        rows, columns = module.weight.shape
        down = torch.randn(rank, columns, generator=generator) * columns**-0.5
        up = torch.randn(rows, rank, generator=generator) * 0.5 * rank**-0.5
        if adapter.get("adds", True):
            module.weight.data += up @ down * (alpha / rank)
        for old, new in adapter.get("renamed", {}).items():
            name = name.replace(old, new)
        if table:
            tensors[f"{_PREFIX}{name}.lora_embedding_A"] = up.t().contiguous()
            tensors[f"{_PREFIX}{name}.lora_embedding_B"] = down.t().contiguous()
        else:
            tensors[f"{_PREFIX}{name}.lora_A.weight"] = down.contiguous()
            tensors[f"{_PREFIX}{name}.lora_B.weight"] = up.contiguous()
    for name, shape in adapter.get("further", {}).items():
        tensors[name] = torch.randn(*shape, generator=generator)
    place = Path(folder, "adapter")
    place.mkdir(exist_ok=True)
    (place / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    if adapter.get("stored", True):
        save_file(tensors, str(place / "adapter_model.safetensors"))
