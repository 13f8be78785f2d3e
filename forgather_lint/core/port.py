"""Marks what is a port of upstream code, so that a change there is seen.

    @port_of("vllm/distributed/utils.py", "get_pp_indices")
    def get_pp_indices(...): ...

Whoever changes such a function finds there what it follows. `fixtures/ports.toml` has a digest of
that source for each release that changed it, and `tools/check_targets.py` says which ports to read
again for a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Ported = TypeVar("Ported")


def port_of(path: str, symbol: str) -> Callable[[Ported], Ported]:
    """Marks a function or class as doing what `symbol` of the upstream file `path` does.

    Both are named as in the newest release that has them; `engines/data/moved.toml` says where
    older releases have them.
    """
    return _unchanged


def _unchanged(ported: Ported) -> Ported:
    return ported
