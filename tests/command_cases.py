"""Commands of which the command line of a real vLLM is asked whether it takes them.

Made of what a release knows: each option with values of its kind and others, each field of an
option that takes an object; and by hand, what belongs together.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from forgather_lint.core.version import Version
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.engines.vllm.serve_options import NEGATED, ServeOption, options_of
from forgather_lint.engines.vllm.serve_types import becomes, fields_of

MODEL = "hf_llama"
"""The folder below `fixtures/models` that all commands name, but those that say another."""
_VALUES = {
    "int": ("1", "x", "-1", "1.5"),
    "count": ("4096", "4k", "4K", "0.5k", "x"),
    "float": ("0.5", "x", "7"),
    "json": ("{}", '{"no_such_field": 1}', "[1", "1"),
    "text": ("text",),
    "words": ("a", "a b"),
    "optional": ("", "1"),
}
_NOT_ASKED = ("--help", "--config", "--model")
"""The first ends the process, the second reads a file, the third is gone beside a folder."""
_MADE = {
    "--compilation-config": (
        "compilation_time",
        "disabled_custom_ops",
        "enabled_custom_ops",
        "encoder_compilation_time",
        "local_cache_dir",
        "static_all_moe_layers",
        "static_forward_context",
        "traced_files",
    ),
    "--ec-transfer-config": ("mm_encoder_output_widths",),
    "--reasoning-config": (
        "_enabled",
        "_natural_reasoning_end_token_ids",
        "_reasoning_end_token_ids",
        "_reasoning_start_token_ids",
    ),
}
"""Fields that a class sets itself: none can be given."""
WITH_EXPERTS, TIED = "hf_moe", "hf_tied"
REDUNDANT = """--eplb-config '{"num_redundant_experts": 2}'"""
EAGLE = json.dumps({"method": "eagle", "model": MODEL, "num_speculative_tokens": 3})
LOOKED_UP = json.dumps(
    {
        "method": "ngram",
        "num_speculative_tokens": 3,
        "prompt_lookup_max": 2,
        "prompt_lookup_min": 4,
    }
)
TOGETHER = f"""
{MODEL} -tp 2
{MODEL} -tp 3
{MODEL} -tp 16
{MODEL} -pp 2
{MODEL} -pp 5
{MODEL} -tp 4 -pp 2
{MODEL} -tp 4 -pp 2 --dtype bfloat16 --max-model-len 256 --enable-chunked-prefill
{MODEL} -tp 4 --dtype bfloat16 --max-model-len 256
{MODEL} -tp 4 --host 0.0.0.0 --port 8000
{MODEL} -tp 8 -pp 4 --distributed-executor-backend ray
{MODEL} -tp 2 --distributed-executor-backend mp
{MODEL} -tp 2 --distributed-executor-backend uni
{MODEL} -tp 2 --distributed-executor-backend odd
{MODEL} -tp 2 --distributed-executor-backend external_launcher
{MODEL} --nnodes 2
{MODEL} --nnodes 2 -tp 2
{MODEL} --nnodes 2 -tp 3 -pp 1
{MODEL} --nnodes 2 -tp 4 -pp 2 --node-rank 1
{MODEL} --nnodes 2 -tp 4 -pp 2 --node-rank 2
{MODEL} --nnodes 2 -tp 4 -pp 2 --node-rank 1 --headless
{MODEL} --nnodes 2 -tp 4 --distributed-executor-backend ray
{MODEL} --nnodes 2 -tp 4 --distributed-executor-backend mp --master-addr 10.0.0.1
{MODEL} --nnodes 3 -tp 4
{MODEL} --headless
{MODEL} --headless --api-server-count 2
{MODEL} --api-server-count 0
{MODEL} --api-server-count 2
{MODEL} --enable-expert-parallel
{WITH_EXPERTS} --enable-expert-parallel
{WITH_EXPERTS} --enable-expert-parallel -tp 2
{WITH_EXPERTS} --enable-expert-parallel --data-parallel-size 2
{WITH_EXPERTS} --enable-eplb
{WITH_EXPERTS} --enable-eplb --enable-expert-parallel
{WITH_EXPERTS} --enable-eplb --enable-expert-parallel -tp 2
{WITH_EXPERTS} --enable-eplb -tp 2
{WITH_EXPERTS} --enable-eplb --enable-expert-parallel -tp 2 {REDUNDANT}
{MODEL} {REDUNDANT}
{MODEL} -tp 2 --decode-context-parallel-size 2
{MODEL} -tp 4 --decode-context-parallel-size 2
{MODEL} -tp 8 --decode-context-parallel-size 2
{MODEL} -tp 4 --decode-context-parallel-size 3
{MODEL} --decode-context-parallel-size 2
{MODEL} --prefill-context-parallel-size 2
{MODEL} --data-parallel-size 2
{MODEL} --data-parallel-size 2 --data-parallel-size-local 3
{MODEL} --data-parallel-size 4 --data-parallel-size-local 2
{MODEL} --data-parallel-size 2 --data-parallel-rank 1
{MODEL} --data-parallel-size 2 --data-parallel-rank 2
{MODEL} --data-parallel-rank 1
{MODEL} --data-parallel-size 2 --data-parallel-start-rank 1
{MODEL} --data-parallel-size 2 --data-parallel-backend ray
{MODEL} --data-parallel-size 2 --data-parallel-backend odd
{MODEL} --data-parallel-size 2 --data-parallel-hybrid-lb
{MODEL} --data-parallel-size 2 --data-parallel-external-lb
{MODEL} --data-parallel-size 2 --data-parallel-hybrid-lb --data-parallel-external-lb
{MODEL} --data-parallel-size 2 --data-parallel-hybrid-lb --data-parallel-size-local 1
{MODEL} --data-parallel-hybrid-lb
{MODEL} --data-parallel-external-lb
{MODEL} --data-parallel-size 0
{MODEL} --enable-lora
{MODEL} --enable-lora --max-lora-rank 64
{MODEL} --enable-lora --max-lora-rank 63
{MODEL} --enable-lora --max-loras 0
{MODEL} --enable-lora --max-loras 2 --max-cpu-loras 1
{MODEL} --enable-lora --fully-sharded-loras
{MODEL} --enable-lora --lora-modules a=adapter
{MODEL} --enable-lora --lora-modules adapter
{MODEL} --enable-lora --lora-modules '{{"name": "a", "path": "adapter"}}'
{MODEL} --enable-lora --lora-modules '{{"name": "a"}}'
{MODEL} --enable-lora --lora-dtype float64
{MODEL} --lora-modules a=adapter
{MODEL} --max-lora-rank 64
{MODEL} --speculative-config '{{"method": "ngram", "num_speculative_tokens": 3}}'
{MODEL} --speculative-config '{{"method": "ngram"}}'
{MODEL} --speculative-config '{{"num_speculative_tokens": 3}}'
{MODEL} --speculative-config '{{"model": "hf_llama"}}'
{MODEL} --speculative-config '{{"model": "hf_llama", "num_speculative_tokens": 3}}'
{MODEL} --speculative-config '{{"model": "no_such", "num_speculative_tokens": 3}}'
{MODEL} --speculative-config '{{"method": "odd", "num_speculative_tokens": 3}}'
{MODEL} --speculative-config '{EAGLE}'
{MODEL} --speculative-config '{{"method": "ngram", "num_speculative_tokens": 0}}'
{MODEL} --speculative-config '{LOOKED_UP}'
{MODEL} --speculative-config '{{"method": "ngram", "num_speculative_tokens": 3}}' -pp 2
{MODEL} --speculative-model hf_llama
{MODEL} --speculative-config '{{"method": "mtp", "num_speculative_tokens": 1}}'
{MODEL} --enable-auto-tool-choice
{MODEL} --enable-auto-tool-choice --tool-call-parser hermes
{MODEL} --enable-auto-tool-choice --tool-call-parser odd
{MODEL} --tool-call-parser hermes
{MODEL} --reasoning-parser qwen3
{MODEL} --reasoning-parser odd
{MODEL} --enable-log-outputs
{MODEL} --enable-log-outputs --enable-log-requests
{MODEL} --max-num-batched-tokens 128 --max-model-len 256 --no-enable-chunked-prefill
{MODEL} --max-num-batched-tokens 128 --max-model-len 256
{MODEL} --max-num-batched-tokens 8 --max-num-seqs 16
{MODEL} --max-model-len 512
{MODEL} --max-model-len 512 --hf-overrides '{{"max_position_embeddings": 512}}'
{MODEL} --max-model-len -1
{MODEL} --max-model-len 0
{MODEL} --max-model-len auto
{MODEL} --max-num-seqs 0
{MODEL} --block-size 24
{MODEL} --block-size 16
{MODEL} --dtype float64
{MODEL} --dtype half
{MODEL} --dtype auto
{MODEL} --kv-cache-dtype fp8
{MODEL} --kv-cache-dtype float8
{MODEL} --kv-cache-dtype auto --calculate-kv-scales
{MODEL} --gpu-memory-utilization 1.5
{MODEL} --gpu-memory-utilization 0
{MODEL} --quantization fp8
{MODEL} --quantization odd
{MODEL} --quantization awq
{MODEL} --quantization bitsandbytes
{MODEL} --quantization torchao
{MODEL} --quantization mxfp4
{MODEL} --load-format odd
{MODEL} --load-format bitsandbytes
{MODEL} --model-impl transformers
{MODEL} --model-impl vllm
{MODEL} --model-impl odd
{MODEL} --runner pooling
{MODEL} --runner pooling --convert embed
{MODEL} --task generate
{MODEL} --tokenizer no_such
{MODEL} --tokenizer-mode slow
{MODEL} --tokenizer-mode mistral
{MODEL} --served-model-name a b
{MODEL} --seed 1
{MODEL} --seed -1
{MODEL} --enforce-eager
{MODEL} --enforce-eager=true
{MODEL} --no-enforce-eager
{MODEL} -O3
{MODEL} -O 3
{MODEL} -O9
{MODEL} -O.mode 3
{MODEL} --compilation-config 3
{MODEL} --compilation-config.mode 3
{MODEL} --compilation-config.level 3
{MODEL} --compilation-config '{{"mode": 9}}'
{MODEL} --optimization-level 9
{MODEL} --ssl-keyfile k
{MODEL} --port 99999
{MODEL} --port x
{MODEL} --uvicorn-log-level odd
{MODEL} --enable-prefix-caching --no-enable-prefix-caching
{MODEL} --tensor_parallel_size 2
{MODEL} --tensor-parallel 2
{MODEL} --tensor-parallel-size=2
{MODEL} --tensor-parallel-size 2 3
{MODEL} {MODEL}
{MODEL} --hf-overrides '{{"num_attention_heads": 6}}' -tp 2
{MODEL} --hf-overrides '{{"num_attention_heads": 6}}' -tp 4
{MODEL} --hf-overrides '[1]'
{MODEL} --limit-mm-per-prompt '{{"image": 1}}'
{MODEL} --mm-processor-kwargs '{{"a": 1}}'
{MODEL} --async-scheduling
{MODEL} --no-async-scheduling
{MODEL} --scheduling-policy odd
{MODEL} --scheduling-policy priority
{MODEL} --cpu-offload-gb 1
{MODEL} --swap-space 4
{MODEL} --use-v2-block-manager
{MODEL} --num-scheduler-steps 8
{MODEL} --disable-log-requests
{MODEL} --guided-decoding-backend xgrammar
{MODEL} --enable-dbo
{MODEL} --enable-dbo --enable-expert-parallel
{TIED} -tp 2
{MODEL} --config-format auto
{MODEL} --config-format hf
{MODEL} --generation-config auto
{MODEL} --generation-config vllm
{MODEL} --load-format auto
{MODEL} --load-format safetensors
{MODEL} --tokenizer-mode auto
{MODEL} --runner generate
{MODEL} --convert none
{MODEL} --port 65535
{MODEL} --data-parallel-size 4 --nnodes 3
{MODEL} --nnodes 2 -tp 2 --node-rank 1
{MODEL} --nnodes 2 -tp 2 --node-rank 2
{MODEL} --enable-lora --max-loras 2 --max-cpu-loras 2
{MODEL} --enable-lora --max-loras 3 --max-cpu-loras 2
{MODEL} --max-loras 3 --max-cpu-loras 2
{MODEL} --enable-lora --max-loras 2 --max-cpu-loras 0
{MODEL} --eplb-config '{{"num_redundant_experts": -1}}'
{MODEL} --eplb-config '{{"window_size": "8"}}'
{MODEL} --eplb-config '{{"window_size": 8.0}}'
{MODEL} --eplb-config '{{"window_size": 8.5}}'
{MODEL} --eplb-config '{{"use_async": "yes"}}'
{MODEL} --eplb-config '{{"use_async": 2}}'
{MODEL} --eplb-config '{{"use_async": 1}}'
{MODEL} --compilation-config '{{"pass_config": {{"fuse_norm_quant": "x"}}}}'
{MODEL} --compilation-config '{{"custom_ops": "none"}}'
{MODEL} --compilation-config '{{"custom_ops": ["none"]}}'
{MODEL} --gpu-memory-utilization 1.0
{MODEL} --gpu-memory-utilization 1
{MODEL} --kv-cache-memory-bytes 1M
{MODEL} --kv-cache-memory-bytes 1.5
{MODEL} --num-gpu-blocks-override 0
{MODEL} --stream-interval 0
{MODEL} --watermark 1
{MODEL} --watermark 0
{WITH_EXPERTS} -tp 2
{WITH_EXPERTS} --data-parallel-size 2 --all2all-backend odd
no_such_folder
"""
"""Options that stand for deployments: each line is a command, `--trust-remote-code` is added."""


FILES = Path(__file__).parents[1] / "fixtures" / "serve_files"
IN_FILES = """
--config {0}/sizes.yaml {1}
{1} --config {0}/sizes.yaml -tp 2
{1} -tp 2 --config {0}/sizes.yaml
--config {0}/model.yaml
--config={0}/model.yaml
{1} --config={0}/sizes.yaml
--config {0}/model.yaml no_such_folder
no_such_folder --config {0}/model.yaml
--model {1} --config {0}/sizes.yaml
--model={1} --config {0}/sizes.yaml -tp 2
--config {0}/model.yaml -tp 3
--config {0}/sizes.yaml
{1} --config {0}/options.json
{1} --trust-remote-code --config
{1} --config {0}/sizes.yaml --config {0}/off.yaml
{1} --config {0}/no_such.yaml
"""
"""Commands with a file of options; each of the files beside the model is asked too."""


def cases(release: VllmProfile) -> dict[str, tuple[str, ...]]:
    """All commands for `release`, by how they are written: the words behind `vllm serve`."""
    every = [*_together(), *_in_files(), *_options(release.version), *_fields(release)]
    return {shlex.join(words): words for words in every}


def _together() -> Iterator[tuple[str, ...]]:
    for line in TOGETHER.strip().splitlines():
        yield (*shlex.split(line), "--trust-remote-code")
    yield (MODEL,)


def _in_files() -> Iterator[tuple[str, ...]]:
    folder = f"../{FILES.name}"
    for line in IN_FILES.format(folder, MODEL).strip().splitlines():
        yield (*shlex.split(line), "--trust-remote-code")
    for file in sorted(FILES.glob("*.yaml")):
        yield MODEL, "--trust-remote-code", "--config", f"{folder}/{file.name}"


def _options(release: Version) -> Iterator[tuple[str, ...]]:
    """Each option as it is written and otherwise, with values of its kind and of none."""
    known = options_of(release)
    for option in dict.fromkeys(known.values()):
        if option.name in _NOT_ASKED:
            continue
        for said in (*_said(option), *_spelt(option)):
            yield MODEL, "--trust-remote-code", *said


def _said(option: ServeOption) -> Iterator[tuple[str, ...]]:
    name = option.name
    if option.is_bare:
        yield (name,)
        yield (f"{name}=1",)
        if option.takes == "switch":
            yield (NEGATED + name.removeprefix("--"),)
        return
    values: Sequence[str] = _VALUES.get(option.takes, ())
    if option.takes == "choice":
        values = (option.choices[0], option.choices[-1], "no_such_choice")
    for value in values:
        words = value.split() if option.takes == "words" else [value]
        yield (name, *words) if value else (name,)


def _spelt(option: ServeOption) -> Iterator[tuple[str, ...]]:
    """Underscores, the beginning of the name, no value."""
    value = () if option.is_bare else ("1",)
    if "-" in option.name[2:]:
        yield (option.name[:-1], *value)
        yield ("--" + option.name[2:].replace("-", "_"), *value)
    if not option.is_bare:
        yield (option.name,)


def _fields(release: VllmProfile) -> Iterator[tuple[str, ...]]:
    """Each field of the objects that options take: null, a choice, none of the choices, a text."""
    for option in dict.fromkeys(options_of(release.version).values()):
        target = becomes(option.name, release.version)
        if target is None or target.field:
            continue
        fields = fields_of(target.record, release.version)
        for name, choices in {**fields, **dict.fromkeys(_MADE.get(option.name, ()), ())}.items():
            values: list[object] = [None, "x"]
            if choices:
                values += [str(choices[0]), "no_such_choice"]
            for value in values:
                said = json.dumps({name: value})
                yield MODEL, "--trust-remote-code", option.name, said
