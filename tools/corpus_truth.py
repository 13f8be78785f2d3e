"""Writes transformers' own models as directories, with what PyTorch builds for each.

    python -m tools.corpus_truth [--all] FOLDER

For every config class of the installed transformers that has `base_model_tp_plan`, with `--all` for
every one that has a model: a directory with a small config.json (the defaults, a few layers deep)
and `.truth.json`, what the model is when it is built on the meta device. This imports and runs
transformers, so `tools.corpus` calls it in a process of its own.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tests.meta_truth import structure_of
from tools import command_line

if TYPE_CHECKING:
    import torch

LAYERS = 8
"""Enough for every block of the mixed models: one attention in eight is the sparsest pattern."""

TRUTH = ".truth.json"
_LAYER_COUNTS = ("num_hidden_layers", "num_layers", "n_layer", "decoder_layers")


def config_classes(everything: bool = False) -> Iterator[Any]:
    """Every config class that declares or inherits a tensor-parallel plan, by model folder.

    With `everything` also those without a plan, if some model uses them.
    """
    import transformers

    for file in sorted(Path(transformers.__file__).parent.glob("models/*/configuration_*.py")):
        if not everything and "base_model_tp_plan" not in file.read_text("utf-8"):
            continue
        module = importlib.import_module(f"transformers.models.{file.parent.name}.{file.stem}")
        for value in vars(module).values():
            own = inspect.isclass(value) and value.__module__ == module.__name__
            if not own or not issubclass(value, transformers.PreTrainedConfig):
                continue
            if getattr(value, "base_model_tp_plan", None) or (everything and _has_model(value)):
                yield value


def _has_model(config_class: Any) -> bool:
    try:
        return model_class(config_class) is not None
    except ImportError:
        return False


_FILLS: dict[str, Any] = {
    "num_key_value_heads": 8,
    "head_dim": 64,
    "n_routed_experts": 8,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "num_experts": 8,
    "top_k_experts": 2,
    "moe_intermediate_size": 64,
    "mlp_layer_types": ["dense"] + ["sparse"] * (LAYERS - 1),
    "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e4}},
    "layer_types": ["conv", "full_attention"] * (LAYERS // 2),
    "indexer_n_heads": 4,
    "indexer_kv_heads": 1,
    "indexer_head_dim": 128,
    "indexer_budget": 1024,
    "indexer_compress_ratio": 4,
}
"""Values that some config classes leave None although their model cannot be built without them."""


_HALF_ROTATED = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}
_AS_PUBLISHED: tuple[dict[str, Any], ...] = (
    {"head_dim": 128},
    {"rope_parameters": _HALF_ROTATED},
    {"head_dim": 128, "rope_parameters": _HALF_ROTATED},
)
"""Values of published configs where the class's defaults do not fit its code."""


def small_configs(config_class: Any) -> Iterator[Any]:
    """Configs to try in order: few layers, then the default depth, then both with gaps filled."""
    depth = {
        name: LAYERS for name in _LAYER_COUNTS if isinstance(getattr(config_class, name, None), int)
    }
    gaps = {
        name: value for name, value in _FILLS.items() if getattr(config_class, name, ...) is None
    }
    sizes = {name: value for name, value in gaps.items() if isinstance(value, int)}
    types = {name: value for name, value in gaps.items() if isinstance(value, list)}
    routed = {name: value for name, value in sizes.items() if name == "num_experts_per_tok"}
    filled = (depth | routed, depth | sizes, sizes, depth | sizes | types, depth | gaps)
    for overrides in (depth, {}, *filled, *(depth | sizes | each for each in _AS_PUBLISHED)):
        yield lambda overrides=overrides: config_class(**deepcopy(overrides))


