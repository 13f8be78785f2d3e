"""`structure --checkpoint`: what is stored beside what is built, and what a rank holds of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from forgather_lint.shell.cli import cli
from tests.fixture_models import copy_model
from tests.stored_tensors import write
from tests.test_capacity import SAID

WIDTHS = {"F32": 1, "BF16": 2}
"""By how much less a type takes than what the engine was measured with."""


def shown(folder: Path, *options: str) -> str:
    arguments = ["structure", str(folder), "--checkpoint", "--target", "vllm==0.32", *options]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    return done.output


def built(folder: Path) -> list[tuple[str, tuple[int, ...]]]:
    """The names and shapes of all places, told without weights of use."""
    write("one F32 [1]", folder / "model.safetensors")
    told = json.loads(shown(folder, "--output-format", "json"))
    return [(each["name"], tuple(each["shape"])) for each in told["built"]]


def store(folder: Path, dtype: str, rename: dict[str, str] | None = None) -> None:
    names = rename or {}
    lines = (
        f"{names.get(name, name)} {dtype} {list(shape)}"
        for name, shape in built(folder)
        if names.get(name, name)
    )
    write("\n".join(lines), folder / "model.safetensors")


@pytest.mark.parametrize("model", ["hf_llama", "hf_qk_norm", "hf_packed_qkv", "hf_tied", "hf_moe"])
@pytest.mark.parametrize("dtype", WIDTHS)
def test_ranks_hold_what_an_engine_holds(model: str, dtype: str, tmp_path: Path) -> None:
    folder = copy_model(model, tmp_path)
    store(folder, dtype)
    told = json.loads(shown(folder, "--output-format", "json"))
    assert told["undecided"] is None
    for ranks in (1, 2):
        measured = max(SAID[f"{ranks}x1 {model}: shipped"]["parameters"])
        assert told["bytes_on_ranks"][str(ranks)] == measured // WIDTHS[dtype]


def test_what_is_missing_and_what_has_no_place(tmp_path: Path) -> None:
    folder = copy_model("hf_llama", tmp_path)
    store(folder, "F32", {"model.norm.weight": "", "lm_head.weight": "_orig_mod.lm_head.weight"})
    text = shown(folder)
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines()}
    assert lines["model.norm.weight"] == ["128", "nothing"]
    assert lines["_orig_mod.lm_head.weight"] == ["no", "place", "F32", "256", "x", "128"]
    assert lines["model.layers.0-3.self_attn.k_proj.weight"][-4:] == ["F32", "128", "x", "128"]
    assert "on each of so many ranks" not in text


def test_no_weights(tmp_path: Path) -> None:
    assert "no weights lie beside the model" in shown(copy_model("hf_llama", tmp_path))
