"""A progress bar on a terminal for long runs."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from forgather_lint.core.meter import Meter
from forgather_lint.core.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress

_A_FEW = 3


class Bar(Meter):
    """Drawn on standard error if that is a terminal and there are more than a few models.

    Used as a context, it is erased at the end.
    """

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted and sys.stderr.isatty()
        self._total = 0
        self._drawn: Progress | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._drawn is not None:
            self._drawn.stop()

    def more(self, number: int) -> None:
        self._total += number
        if self._drawn is None and self._wanted and self._total > _A_FEW:
            self._drawn = _start(self._total)
        if self._drawn is not None:
            self._drawn.update(self._drawn.task_ids[0], total=self._total)

    def done(self, path: str) -> None:
        if self._drawn is not None:
            self._drawn.update(self._drawn.task_ids[0], advance=1, path=printable(path))


def _start(total: int) -> Progress:
    # Imported only when there is a bar to draw.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.table import Column

    path = TextColumn("{task.fields[path]}", markup=False, table_column=Column(no_wrap=True))
    columns = (TextColumn("Checking models"), BarColumn(), MofNCompleteColumn(), path)
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    progress.add_task("", total=total, path="")
    progress.start()
    return progress