def model_class(config_class: Any) -> Any | None:
    """The causal language model of a config, else its base model, else None."""
    name = config_class.__module__.replace(".configuration_", ".modeling_")
    found = list(_models(importlib.import_module(name), config_class))
    heads = [cls for cls in found if cls.__name__.endswith("ForCausalLM")]
    bases = [cls for cls in found if cls.__name__.endswith("Model") and "Pre" not in cls.__name__]
    named = [
        cls for cls in bases if cls.__name__ == config_class.__name__.replace("Config", "Model")
    ]
    return next(iter([*heads, *named, *bases, *found]), None)


def _models(module: ModuleType, config_class: Any) -> Iterator[Any]:
    """The model classes of a module that take this very config."""
    from transformers import PreTrainedModel

    for name, value in vars(module).items():
        if not inspect.isclass(value) or not issubclass(value, PreTrainedModel):
            continue
        own = value.__module__ == module.__name__ and not name.endswith("PreTrainedModel")
        if own and value.config_class is config_class:
            yield value


def build(model: Any, config: Any) -> torch.nn.Module:
    """The model on the meta device."""
    import torch

    with torch.device("meta"):
        built: torch.nn.Module = model(config)
    return built.eval()


def truth_of(config_class: Any) -> dict[str, Any]:
    """What PyTorch builds for one config class; `error` where it cannot.

    The config is the first whose model runs on tokens, else the first that can be built: code that
    computes with values cannot run on the meta device in any case.
    """
    truth: dict[str, Any] = {"config_class": config_class.__name__}
    try:
        model = model_class(config_class)
    except ImportError as error:
        return truth | {"error": f"{type(error).__name__}: {error}"}
    if model is None:
        return truth | {"error": "no model takes this config"}
    truth["architecture"] = model.__name__
    truth["text"] = "input_ids" in inspect.signature(model.forward).parameters
    first: dict[str, Any] | None = None
    for config_of in small_configs(config_class):
        try:
            config = config_of()
            built = build(model, config)
        except Exception as error:  # noqa: BLE001 - what a model raises is the truth
            truth.setdefault("error", f"{type(error).__name__}: {error}"[:300])
            continue
        found = built_truth(built, config)
        if runs(built):
            return truth | found
        first = first or found
    return truth | (first or default_config(config_class))


def runs(built: Any) -> bool:
    """Whether the base model takes a few tokens and nothing else."""
    import torch

    base = getattr(built, built.base_model_prefix or "model", built)
    try:
        base.to(torch.bfloat16)(input_ids=torch.zeros(1, 7, dtype=torch.long, device="meta"))
    except Exception:  # noqa: BLE001 - whatever it raises
        return False
    return True


def default_config(config_class: Any) -> dict[str, Any]:
    """The config of a model that cannot be built from it; empty where there is not even that."""
    try:
        return {"config": config_class().to_dict()}
    except Exception:  # noqa: BLE001 - whatever its validation raises
        return {}


def built_truth(built: Any, config: Any) -> dict[str, Any]:
    """The description of a model that was built from `config`."""
    return {
        "config": config.to_dict(),
        "error": None,
        "tp_plan": dict(built.tp_plan),
        "structure": structure_of(built),
    }


def write(folder: Path, truth: dict[str, Any]) -> None:
    """One directory: what a checkpoint of the model would have, and the truth beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    if "config" in truth:
        config = truth.pop("config") | {"architectures": [truth["architecture"]]}
        text = json.dumps(config, indent=1, sort_keys=True, default=str)
        (folder / "config.json").write_text(text + "\n", "utf-8")
    (folder / TRUTH).write_text(json.dumps(truth), "utf-8")


def main() -> None:
    """Entry point of the process that `tools.corpus` starts."""
    parser = command_line.parser(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="also models without a plan")
    parser.add_argument("--only", nargs="*", help="names of config classes")
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    for config_class in config_classes(arguments.all):
        if arguments.only and config_class.__name__ not in arguments.only:
            continue
        write(arguments.folder / config_class.__name__, truth_of(config_class))
        print(config_class.__name__, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
