"""How far a run is, for whoever wants to show it."""

from __future__ import annotations


class Meter:
    """Told by the pipeline what there is to check and what is done; this one shows nothing."""

    def more(self, number: int) -> None:
        """There are `number` more models to check."""

    def done(self, path: str) -> None:
        """The model at `path` has been checked."""
