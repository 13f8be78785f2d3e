"""Abstract evaluation of plain Python; knows no torch.

Importing this package brings in every family of handlers, which enter themselves in the tables of
`dispatch`.
"""

from forgather_lint.python.builtins import (  # noqa: F401
    containers,
    deques,
    numbers,
    objects,
    sequences,
    text,
    type_tests,
)
from forgather_lint.python.interpreter import (  # noqa: F401
    assignments,
    attributes,
    calls,
    classes,
    conditions,
    exceptions,
    functions,
    imports,
    literals,
    loops,
    matching,
    names,
    operators,
    subscripts,
)
