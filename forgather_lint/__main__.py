"""The entry point, also as `python -m forgather_lint`."""

from __future__ import annotations

import gc
import io
import sys

from forgather_lint.about import NAME
from forgather_lint.cli import cli

OBJECTS_BEFORE_COLLECTION = 100_000
"""Code and syntax trees are many objects that stay: a search for garbage after every 700 new ones,
which is Python's default, took a twelfth of a short run."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Quoted source may hold what the terminal's encoding has not.
            stream.reconfigure(errors="backslashreplace")
    try:
        cli(prog_name=NAME)
    finally:
        # As it ends, Python would look through every object again; the memory goes back anyway.
        gc.freeze()


if __name__ == "__main__":
    main()
