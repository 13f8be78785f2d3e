"""What a model computes across the tokens of a sequence."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class TokensMeet(Cause):
    """The model's own operation `op` combines tokens, outside the engine's attention."""

    op: str

    @property
    def told(self) -> str:
        return f"{self.op} along the tokens"
