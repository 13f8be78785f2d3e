"""A file of the model imports its neighbour as if it were an installed package.

## What it does
Reports `import x` and `from x import y`, without a dot, where `x.py` lies beside the file. In the
files that `auto_map` names this covers functions and `if` too, as transformers does; not `try`, nor
what stands below a test that asks it, such as `if is_flash_attn_2_available():`. Elsewhere it is
what surely runs, in the constructors and the forward of the model too.

## Why is this bad?
transformers copies the code elsewhere before it runs it, and first asks for every package that it
imports by name. It works in the folder of the model only.

## Example
```py
from configuration_x import XConfig
```

## Use instead
```py
from .configuration_x import XConfig
```

## What you see at run time
`ImportError: This modeling file requires the following packages that were not found in your
environment: configuration_x. Run `pip install configuration_x``, or `ModuleNotFoundError: No module
named 'layers_x'` from a file that `auto_map` does not name. vLLM hides it behind "Cannot find
model module. ... 'AutoModel' is not present in the model config's 'auto_map'" (measured with
transformers 4.57 and 5.19, vLLM 0.13, 0.25 and 0.32); not where the import stands in a function.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import NeighbourImportedByName
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL545",
    "neighbour-imported-by-name",
    Severity.ERROR,
    explains=NeighbourImportedByName,
    rests_on=("transformers/loading.import_missing", "transformers/loading.module_missing"),
)
def check(problem: ServingProblem, cause: NeighbourImportedByName) -> Iterator[Finding]:
    yield finding(
        problem,
        f"`{cause.name}` lies beside this file and is no package",
        label="imported without a dot",
        help=f"write `from .{cause.name} import ...`",
    )
