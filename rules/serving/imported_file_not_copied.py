"""The model imports a file that transformers does not copy.

## What it does
Follows the imports between the files of the model as transformers does: by a search in their text,
and, before 5.10.1, in the files that `auto_map` names alone. A `from . import name` is never seen,
and of a package in the folder a file of that name is looked for.

## Why is this bad?
transformers copies the code of a local folder before it runs it; an import of a file that stayed
behind fails.

## Example
```py
# modeling_x.py imports layers_x.py only, and that says:
from .attention_x import XAttention
```

## Use instead
```py
# modeling_x.py
from .attention_x import XAttention  # noqa: F401: so that transformers copies the file
from .layers_x import XLayer
```

## What you see at run time
`FileNotFoundError: [Errno 2] No such file or directory:
'.../transformers_modules/x/attention_x.py'` in transformers. vLLM hides it:
"Cannot find model module. ... 'AutoModel' is not present in the model config's 'auto_map'".
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.code import FileNotCopied
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule(
    "FGL538",
    "imported-file-not-copied",
    Severity.ERROR,
    explains=FileNotCopied,
    rests_on=(
        "transformers/loading.file_not_copied",
        "transformers/loading.local_imports_followed",
        "transformers/loading.package_not_read",
        "transformers/loading.name_not_copied",
    ),
)
def check(problem: ServingProblem, cause: FileNotCopied) -> Iterator[Finding]:
    yield finding(
        problem,
        f"transformers does not copy `{cause.file}`",
        label=f"imported by `{cause.importer}.py`",
        help="put its code into a file beside this one"
        if cause.file.endswith("/")
        else "import it in the file that `auto_map` names too, as `from .name import ...`",
    )
