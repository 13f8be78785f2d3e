"""A template extends, includes or imports one that is not found.

## What it does
Resolves every `extends`, `include` and `import` that a configuration executes, in the folders of
`searchdir` and among the templates that files define inside themselves. So it does with the code
template of the generator, and with the configuration of another project that the model is taken
from (`forgather:from_project`).

`models/causal_lm/vllm_plans.yaml`, which the guide includes, left Forgather with eb34ed3
(2025-12-15).

## Why is this bad?
Forgather cannot read the configuration at all. The linter leaves a missing include out and goes on,
so that the rest is still checked.

## Example
```yaml
[model_code_generator]
    == super()
    -- include 'models/causal_lm/vllm_plans.yaml'
```

## Use instead
```yaml
[model_code_generator]
    == super()
    base_model_tp_plan:
        "causal_lm.layer_stack.layers.*.attention.query_linear": "colwise"
```

## What you see at run time
`jinja2.exceptions.TemplateNotFound: '...' not found in search paths: ...`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.templates import Configuration, MissingTemplate
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.templates import came_by
from forgather_lint.linting.support.wording import one_of

_OF_THE_GUIDE = "models/causal_lm/vllm_plans.yaml"
_LABELS = {
    "extends": "extended here",
    "import": "imported here",
    "configuration": "the model is taken from there",
    "render": "asked for here",
}


@rule("FGL604", "template-not-found", Severity.ERROR)
def check(configuration: Configuration) -> Iterator[Finding]:
    for missing in configuration.missing:
        yield _finding(missing)


def _finding(missing: MissingTemplate) -> Finding:
    folders = ", ".join(f"'{folder}'" for folder in missing.searched)
    owner = f" in the project `{missing.project}`" if missing.project else ""
    return Finding(
        where=missing.where,
        message=f"the template `{missing.name}` is not found{owner}",
        label=_LABELS.get(missing.kind, "included here"),
        related=came_by(missing.chain),
        consequence=f"`TemplateNotFound: '{missing.name}' not found in search paths: {folders}`",
        help=_help(missing),
    )


def _help(missing: MissingTemplate) -> str:
    if missing.kind == "configuration":
        return f"the project has {one_of(missing.there)}" if missing.there else "it has none"
    if missing.name == _OF_THE_GUIDE:
        return (
            "write the plans under `base_model_tp_plan` and `base_model_pp_plan` in the block "
            "`model_code_generator`; Forgather no longer ships this template"
        )
    return "correct the name, or add its folder to `searchdir` in meta.yaml"
