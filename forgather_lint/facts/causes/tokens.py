"""What a model computes across the tokens of a sequence."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class PositionsCounted(Cause):
    """Tokens are told their positions by a count from the first that the engine hands over."""

    @property
    def told(self) -> str:
        return "positions counted from the first token handed over"


@record
class TokensMeet(Cause):
    """The model's own operation `op` combines tokens, outside the engine's attention."""

    op: str

    @property
    def told(self) -> str:
        return f"{self.op} along the tokens"
