"""Parts of a layer that the engine fuses are not all quantized.

## What it does
The release makes one layer of the projections of queries, keys and values (or of gate and up), and
asks that all of its parts are quantized alike. `ignore`, `modules_to_not_convert` or
`modules_in_block_to_quantize` lists some of them; of AWQ and GPTQ without such a list, the
checkpoint has some of them in whole numbers. It holds the experts of a block in one layer too:
compressed-tensors asks the first expert of it, whose three projections are quantized alike.

## Why is this bad?
The model does not load at any size.

## Example
```json
{"ignore": ["lm_head", "model.layers.0.self_attn.v_proj"]}
```

## Use instead
```json
{"ignore": ["lm_head", "model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.k_proj",
            "model.layers.0.self_attn.v_proj"]}
```

## What you see at run time
`ValueError: Found different quantization schemes for the shards of
model.layers.0.self_attn.qkv_proj. vLLM requires all to use the same scheme.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.quantization import SchemesDiffer
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import finding
from forgather_lint.linting.support.wording import all_of, are


@rule(
    "FGL593",
    "quantization-schemes-differ",
    Severity.ERROR,
    explains=SchemesDiffer,
    rests_on=(
        "vllm/quantization.schemes_differ",
        "vllm/quantization.shards_differ",
        "vllm/quantization.expert_schemes_differ",
    ),
)
def check(judged: Judged, cause: SchemesDiffer) -> Iterator[Finding]:
    plain = f"{are(cause.ignored)} not quantized"
    yield finding(judged, f"of {all_of(cause.parts)}, which become one layer, {plain}")
