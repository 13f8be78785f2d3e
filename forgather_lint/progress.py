"""Tells a person at a terminal that a long run is alive."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from forgather_lint.report import ModelReport

_A_FEW = 3


def shown(reports: Iterable[ModelReport], wanted: bool) -> Iterator[ModelReport]:
    """`reports`, with a counting line on stderr once there are more than a few of them."""
    drawn = False
    for number, report in enumerate(reports, start=1):
        if wanted and number > _A_FEW and sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{number} models checked, {report.path}")
            sys.stderr.flush()
            drawn = True
        yield report
    if drawn:
        sys.stderr.write("\r\x1b[K")
