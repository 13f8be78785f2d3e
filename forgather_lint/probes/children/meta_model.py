"""Builds a model on the meta device, runs its base model on shapes, and reports both.

No weight is allocated, so that any size fits; the model's own code really runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers

if TYPE_CHECKING:
    from forgather_lint.probes.children.reporting import Reporter
else:
    from reporting import Reporter  # beside this script, wherever it runs

BATCH, SEQUENCE = 1, 5
Shape = list[int]
_ATTENTION = "shapes_only"


def config_of(folder: str) -> Any:
    """The config object that AutoConfig makes of the folder."""
    return transformers.AutoConfig.from_pretrained(folder, trust_remote_code=True)


def build_architecture(folder: str) -> torch.nn.Module:
    """The model of the class `architectures[0]`, built by the auto class that loads it."""
    config = config_of(folder)
    wanted = config.architectures[0]
    entries = getattr(config, "auto_map", None) or {}
    loads = [auto for auto, text in entries.items() if _class_name(text) == wanted]
    auto_class: Any = getattr(transformers, _most_special(loads))
    with torch.device("meta"):
        model: torch.nn.Module = auto_class.from_config(config, trust_remote_code=True)
    return model.eval()


def _class_name(entry: object) -> str:
    return entry.rpartition(".")[2] if isinstance(entry, str) else ""


def _most_special(auto_classes: list[str]) -> str:
    """AutoModelForX rather than AutoModel, which drops the head where a class allows that."""
    models = [name for name in auto_classes if name.startswith("AutoModelFor")]
    return models[0] if models else "AutoModelForCausalLM"


def build_base_model(folder: str) -> torch.nn.Module:
    """What vLLM builds: the class behind AutoModel."""
    config = config_of(folder)
    AutoModel: Any = transformers.AutoModel
    with torch.device("meta"):
        # Forgather's models look for the text `AutoModel.from_config` in the line that calls them.
        model: torch.nn.Module = AutoModel.from_config(config, trust_remote_code=True)
    return model.eval()


def structure(model: torch.nn.Module) -> dict[str, object]:
    """All names of all modules, parameters and buffers, including further names of shared ones."""
    modules = model.named_modules(remove_duplicate=False)
    parameters = model.named_parameters(remove_duplicate=False)
    buffers = model.named_buffers(remove_duplicate=False)
    return {
        "root": type(model).__name__,
        "modules": {name: type(module).__name__ for name, module in modules if name},
        "parameters": {name: list(tensor.shape) for name, tensor in parameters},
        "buffers": {name: list(tensor.shape) for name, tensor in buffers},
    }


def plans(model: Any) -> dict[str, object]:
    """The plans as transformers merged them in `post_init`."""
    tensor_parallel = getattr(model, "tp_plan", None) or getattr(model, "_tp_plan", None) or {}
    pipeline_parallel = getattr(model, "_pp_plan", None) or {}
    return {"tp_plan": dict(tensor_parallel), "pp_plan": list(pipeline_parallel)}


def attend(
    _module: object, query: torch.Tensor, _key: object, value: torch.Tensor, *_: Any, **__: Any
) -> tuple[torch.Tensor, None]:
    """Attention on shapes only: `[batch, heads, tokens, size]` in, tokens before heads out."""
    batch, heads, tokens, _size = query.shape
    return query.new_empty(batch, tokens, heads, value.shape[-1]), None


def outputs_by_module(model: torch.nn.Module) -> dict[str, list[Shape]]:
    """Run the model as vLLM calls it; the shapes that each module returned last."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    # Under a name that has no mask function, as "vllm" has none, transformers builds no mask; doing
    # so would read the positions, which the meta device does not have.
    ALL_ATTENTION_FUNCTIONS.register(_ATTENTION, attend)
    config: Any = model.config
    config._attn_implementation = _ATTENTION
    found: dict[str, list[Shape]] = {}

    def record(name: str, module: torch.nn.Module) -> None:
        def hook(_module: torch.nn.Module, _args: object, output: object) -> None:
            found[name] = list(tensor_shapes(output))

        module.register_forward_hook(hook)

    for name, module in model.named_modules():
        record(name, module)
    ids = torch.zeros(BATCH, SEQUENCE, dtype=torch.long, device="meta")
    positions = torch.arange(SEQUENCE, device="meta").unsqueeze(0)
    model(input_ids=ids, position_ids=positions, use_cache=False, return_dict=False)
    return found


def tensor_shapes(value: object) -> Iterator[Shape]:
    """The shapes of the tensors in nested containers."""
    if isinstance(value, torch.Tensor):
        yield list(value.shape)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensor_shapes(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensor_shapes(item)


def main() -> None:
    """Report each part as soon as it is ready, because the next one may raise."""
    reporter = Reporter()
    folder, found = reporter.values["folder"], Path(reporter.values["found"])
    parts: dict[str, object] = {}

    def write(**more: object) -> None:
        parts.update(more)
        found.write_text(json.dumps(parts), "utf-8")

    reporter.say(torch=torch.__version__, transformers=transformers.__version__)
    reporter.phase("build")
    write(whole=structure(build_architecture(folder)))
    reporter.phase("build for AutoModel")
    base = build_base_model(folder)
    write(base=structure(base), plans=plans(base))
    reporter.phase("forward")
    write(outputs=outputs_by_module(base))
    reporter.phase("done")


if __name__ == "__main__":
    main()
