from __future__ import annotations
from forgather_lint.targets.version import Version
class E_:
    def available(self, v: Version) -> bool: return True
def removed_names() -> dict[str, dict[str, E_]]: return {}
