"""What PyTorch says about model directories: each is built on the meta device and run on shapes.

    python tests/meta_truth.py [--write] DIRECTORY...

Prints one JSON object, a `Truth` by directory name; `--write` stores each one in the directory's
`.expected/structure.json` instead. It runs the models' code, so tests call it in a process of its
own, through `live_truths`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    import torch

BATCH, SEQUENCE = 1, 5
Shape = list[int]


class Call(TypedDict):
    """One call of a submodule: the shape of each tensor that entered (by name) and left."""

    module: str
    inputs: dict[str, Shape]
    outputs: list[Shape]


class Structure(TypedDict):
    """A model as `nn.Module` lists it, with all names of shared parameters and modules.

    `shared` groups the names of one parameter. `calls` are those of one forward on [1, 5] token
    ids, in order of return; they are recorded only for AutoModel, which is what vLLM runs.
    """

    root: str
    modules: dict[str, str]
    parameters: dict[str, Shape]
    buffers: dict[str, Shape]
    shared: list[list[str]]
    calls: list[Call]


class Truth(TypedDict):
    """Both entries of a model directory, and the releases of the packages."""

    versions: dict[str, str]
    entries: dict[str, Structure]


def golden_truth(directory: Path) -> Truth:
    """What was stored when PyTorch was last asked."""
    truth: Truth = json.loads(_golden_path(directory).read_text(encoding="utf-8"))
    return truth


def live_truths(directories: Sequence[Path], modules_cache: Path) -> dict[str, Truth]:
    """Ask PyTorch now, once for all directories, in another process.

    Raises subprocess.CalledProcessError, with the traceback on stderr, when a model does not build.
    """
    command = [sys.executable, __file__, *map(str, directories)]
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_MODULES_CACHE": str(modules_cache),
        "TRANSFORMERS_VERBOSITY": "error",
    }
    ran = subprocess.run(
        command, env=environment, check=True, text=True, stdout=subprocess.PIPE, timeout=600
    )
    truths: dict[str, Truth] = json.loads(ran.stdout)
    return truths


def _golden_path(directory: Path) -> Path:
    return directory / ".expected" / "structure.json"


def _truth(directory: Path) -> Truth:
    import torch
    import transformers

    base = _build_base_model(directory)
    return {
        "versions": {
            "torch": torch.__version__.partition("+")[0],
            "transformers": transformers.__version__,
        },
        "entries": {
            "architectures": structure_of(_build_architecture(directory)),
            "AutoModel": structure_of(base) | {"calls": _calls(base)},
        },
    }


def _build_architecture(directory: Path) -> torch.nn.Module:
    """The class that `architectures[0]` names; all fixtures reach it by AutoModelForCausalLM."""
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(directory, trust_remote_code=True)
    AutoModelForCausalLM: Any = transformers.AutoModelForCausalLM
    with torch.device("meta"):
        model: torch.nn.Module = AutoModelForCausalLM.from_config(config, trust_remote_code=True)
    assert type(model).__name__ == config.architectures[0]
    return model.eval()


def _build_base_model(directory: Path) -> torch.nn.Module:
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(directory, trust_remote_code=True)
    AutoModel: Any = transformers.AutoModel
    with torch.device("meta"):
        # Forgather's models look for the text `AutoModel.from_config` in the line that calls them.
        model: torch.nn.Module = AutoModel.from_config(config, trust_remote_code=True)
    return model.eval()


def structure_of(model: torch.nn.Module) -> Structure:
    modules = model.named_modules(remove_duplicate=False)
    parameters = dict(model.named_parameters(remove_duplicate=False))
    names_of: dict[int, list[str]] = {}
    for name, parameter in parameters.items():
        names_of.setdefault(id(parameter), []).append(name)
    return {
        "root": type(model).__name__,
        "modules": {name: type(module).__name__ for name, module in modules if name},
        "parameters": {name: list(parameter.shape) for name, parameter in parameters.items()},
        "buffers": {
            name: list(buffer.shape) for name, buffer in model.named_buffers(remove_duplicate=False)
        },
        "shared": [names for names in names_of.values() if len(names) > 1],
        "calls": [],
    }


def _calls(model: torch.nn.Module) -> list[Call]:
    """Run the base model as vLLM calls it: ids and positions, no cache, no mask."""
    import torch
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    # Under a name that has no mask function, as "vllm" has none, transformers builds no mask; doing
    # so would read the positions, which the meta device does not have.
    ALL_ATTENTION_FUNCTIONS.register("maskless", ALL_ATTENTION_FUNCTIONS["sdpa"])
    config: Any = model.config
    config._attn_implementation = "maskless"
    calls: list[Call] = []

    def record(name: str, module: torch.nn.Module) -> None:
        def hook(_: torch.nn.Module, args: object, kwargs: object, output: object) -> None:
            inputs = dict(_tensors(args)) | dict(_tensors(kwargs))
            outputs = [shape for _, shape in _tensors(output)]
            calls.append({"module": name, "inputs": inputs, "outputs": outputs})

        module.register_forward_hook(hook, with_kwargs=True)

    for name, module in model.named_modules():
        if name:
            record(name, module)
    ids = torch.zeros(BATCH, SEQUENCE, dtype=torch.long, device="meta")
    positions = torch.arange(SEQUENCE, device="meta").unsqueeze(0)
    model(input_ids=ids, position_ids=positions, use_cache=False, return_dict=False)
    return calls


def _tensors(value: object, name: str = "") -> Iterator[tuple[str, Shape]]:
    """The shapes of the tensors in nested containers, by dotted path; other values are left out."""
    import torch

    if isinstance(value, torch.Tensor):
        yield name, list(value.shape)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _tensors(item, f"{name}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _tensors(item, f"{name}.{index}".lstrip("."))


def _write_golden(directory: Path, truth: Truth) -> None:
    """Write one line for each module, parameter or call, so that a diff is easy to read."""
    path = _golden_path(directory)
    path.parent.mkdir(exist_ok=True)
    path.write_text(_one_line_per_item(truth) + "\n", encoding="utf-8")


def _one_line_per_item(value: object, depth: int = 0) -> str:
    opened = (depth < 3 and isinstance(value, dict)) or depth == 3
    if not opened or not value or not isinstance(value, dict | list):
        return json.dumps(value)
    if isinstance(value, dict):
        lines = [f"{json.dumps(k)}: {_one_line_per_item(v, depth + 1)}" for k, v in value.items()]
    else:
        lines = [_one_line_per_item(item, depth + 1) for item in value]
    indent = "\n" + " " * (depth + 1)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return opening + indent + f",{indent}".join(lines) + "\n" + " " * depth + closing


def main() -> None:
    """Entry point of the process that `live_truths` starts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directories", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true", help="renew .expected/structure.json")
    arguments = parser.parse_args()
    truths = {directory.name: _truth(directory) for directory in arguments.directories}
    if arguments.write:
        for directory in arguments.directories:
            _write_golden(directory, truths[directory.name])
    else:
        json.dump(truths, sys.stdout)


if __name__ == "__main__":
    main()
