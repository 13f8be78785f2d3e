"""The model directories under `fixtures/models`, and copies of them with another config."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

MODELS = Path(__file__).parents[1] / "fixtures" / "models"


def model_directories() -> list[Path]:
    """Every fixture model, in order of name."""
    return sorted(path.parent for path in MODELS.glob("*/config.json"))


def copy_model(name: str, destination: Path, **config: object) -> Path:
    """Copy a fixture model to `destination / name` with some values of config.json replaced.

    `copy_model("hf_llama", tmp_path, num_hidden_layers=80)` is the 80-layer model.
    """
    copy = destination / name
    shutil.copytree(MODELS / name, copy, ignore=shutil.ignore_patterns(".expected", "__pycache__"))
    path = copy / "config.json"
    values = json.loads(path.read_text(encoding="utf-8")) | config
    path.write_text(json.dumps(values, indent=2), encoding="utf-8")
    return copy
