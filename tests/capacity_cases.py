"""Models, sizes and settings for which a real engine has logged the size of its cache.

What it logged is stored by these names in `fixtures/verdicts/capacity_vllm_0.32.json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.fixture_models import copy_model, model_directories
from tests.latent_mutants import ALL_EXPANDED, EXPANDED, LATENT_MUTANTS
from tests.mutants import Mutant, written

SIZES = ((1, 1), (2, 1), (1, 2))
_SLIDING, _FULL = "sliding_attention", "full_attention"
_LONG = {"max_position_embeddings": 2**21}
_LATENT = ("latent: as it is", "latent: expanded inside forward", "latent: no bottleneck")


@dataclass(frozen=True, slots=True)
class CapacityCase:
    """A model at one pair of sizes; `config` replaces values of its config.

    `settings` are arguments of the engine.
    """

    mutant: Mutant
    name: str = "shipped"
    ranks: int = 1
    stages: int = 1
    max_model_len: int = 256
    config: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        return f"{self.ranks}x{self.stages} {self.mutant.model}: {self.name}"

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables that switch the attention over compressed keys off."""
        return ALL_EXPANDED if self.mutant in EXPANDED else {}

    @property
    def together(self) -> bool:
        """Whether what one stage caches depends on the other stages."""
        return self.stages > 1 and "layer_types" in self.config

    def folder(self, below: Path) -> Path:
        """Write the model below `below`, with the config of the case."""
        if self.mutant.edits:
            return written(self.mutant, below)
        return copy_model(self.mutant.model, below, **self.config)


def capacity_cases() -> Iterator[CapacityCase]:
    """All cases: every fixture model, and one model in every way on which a cache depends."""
    for path in model_directories():
        for ranks, stages in (*SIZES, (2, 2)):
            yield CapacityCase(Mutant(path.name, "shipped"), "shipped", ranks, stages)
    for name, config, settings, sizes in _VARIANTS:
        for ranks, stages in sizes:
            length = settings.get("max_model_len", 256)
            assert isinstance(length, int)
            yield CapacityCase(
                Mutant("hf_llama", "shipped"), name, ranks, stages, length, config, settings
            )
    for mutant in LATENT_MUTANTS:
        name = mutant.identity.partition(": ")[2]
        if name.startswith(_LATENT):
            yield from (CapacityCase(mutant, name, ranks) for ranks in (1, 2))


_Variant = tuple[str, Mapping[str, object], Mapping[str, object], tuple[tuple[int, int], ...]]
_ALONE, _BOTH = ((1, 1),), ((1, 1), (2, 1))
_VARIANTS: tuple[_Variant, ...] = (
    ("two heads of keys", {"num_key_value_heads": 2}, {}, _BOTH),
    ("one head of keys", {"num_key_value_heads": 1}, {}, _BOTH),
    ("heads of 64", {"head_dim": 64}, {}, _BOTH),
    ("seven layers", {"num_hidden_layers": 7}, {}, SIZES),
    ("eighty layers", {"num_hidden_layers": 80}, {}, ((1, 1), (1, 2))),
    ("tied", {"tie_word_embeddings": True}, {}, SIZES),
    ("a vocabulary of 4100", {"vocab_size": 4100}, {}, SIZES),
    ("a tied vocabulary of 4100", {"vocab_size": 4100, "tie_word_embeddings": True}, {}, SIZES),
    ("bfloat16", {}, {"dtype": "bfloat16"}, _BOTH),
    ("a cache of fp8", {}, {"kv_cache_dtype": "fp8"}, _ALONE),
    ("a cache of bfloat16", {}, {"kv_cache_dtype": "bfloat16"}, _ALONE),
    ("blocks of 32", {}, {"block_size": 32}, _ALONE),
    ("no whole number of blocks", {}, {"max_model_len": 300}, _BOTH),
    ("a window", {"sliding_window": 64}, {}, SIZES),
    ("a window of zero", {"sliding_window": 0}, {}, _ALONE),
    (
        "a window and short batches",
        {"sliding_window": 64},
        {"max_model_len": 512, "max_num_batched_tokens": 64},
        _BOTH,
    ),
    ("all slide", {"sliding_window": 64, "layer_types": [_SLIDING] * 4}, {}, _ALONE),
    ("all are full", {"sliding_window": 64, "layer_types": [_FULL] * 4}, {}, _ALONE),
    (
        "every other slides",
        {"sliding_window": 64, "layer_types": [_SLIDING, _FULL] * 2},
        {"max_model_len": 512, "max_num_batched_tokens": 64},
        SIZES,
    ),
    (
        "one of four is full",
        {"sliding_window": 64, "layer_types": [_SLIDING, _SLIDING, _SLIDING, _FULL]},
        {"max_model_len": 512, "max_num_batched_tokens": 64},
        _BOTH,
    ),
    (
        "five slide, six are full",
        {
            "num_hidden_layers": 11,
            "sliding_window": 64,
            "layer_types": [_FULL, _SLIDING] * 5 + [_FULL],
        },
        {"max_model_len": 512, "max_num_batched_tokens": 64},
        SIZES,
    ),
    (
        "five slide, two are full",
        {
            "num_hidden_layers": 7,
            "sliding_window": 64,
            "layer_types": [_SLIDING, _SLIDING, _FULL] * 2 + [_SLIDING],
        },
        {"max_model_len": 512, "max_num_batched_tokens": 64},
        SIZES,
    ),
    ("too long", _LONG, {"max_model_len": 2**20}, SIZES),
    ("just too long", _LONG, {"max_model_len": 2**18}, _ALONE),
    ("just fits", _LONG, {"max_model_len": 2**18 - 128}, _ALONE),
    (
        "too long, one of four is full",
        {
            **_LONG,
            "sliding_window": 64,
            "layer_types": [_SLIDING, _SLIDING, _SLIDING, _FULL],
        },
        {"max_model_len": 2**21, "max_num_batched_tokens": 64},
        _ALONE,
    ),
)
