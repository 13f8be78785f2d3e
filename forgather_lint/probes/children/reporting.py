"""What every script of this folder shares: its values, and a way to report progress."""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any


class Reporter:
    """Writes one JSON line per report; an uncaught exception becomes the last one."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text("utf-8"))
        self._events = Path(self.values["events"])
        sys.excepthook = self._report_error

    def phase(self, name: str) -> None:
        """Announce what is done next."""
        self.say(phase=name)

    def say(self, **values: object) -> None:
        """Report `values`."""
        with self._events.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(values) + "\n")

    def _report_error(
        self, kind: type[BaseException], error: BaseException, trail: TracebackType | None
    ) -> None:
        traceback.print_exception(kind, error, trail)
        self.say(error=f"{kind.__name__}: {error}")
