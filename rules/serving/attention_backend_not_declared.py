"""The class does not say that its attention can be replaced.

## What it does
Looks for `_supports_attention_backend = True` on the class that AutoModel loads; where transformers
has a class by the name of the architecture, on that one, whatever is loaded. From vLLM 0.30 on a
class also passes if transformers can set its attention, which it concludes from the text of the
class's file.

From then on this rule speaks only where the file has an attention class that never looks up the
interface.

## Why is this bad?
vLLM refuses the model before it is built.

## Example
```py
class XModel(PreTrainedModel):
    _supports_attention_backend = False
```

## Use instead
```py
class XModel(PreTrainedModel):
    _supports_attention_backend = True  # and the attention calls ALL_ATTENTION_FUNCTIONS
```

## What you see at run time
`ValueError: The Transformers implementation of 'X' is not compatible with vLLM.`; without
`--model-impl transformers`: `Model architectures ['X'] are not supported for now.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import AttentionNotReplaceable
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL503",
    "attention-backend-not-declared",
    Severity.ERROR,
    explains=AttentionNotReplaceable,
    rests_on=("vllm/attention.gate", "transformers/modeling.settable_if_file_has"),
)
def check(problem: ServingProblem, cause: AttentionNotReplaceable) -> Iterator[Finding]:
    own = "`_supports_attention_backend` is not True"
    label = f"transformers has a `{cause.name}`, which does not" if cause.library else own
    yield finding(
        problem,
        f"`{cause.name}` does not support attention backends",
        label=label,
        help="call the attention through `ALL_ATTENTION_FUNCTIONS`, then set the flag",
    )
