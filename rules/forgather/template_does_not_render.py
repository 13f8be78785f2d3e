"""A configuration cannot be rendered or read.

## What it does
Reports what ends Forgather's own reading of a configuration: a syntax error of Jinja or YAML, an
unknown tag, an alias without an anchor, a variable that is undefined where it is used.

## Why is this bad?
`forgather ls` shows the configuration as PARSE ERROR; nothing can be generated from it.

## Example
```yaml
[trainer_args]
    segments: {{ ns.pipeline_segments }}  # nothing sets it
```

## Use instead
```yaml
[trainer_args]
    segments: {{ ns.pipeline_segments | default(2) }}
```

## What you see at run time
The message that is quoted, from Jinja, PyYAML or Forgather.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.templates import Configuration, Fault, FaultKind
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.templates import came_by

_SAYS = {
    FaultKind.SYNTAX: ("Jinja cannot parse this template", "jinja2.TemplateSyntaxError"),
    FaultKind.GRAPH: ("the rendered configuration cannot be read", ""),
    FaultKind.UNDEFINED: ("an undefined variable is used", "jinja2.UndefinedError"),
    FaultKind.ERROR: ("the template cannot be rendered", ""),
}


@rule("FGL612", "template-does-not-render", Severity.ERROR)
def check(configuration: Configuration) -> Iterator[Finding]:
    for fault in configuration.faults:
        if fault.kind in _SAYS:
            yield _finding(fault)


def _finding(fault: Fault) -> Finding:
    what, error = _SAYS[fault.kind]
    return Finding(
        where=fault.where,
        message=f"{what}: {fault.message}",
        related=came_by(fault.chain),
        consequence=f"`{error}: {fault.message}`" if error else f"`{fault.message}`",
        help=(
            "set the variable before, or give it a default"
            if fault.kind is FaultKind.UNDEFINED
            else "correct this line"
        ),
    )
