"""What an engine is asked: a model folder at one pair of sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Question:
    """A model folder, whose weights are not read, on `ranks` ranks and `stages` stages.

    Questions about one folder share their drawn weights and their reference. `overrides` replace
    attributes of the config, as vLLM's `hf_overrides` do; `environment` is that of the engine.
    `packing` says how the drawn weights are quantized before they are stored (`pack_model`).
    `adapter` describes a LoRA adapter to be drawn, added to the reference and used
    (`adapting.adapt`). With `ends` the engine is only asked at which ids an answer ends, and
    whether it accepts a chat. `arguments` of `vllm.LLM` are added to, or replace, those that all
    questions have.
    """

    identity: str
    folder: Path
    ranks: int = 1
    stages: int = 1
    overrides: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    packing: Mapping[str, object] = field(default_factory=dict)
    arguments: Mapping[str, object] = field(default_factory=dict)
    adapter: Mapping[str, object] = field(default_factory=dict)
    ends: tuple[int, ...] = ()
