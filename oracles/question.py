"""What an engine is asked: a model folder at one pair of sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Question:
    """A model folder, of whose weights nothing is read, on `ranks` ranks and `stages` stages.

    Questions of one folder share their drawn weights and their reference. `overrides` replace
    attributes of the config, as vLLM's `hf_overrides` do; `environment` is that of the engine.
    `packing` says how the drawn weights are quantized before they are stored (`pack_model`).
    `adapter` is one that is drawn, added to the reference and asked for (`adapting.adapt`).
    Of `ends` it is asked at which ids an answer ends, and whether there may be a chat.
    `arguments` are further ones of `vllm.LLM`, or others in place of those that all get.
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
