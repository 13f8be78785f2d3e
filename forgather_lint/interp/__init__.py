"""Abstract evaluation of plain Python; knows no torch.

Importing this package brings in every family of handlers, which enter themselves in the tables of
`dispatch`.
"""

from forgather_lint.interp import (
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
    names,
    operators,
    subscripts,
)
from forgather_lint.interp.builtins import containers, numbers, objects, sequences, text

FAMILIES = (
    assignments,
    attributes,
    calls,
    classes,
    conditions,
    containers,
    exceptions,
    functions,
    imports,
    literals,
    loops,
    names,
    numbers,
    objects,
    operators,
    sequences,
    subscripts,
    text,
)
