"""Keys and values are kept compressed, and vLLM's attention for that does not have the head size.

## What it does
Looks for attention that vLLM takes over as multi-head latent attention: a config with
`kv_lora_rank`, and a `forward` that vLLM's `MLAFuser` matches. Then the head size that vLLM reads
from the config has to be one that its attention has: 576, 320, and from 0.30 on 512. For the model
types that vLLM lists (`deepseek_v3` and others) it reads `kv_lora_rank + qk_rope_head_dim`, for any
other `head_dim`, or `hidden_size // num_attention_heads`.

## Why is this bad?
The model loads, and fails at its first batch, at every size.

## Example
```json
{"model_type": "my_latent", "kv_lora_rank": 512, "qk_rope_head_dim": 64, "head_dim": 64}
```

## Use instead
```json
{"model_type": "my_latent", "kv_lora_rank": 512, "qk_rope_head_dim": 64, "head_dim": 576}
```
Where the sizes are others, set `VLLM_MLA_DISABLE=1` in the environment: vLLM then expands keys and
values, and needs a plan for the attention. Both were run on 0.32.

## What you see at run time
`ValueError: Head dimension 64 is not supported by MLA.` (measured on 0.32)
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.attention import LatentHeadSize
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import raised_at_every_size


@rule(
    "FGL548",
    "latent-head-size",
    Severity.ERROR,
    explains=LatentHeadSize,
    rests_on=("vllm/attention.latent_head_sizes",),
)
def check(judged: Judged) -> Iterator[Finding]:
    yield raised_at_every_size(
        judged,
        "vLLM takes this for latent attention (MLA), and has none with heads of this size",
        help="set `head_dim` to `kv_lora_rank + qk_rope_head_dim` if that is one of them, or "
        "`VLLM_MLA_DISABLE=1` in the environment",
    )
