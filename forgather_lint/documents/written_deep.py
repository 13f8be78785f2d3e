"""libcst writes a deep tree within what Python allows of calls from C.

`CSTNode._codegen` (`libcst/_nodes/base.py`) calls `self._codegen_impl(state, **kwargs)`. CPython
makes such a call of a bound method from C, two calls deep for each level of the tree, and 3.12.1
allows 1,500 of those whatever `sys.setrecursionlimit` says (`C_RECURSION_LIMIT` in its
`Include/cpython/pystate.h`): a chain of 750 `not` could be parsed and not be written. A call
without `**` is made within the interpreter, and is bound by the recursion limit alone.
"""

from __future__ import annotations

import libcst as cst
from libcst._nodes.internal import CodegenState


def _codegen(self: cst.CSTNode, state: CodegenState, **kwargs: object) -> None:
    """As libcst's, but without `**` where there is nothing to hand on."""
    state.before_codegen(self)
    if kwargs:
        self._codegen_impl(state, **kwargs)
    else:
        self._codegen_impl(state)
    state.after_codegen(self)


def write_deep_trees() -> None:
    """Have libcst call so from now on, in this process."""
    cst.CSTNode._codegen = _codegen  # type: ignore[method-assign]
