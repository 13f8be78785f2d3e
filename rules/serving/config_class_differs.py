"""The class of the model names another config class than that of its config, or none.

## What it does
Compares what `AutoConfig` loads with `config_class` of what `AutoModel` loads: by the names of the
two classes, as transformers does. An annotation (`config: XConfig`) says it as well, but neither in
quotes nor below `from __future__ import annotations`, where it is a text. Where transformers has a
model of its own for a config class of that name, nothing is compared.

## Why is this bad?
`AutoModel` registers the pair before it builds the model, and registering raises. A model that is
built directly (`XForCausalLM(config)`) works, so that training does not show it; a class that
inherits from one of transformers' inherits that one's config class too.

## Example
```py
class XPreTrainedModel(PreTrainedModel):
    base_model_prefix = "model"
```

## Use instead
```py
class XPreTrainedModel(PreTrainedModel):
    config_class = XConfig
    base_model_prefix = "model"
```

## What you see at run time
`ValueError: The model class you are passing has a `config_class` attribute that is not consistent
with the config class you passed`; without any, `AttributeError: 'NoneType' object has no attribute
'__name__'`.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import ConfigClassDiffers
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL599",
    "config-class-differs",
    Severity.ERROR,
    explains=ConfigClassDiffers,
    rests_on=(
        "transformers/loading.config_class_differs",
        "transformers/loading.config_class_unnamed",
    ),
)
def check(problem: ServingProblem, cause: ConfigClassDiffers) -> Iterator[Finding]:
    says = f"says that its config is a `{cause.said}`" if cause.said else "names no config class"
    yield finding(
        problem,
        f"`{cause.model}` {says}, and it is given a `{cause.given}`",
        label="said here" if cause.said else "nothing is said here",
        help=f"`config_class = {cause.given}`",
    )
