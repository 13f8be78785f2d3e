"""Cases of files beside the weights, to be put to engines: LoRA adapters, tokenizers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from oracles.question import Question
from tests.fixture_models import copy_model

BOTH = (1, 2)
ATTENTION, ALL = ("q_proj", "v_proj"), ("_proj",)


@dataclass(frozen=True)
class AdapterCase:
    """An adapter for `hf_llama`, as `oracles.adapting.adapt` draws it."""

    config: Mapping[str, object]
    layers: Sequence[str] = ATTENTION
    rank: int = 8
    allowed: int = 16
    ranks: Sequence[int] = (1,)
    more: Mapping[str, object] = field(default_factory=dict)

    @property
    def drawn(self) -> dict[str, object]:
        return {"config": dict(self.config), "layers": self.layers, "rank": self.rank, **self.more}


def lora(*without: str, **more: object) -> dict[str, object]:
    """An adapter_config.json."""
    said: dict[str, object] = {
        "peft_type": "LORA",
        "r": 8,
        "lora_alpha": 16,
        "target_modules": list(ATTENTION),
        "bias": "none",
    }
    return {key: value for key, value in (said | more).items() if key not in without}


PREFIX = "base_model.model.model.layers.0.self_attn.q_proj"
ADAPTERS: Mapping[str, AdapterCase] = {
    "queries and values": AdapterCase(lora(), ranks=BOTH),
    "all layers": AdapterCase(lora(), ALL, ranks=BOTH),
    "the output of attention": AdapterCase(lora(), ("o_proj", "down_proj"), ranks=BOTH),
    "the highest rank": AdapterCase(lora(r=16), rank=16),
    "a higher rank": AdapterCase(lora(r=64), rank=64),
    "a higher rank that is allowed": AdapterCase(lora(r=64), rank=64, allowed=64),
    "a higher rank by pattern": AdapterCase(lora(rank_pattern={"v_proj": 32})),
    "a module saved": AdapterCase(lora(modules_to_save=["lm_head"])),
    "DoRA": AdapterCase(lora(use_dora=True)),
    "bias of LoRA": AdapterCase(lora(lora_bias=True)),
    "bias of all": AdapterCase(lora(bias="all")),
    "PiSSA": AdapterCase(lora(init_lora_weights="pissa")),
    "drawn from a normal": AdapterCase(lora(init_lora_weights="gaussian")),
    "layers replicated": AdapterCase(lora(layer_replication=[[0, 2], [1, 4]])),
    "no alpha": AdapterCase(lora("lora_alpha")),
    "no rank": AdapterCase(lora("r")),
    "names of joined layers": AdapterCase(
        lora(target_modules=["qkv_proj"]), ("q_proj",), more={"renamed": {"q_proj": "qkv_proj"}}
    ),
    "names of another model": AdapterCase(
        lora(), ("q_proj",), more={"renamed": {"self_attn.q_proj": "attention.query"}}
    ),
    "a layer too many": AdapterCase(
        lora(),
        ("layers.3.self_attn.q_proj",),
        more={"renamed": {"layers.3": "layers.9"}, "adds": False},
    ),
    "the head": AdapterCase(lora(), ("q_proj", "lm_head")),
    "the table": AdapterCase(lora(), ("q_proj", "embed_tokens")),
    "no tensors": AdapterCase(lora(), more={"stored": False}),
    "a tensor that is none of LoRA": AdapterCase(
        lora(), more={"further": {f"{PREFIX}.lora_A.default.weight": [8, 128]}}
    ),
}


@dataclass(frozen=True)
class TokenizerCase:
    """Files of a tokenizer beside `hf_llama`; `ends` are the ids that are tried.

    `tokenizer` is its tokenizer_config.json; `vocabulary` whether tokenizer.json is there,
    `pointers` names files that are pointers of Git LFS.
    """

    tokenizer: Mapping[str, object] | None
    generation: Mapping[str, object] | None = None
    config: Mapping[str, object] = field(default_factory=dict)
    template: str = ""
    ends: Sequence[int] = (2, 3, 7)
    vocabulary: bool = True
    pointers: Sequence[str] = ()


BASIC: Mapping[str, object] = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>"}
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a' * 16}\nsize 9085657\n"
OWN: Mapping[str, object] = {
    "tokenizer_class": "TinyTokenizer",
    "auto_map": {"AutoTokenizer": [None, "tokenization_tiny.TinyTokenizer"]},
}
CHAT = "{% for message in messages %}{{ message.content }}{% endfor %}"
TOKENIZERS: Mapping[str, TokenizerCase] = {
    "one end": TokenizerCase(BASIC, {"eos_token_id": 2}, {"eos_token_id": 2}),
    "no generation_config.json": TokenizerCase(BASIC, None, {"eos_token_id": 2}),
    "config.json alone says another": TokenizerCase(BASIC, None, {"eos_token_id": 7}),
    "generation_config.json says another": TokenizerCase(
        BASIC, {"eos_token_id": 7}, {"eos_token_id": 7}
    ),
    "generation_config.json overrides": TokenizerCase(
        BASIC, {"eos_token_id": 2}, {"eos_token_id": 7}
    ),
    "generation_config.json says two": TokenizerCase(
        BASIC, {"eos_token_id": [2, 7]}, {"eos_token_id": 7}
    ),
    "generation_config.json says nothing": TokenizerCase(
        BASIC, {"temperature": 1.0}, {"eos_token_id": 7}
    ),
    "a template": TokenizerCase(
        {**BASIC, "chat_template": CHAT}, {"eos_token_id": 2}, {"eos_token_id": 2}
    ),
    "a template in a file": TokenizerCase(
        BASIC, {"eos_token_id": 2}, {"eos_token_id": 2}, template=CHAT
    ),
    "a template that is none": TokenizerCase({**BASIC, "chat_template": "{% for"}, {}),
    "nothing": TokenizerCase(None, vocabulary=False),
    "the vocabulary alone": TokenizerCase(None),
    "no vocabulary": TokenizerCase(BASIC, vocabulary=False),
    "no vocabulary of a class that reads another file": TokenizerCase(
        {**BASIC, "tokenizer_class": "LlamaTokenizer"}, vocabulary=False
    ),
    "TokenizersBackend": TokenizerCase({**BASIC, "tokenizer_class": "TokenizersBackend"}),
    "a class that nobody has": TokenizerCase({**BASIC, "tokenizer_class": "TinyTokenizer"}),
    "no class": TokenizerCase({"eos_token": "</s>"}),
    "a class of its own without its file": TokenizerCase({**BASIC, **OWN}),
    "a class of its own without its file, by the name of one that is known": TokenizerCase(
        {**BASIC, **OWN, "tokenizer_class": "LlamaTokenizer"}
    ),
    "an end that the vocabulary does not have": TokenizerCase(
        {**BASIC, "eos_token": "<|done|>"}, ends=(2, 7)
    ),
    "a vocabulary that was not downloaded": TokenizerCase(BASIC, pointers=["tokenizer.json"]),
    "a vocabulary that was not downloaded, without a class": TokenizerCase(
        None, pointers=["tokenizer.json"]
    ),
    "a model of sentencepiece that was not downloaded": TokenizerCase(
        {**BASIC, "tokenizer_class": "LlamaTokenizer"},
        vocabulary=False,
        pointers=["tokenizer.model"],
    ),
    "a model of sentencepiece that was not downloaded, beside tokenizer.json": TokenizerCase(
        {**BASIC, "tokenizer_class": "LlamaTokenizer"}, pointers=["tokenizer.model"]
    ),
    "a tokenizer_config.json that was not downloaded": TokenizerCase(
        BASIC, pointers=["tokenizer_config.json"]
    ),
}


def lay_tokenizer(case: TokenizerCase, folder: Path) -> Path:
    """Write the model with the files of its tokenizer."""
    place = copy_model("hf_llama", folder, **case.config)
    names = {0: "<unk>", 1: "<s>", 2: "</s>", 7: "<|end|>"}
    vocabulary = {names.get(number, f"t{number}"): number for number in range(256)}
    added = [
        {"id": number, "content": text, "special": True, "normalized": False, "single_word": False}
        | {"lstrip": False, "rstrip": False}
        for number, text in names.items()
    ]
    files: dict[str, object] = {}
    if case.vocabulary:
        files["tokenizer.json"] = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": added,
            "normalizer": None,
            "pre_tokenizer": {"type": "WhitespaceSplit"},
            "post_processor": None,
            "decoder": None,
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
        }
    if case.tokenizer is not None:
        files["tokenizer_config.json"] = dict(case.tokenizer)
    if case.generation is not None:
        files["generation_config.json"] = dict(case.generation)
    for name, said in files.items():
        (place / name).write_text(json.dumps(said), "utf-8")
    for name in case.pointers:
        (place / name).write_text(POINTER, "utf-8")
    if case.template:
        (place / "chat_template.jinja").write_text(case.template, "utf-8")
    return place


def adapter_questions(folder: Path) -> Iterator[Question]:
    """The questions to an engine about adapters."""
    for number, (name, case) in enumerate(ADAPTERS.items()):
        place = copy_model("hf_llama", folder / str(number))
        arguments = {"enable_lora": True, "max_lora_rank": case.allowed}
        for ranks in case.ranks:
            identity = f"{ranks}x1 {name}"
            yield Question(identity, place, ranks, adapter=case.drawn, arguments=arguments)


def tokenizer_questions(folder: Path) -> Iterator[Question]:
    """The questions to an engine about tokenizers."""
    for number, (name, case) in enumerate(TOKENIZERS.items()):
        place = lay_tokenizer(case, folder / str(number))
        yield Question(name, place, ends=tuple(case.ends))
