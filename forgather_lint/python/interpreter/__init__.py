"""Abstract evaluation of plain Python, without any knowledge of torch.

Importing this package imports every family of handlers, which register themselves in the tables of
`dispatch`.
"""

from forgather_lint.python.builtins import (  # noqa: F401
    containers,
    counters,
    deques,
    numbers,
    objects,
    sequences,
    sets,
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
