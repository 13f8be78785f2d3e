"""What vLLM 0.32 made of checkpoints, and what is said of the same ones from their headers.

The weights were drawn for `hf_llama` and changed as `VARIANTS` says; the outcomes are stored.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.matrix import cell, examine
from tests import stored_tensors
from tests.verdicts import V032

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "fixtures" / "models" / "hf_llama"
STORED = json.loads((ROOT / "fixtures/verdicts/checkpoints_vllm_0.32.json").read_text("utf-8"))
WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
HIDDEN, INNER, QUERY, KEYS, VOCABULARY, LAYERS = 128, 256, 256, 128, 256, 4

Tensors = dict[str, str]


def layer(number: int) -> Tensors:
    sizes = {
        "input_layernorm": [HIDDEN],
        "post_attention_layernorm": [HIDDEN],
        "mlp.gate_proj": [INNER, HIDDEN],
        "mlp.up_proj": [INNER, HIDDEN],
        "mlp.down_proj": [HIDDEN, INNER],
        "self_attn.q_proj": [QUERY, HIDDEN],
        "self_attn.k_proj": [KEYS, HIDDEN],
        "self_attn.v_proj": [KEYS, HIDDEN],
        "self_attn.o_proj": [HIDDEN, QUERY],
    }
    return {f"model.layers.{number}.{name}.weight": f"F32 {size}" for name, size in sizes.items()}


TABLE = f"F32 {[VOCABULARY, HIDDEN]}"
ALL: Tensors = {
    "lm_head.weight": TABLE,
    "model.embed_tokens.weight": TABLE,
    **{name: said for number in range(LAYERS) for name, said in layer(number).items()},
    "model.norm.weight": f"F32 {[HIDDEN]}",
}
HALF = len(ALL) // 2
PARTS = (dict(sorted(ALL.items())[:HALF]), dict(sorted(ALL.items())[HALF:]))
MAP = {name: file for part, file in zip(PARTS, SHARDS, strict=True) for name in part}
IN_INDEX = json.dumps({"weight_map": MAP})


@dataclass(frozen=True)
class Variant:
    """What lies in the folder beside the code, and what the verdict is."""

    verdict: str
    tensors: Mapping[str, str] = field(default_factory=dict)
    shards: tuple[int, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    tied: bool = False
    less: int = 0


def named(prefix: str) -> Tensors:
    return {f"{prefix}{name}": said for name, said in ALL.items()}


def without(*names: str) -> Tensors:
    return {name: said for name, said in ALL.items() if name not in names}


MLP, ATTENTION, HEAD = "model.layers.1.mlp", "model.layers.1.self_attn", "lm_head.weight"
EMBEDDING, NORM = "model.embed_tokens.weight", "model.norm.weight"
WIDER = {name: f"F32 {[VOCABULARY + 8, HIDDEN]}" for name in (HEAD, EMBEDDING)}
VARIANTS = {
    "good": Variant("serves", ALL),
    "bare": Variant("serves", {name.removeprefix("model."): said for name, said in ALL.items()}),
    "orig_mod": Variant("fails", named("_orig_mod.")),
    "module_prefix": Variant("fails", named("module.")),
    "extra_layer": Variant("fails", ALL | layer(LAYERS)),
    "missing_layer": Variant("fails", without(*layer(LAYERS - 1))),
    "missing_linear": Variant("wrong", without(f"{MLP}.down_proj.weight")),
    "missing_norm": Variant("fails", without(NORM)),
    "missing_head": Variant("wrong", without(HEAD)),
    "missing_embed": Variant("wrong", without(EMBEDDING)),
    "missing_v": Variant("wrong", without(f"{ATTENTION}.v_proj.weight")),
    "tied_head_only": Variant("wrong", without(EMBEDDING), tied=True),
    "tied_embed_only": Variant("serves", without(HEAD), tied=True),
    "vocab_bigger": Variant("fails", ALL | WIDER),
    "hidden_bigger_embed": Variant("fails", ALL | {EMBEDDING: "F32 [256, 256]"}),
    "k_bigger": Variant("wrong", ALL | {f"{ATTENTION}.k_proj.weight": "F32 [256, 128]"}),
    "k_smaller": Variant("fails", ALL | {f"{ATTENTION}.k_proj.weight": "F32 [64, 128]"}),
    "up_bigger": Variant("wrong", ALL | {f"{MLP}.up_proj.weight": "F32 [264, 128]"}),
    "up_smaller": Variant("fails", ALL | {f"{MLP}.up_proj.weight": "F32 [8, 128]"}),
    "down_wider": Variant("wrong", ALL | {f"{MLP}.down_proj.weight": "F32 [128, 264]"}),
    "down_taller": Variant("fails", ALL | {f"{MLP}.down_proj.weight": "F32 [136, 256]"}),
    "norm_bigger": Variant("fails", ALL | {NORM: "F32 [136]"}),
    "norm_scalar": Variant("fails", ALL | {NORM: "F32 [1]"}),
    "extra_bias": Variant("serves", ALL | {f"{ATTENTION}.q_proj.bias": "F32 [256]"}),
    "extra_gidx": Variant("fails", ALL | {"model.layers.0.mlp.gate_proj.g_idx": "F32 [4]"}),
    "rotary": Variant("serves", ALL | {f"{ATTENTION}.rotary_emb.inv_freq": "F32 [4]"}),
    "extra_plain": Variant("fails", ALL | {"value_head.weight": "F32 [1, 4]"}),
    "int8": Variant("wrong", ALL | {f"{MLP}.down_proj.weight": "I8 [128, 256]"}),
    "fp8": Variant("serves", ALL | {f"{MLP}.down_proj.weight": "F8_E4M3 [128, 256]"}),
    "shard_missing": Variant("fails", shards=(0,), texts={INDEX: IN_INDEX}),
    "index_only": Variant("fails", texts={INDEX: IN_INDEX}),
    "index_no_map": Variant("fails", shards=(0, 1), texts={INDEX: "{}"}),
    "whole_and_shards": Variant("serves", ALL, shards=(0, 1), texts={INDEX: IN_INDEX}),
    "truncated": Variant("fails", ALL, less=100),
}


def lay(variant: Variant, folder: Path) -> None:
    """Write the model and its checkpoint."""
    shutil.copytree(MODEL, folder)
    files = {SHARDS[number]: PARTS[number] for number in variant.shards}
    if variant.tensors:
        files[WHOLE] = dict(variant.tensors)
    for name, tensors in files.items():
        lines = [f"{tensor} {said}" for tensor, said in tensors.items()]
        end = [f"less {variant.less}"] if variant.less else []
        stored_tensors.write("\n".join([*lines, *end]), folder / name)
    for name, text in variant.texts.items():
        (folder / name).write_text(text, "utf-8")
    if variant.tied:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": True}))


def test_every_variant_was_asked() -> None:
    assert STORED["outcomes"].keys() == VARIANTS.keys()


@pytest.mark.parametrize("name", VARIANTS)
def test_verdict(name: str, tmp_path: Path) -> None:
    folder, variant, engine = tmp_path / "model", VARIANTS[name], STORED["outcomes"][name]
    lay(variant, folder)
    found = cell(examine(single_model(folder), V032, "bfloat16"), 1, 1).outcome
    assert (found.verdict.value, found.reason) == (variant.verdict, found.reason)
    # What is silently wrong answers without an error, often with other tokens.
    assert (found.verdict.value == "fails") == ("error" in engine)
    if "error" in engine:
        kind, _, text = engine["error"].replace("{folder}", str(folder)).partition(":")
        assert found.reason.startswith(kind.rpartition(".")[2])
        assert text.partition("{")[0].strip() in found.reason


def test_what_answers_like_the_whole_checkpoint_is_not_called_wrong_for_nothing() -> None:
    good = STORED["outcomes"]["good"]
    serving = [name for name, variant in VARIANTS.items() if variant.verdict == "serves"]
    differing = [name for name in serving if STORED["outcomes"][name] != good]
    assert differing == ["tied_embed_only"], "its head is another table"
