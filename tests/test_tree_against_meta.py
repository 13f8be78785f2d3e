"""The module tree read from source is the one PyTorch builds: every name, class and shape."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

import pytest

from tests.fixture_models import copy_model, model_directories
from tests.meta_truth import Truth, golden_truth, live_truths

DIRECTORIES = model_directories()
ENTRIES = {"architectures": [], "AutoModel": ["--entry", "AutoModel"]}
INHERITS_FROM_TRANSFORMERS = "hf_inherits_llama"

Items = list[dict[str, object]]


class Tree(TypedDict):
    modules: Items
    parameters: Items
    buffers: Items
    shared: list[list[str]]
    unknown: Items


each_model = pytest.mark.parametrize("directory", DIRECTORIES, ids=lambda path: path.name)
each_entry = pytest.mark.parametrize("entry", ENTRIES)


def static_tree(directory: Path, entry: str) -> Tree:
    """`forgather-lint structure` of a model, as its JSON says it."""
    command = [sys.executable, "-m", "forgather_lint", "structure", str(directory)]
    command += ["--output-format", "json", *ENTRIES[entry]]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    tree: Tree = json.loads(ran.stdout)
    return tree


def by_name(items: Items, value: str) -> dict[object, object]:
    """Name to `value`; a name listed twice is an error of the tool."""
    found = {item["name"]: item[value] for item in items}
    assert len(found) == len(items)
    return found


def skip_other_transformers(directory: Path, truth: Truth) -> None:
    """A model that inherits from transformers has the modules of the release installed."""
    if directory.name != INHERITS_FROM_TRANSFORMERS:
        return
    if importlib.util.find_spec("transformers") is None:
        pytest.skip("needs the source of transformers")
    installed = importlib.metadata.version("transformers")
    if installed != truth["versions"]["transformers"]:
        pytest.skip(f"written by transformers {truth['versions']['transformers']}")


@each_model
@each_entry
def test_static_tree_is_the_one_pytorch_built(directory: Path, entry: str) -> None:
    truth = golden_truth(directory)
    skip_other_transformers(directory, truth)
    expected = truth["entries"][entry]

    tree = static_tree(directory, entry)

    assert tree["unknown"] == []
    assert by_name(tree["modules"], "class") == expected["modules"]
    assert by_name(tree["parameters"], "shape") == expected["parameters"]
    assert by_name(tree["buffers"], "shape") == expected["buffers"]
    assert tree["shared"] == expected["shared"]


def test_depth_is_the_one_in_the_config(tmp_path: Path) -> None:
    deep = static_tree(copy_model("hf_llama", tmp_path, num_hidden_layers=80), "AutoModel")
    names = [str(module["name"]) for module in deep["modules"]]

    per_layer = dict.fromkeys(range(80), 0)
    for name in names:
        _, _, rest = name.partition("layers.")
        if rest:
            per_layer[int(rest.partition(".")[0])] += 1
    assert set(per_layer.values()) == {per_layer[0]}
    assert names.count("layers.79.self_attn.q_proj") == 1


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Truth]:
    """All models asked again, in one process: importing torch is most of the cost."""
    if not all(importlib.util.find_spec(name) for name in ("torch", "transformers")):
        pytest.skip("needs torch and transformers")
    return live_truths(DIRECTORIES, tmp_path_factory.mktemp("hf_modules"))


@each_model
def test_written_truth_is_still_what_pytorch_says(directory: Path, live: dict[str, Truth]) -> None:
    truth = golden_truth(directory)
    skip_other_transformers(directory, truth)
    assert live[directory.name]["entries"] == truth["entries"]


@each_model
def test_every_parameter_belongs_to_a_listed_module(directory: Path) -> None:
    """Guards the written truth itself: an empty or truncated one would agree with anything."""
    for structure in golden_truth(directory)["entries"].values():
        owners = {name.rpartition(".")[0] for name in structure["parameters"]}
        assert len(owners) > 8
        assert owners <= set(structure["modules"])
