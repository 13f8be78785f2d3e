"""The entry point, also as `python -m forgather_lint`."""

from __future__ import annotations

import io
import sys

from forgather_lint.about import NAME
from forgather_lint.cli import cli


def main() -> None:
    """Run the command line and leave with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Quoted source may hold what the terminal's encoding has not.
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name=NAME)


if __name__ == "__main__":
    main()
