"""Cases of rules that a real engine was asked about, on one rank.

They stand at sizes that vLLM's build for CPUs can run, and say that they run with transformers' own
attention, so that there is an answer to compare with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tests.cases import Case, read_cases
from tests.fixture_models import MODELS

RULES = MODELS.parent / "rules"
TARGET = ("vllm==0.32", "transformers==5.19")
SUITES = (
    "serving/positions_counted_by_model",
    "tool/asks_who_runs_it",
    "serving/tensor_value_read",
    "tool/hostile_models",
    "tool/hostile_models_again",
    "tool/config_checks_itself",
    "tool/kept_apart",
)
_SIZES = {"hidden_size": 128, "num_key_value_heads": 4}
_BACKEND = "    _supports_attention_backend = True\n"


def asked_cases() -> Iterator[Case]:
    """The cases of some suites for the release that was asked."""
    for suite in SUITES:
        cases = read_cases(RULES / f"{suite}.md")
        yield from (case for case in cases if case.settings.target == TARGET)


def write_asked(case: Case, folder: Path) -> None:
    """Write the model of `case` at the sizes at which it is asked about."""
    case.write(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text("utf-8")) | _SIZES
    path.write_text(json.dumps(config, indent=1), "utf-8")
    path = folder / "modeling_tiny.py"
    text = path.read_text("utf-8")
    assert text.count(_BACKEND) == 1
    path.write_text(text.replace(_BACKEND, f"{_BACKEND}    _supports_sdpa = True\n"), "utf-8")
