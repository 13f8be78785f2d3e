"""What becomes of element types that differ, by the type in which the model is served.

Torch 2.13 ran each of these in bfloat16. Of the first 67, judged before mending, 37 were falsely
said to serve.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from forgather_lint.engines.matrix import cell
from forgather_lint.engines.vllm.target import VllmTarget
from tests.fixture_models import copy_model
from tests.llama_ways import Way, outcome_of, write_llama
from tests.verdicts import Static

_FILE = Path(__file__).parent.parent / "fixtures" / "torch" / "element_types.toml"
WAYS = tomllib.loads(_FILE.read_text("utf-8"))["way"]
_FAILS_IN_FLOAT32 = {"half explicit", "bf16 explicit"}
"""Ways that name a type of sixteen bits, which float32 is not; the engine was asked."""


def written(way: Mapping[str, Any], folder: Path) -> Path:
    places = ("top", "built", "of_model", "made", "layer", "after")
    changes = Way(**{place: way.get(place, "") for place in places})
    return write_llama(changes, folder, way.get("instead", ()))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way["name"])
def test_in_the_type_that_is_named(way: Mapping[str, Any], tmp_path: Path) -> None:
    outcome = outcome_of(written(way, tmp_path), dtype="bfloat16")
    assert outcome.verdict == way["verdict"], outcome.reason


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way["name"])
def test_in_float32(way: Mapping[str, Any], tmp_path: Path) -> None:
    expected = "fails" if way["name"] in _FAILS_IN_FLOAT32 else "serves"
    assert outcome_of(written(way, tmp_path), dtype="float32").verdict == expected


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way["name"])
def test_in_a_type_that_nobody_names(way: Mapping[str, Any], tmp_path: Path) -> None:
    """An engine chooses bfloat16 where its device has that: no proof, but no promise either."""
    outcome = outcome_of(written(way, tmp_path), dtype="auto")
    if way["verdict"] == "serves":
        assert outcome.verdict == "serves"
    else:
        assert outcome.verdict == "unknown"


def test_the_reason_says_in_which_type(tmp_path: Path) -> None:
    model = write_llama(Way(layer="hidden_states = hidden_states.float()"), tmp_path)
    reason = outcome_of(model, dtype="auto").reason
    shown = "mat1 and mat2 must have the same dtype, but got Float and BFloat16"
    assert reason == f"element types differ: in bfloat16, {shown}"


@pytest.mark.parametrize(
    ("written", "verdict"),
    [("bfloat16", "fails"), ("float16", "fails"), ("float32", "unknown"), ("", "unknown")],
)
def test_the_type_that_the_config_names(written: str, verdict: str, tmp_path: Path) -> None:
    model = write_llama(Way(layer="hidden_states = hidden_states.float()"), tmp_path)
    config = model / "config.json"
    said = f'{{\n  "dtype": "{written}",' if written else "{"
    config.write_text(config.read_text("utf-8").replace("{", said, 1), "utf-8")
    assert outcome_of(model, dtype="auto").verdict == verdict


def test_autocast_converts_by_itself(tmp_path: Path) -> None:
    cast = "with torch.autocast('cuda', dtype=torch.bfloat16):\n"
    body = "    hidden_states = self.mlp(hidden_states.float()).to(hidden_states.dtype)"
    model = write_llama(Way(layer=cast + body), tmp_path)
    assert outcome_of(model, dtype="bfloat16").verdict == "unknown"


def test_the_shipped_models_serve_in_either(tmp_path: Path) -> None:
    for name in ("hf_llama", "hf_qk_norm", "hf_moe", "forgather_modulelist"):
        for dtype in ("bfloat16", "float16"):
            folder = tmp_path / dtype
            folder.mkdir(exist_ok=True)
            assert outcome_of(copy_model(name, folder), dtype=dtype).verdict == "serves"


_SCALE = Way(
    built="self.scale = nn.Parameter(torch.ones(config.hidden_size))",
    layer="hidden_states = hidden_states * self.scale",
)
_KEPT = (
    "    config_class = HfLlamaConfig\n",
    '    config_class = HfLlamaConfig\n    _keep_in_fp32_modules_strict = ["scale", "q_proj"]\n',
)


@pytest.mark.parametrize(("release", "verdict"), [("0.27", "serves"), ("0.32", "fails")])
def test_what_a_class_keeps_in_float32(release: str, verdict: str, tmp_path: Path) -> None:
    """From 0.28 on; a projection is replaced by a layer of the type of the model all the same."""
    model = write_llama(_SCALE, tmp_path, [_KEPT])
    target = VllmTarget.of(release, "5.19.0")
    assert cell(Static(model, target, "bfloat16").examined, 1, 1).outcome.verdict == verdict
