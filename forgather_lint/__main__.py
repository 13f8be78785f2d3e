"""The entry point, also as `python -m forgather_lint`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109 - pathlib may be theirs
    # `python -m` puts the current folder first, as if a model's `click.py` were a library.
    del sys.path[0]

import atexit
import gc
import io
import threading
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, TextIO

import click

from forgather_lint.core.about import NAME
from forgather_lint.shell.cli import cli

OBJECTS_BEFORE_COLLECTION = 100_000
"""Code and syntax trees are many objects that stay: a search for garbage after every 700 new ones,
which is Python's default, took a twelfth of a short run."""


_MONITORING_TOOLS = 6
"""How many tools `sys.monitoring` can have, numbered from 0."""


def run() -> NoReturn:
    """`main`, and then the end of this process.

    Python would first take apart all that is in memory, which was a twentieth of a `check`.
    """
    code = 0
    try:
        main()
    except SystemExit as end:
        if _is_watched() or not (end.code is None or isinstance(end.code, int)):
            raise
        code = end.code or 0
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def _is_watched() -> bool:
    """Whether a profiler, or a thread to be waited for, needs the end that Python makes."""
    profiled = sys.getprofile() is not None
    if sys.version_info >= (3, 12):  # cProfile is a tool of `sys.monitoring` since then
        profiled = profiled or any(map(sys.monitoring.get_tool, range(_MONITORING_TOOLS)))
    return profiled or threading.active_count() > 1


def main() -> None:
    """Run the command line and leave with its exit code, by `SystemExit`."""
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
    _ready_the_streams()
    try:
        _run()
    except OSError as error:
        if error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more
        if not isinstance(error, BrokenPipeError):
            with suppress(OSError):  # standard error may be what cannot be written
                click.echo(f"Error: the output cannot be written: {error.strerror}", err=True)
        sys.exit(2)
    finally:
        # As it ends, Python would look through every object again; the memory goes back anyway.
        gc.freeze()


def _run() -> None:
    try:
        cli(prog_name=NAME)
    finally:
        sys.stdout.flush()


def _ready_the_streams() -> None:
    """Streams that the caller has closed lead nowhere; letters that one cannot show are escaped."""
    sys.stdin = sys.stdin or _nowhere("r")
    sys.stdout = sys.stdout or _nowhere("w")
    sys.stderr = sys.stderr or _nowhere("w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Quoted source may hold what the terminal's encoding has not.
            stream.reconfigure(errors="backslashreplace")


def _nowhere(mode: str) -> TextIO:
    opened = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - open until the end
    assert isinstance(opened, io.TextIOWrapper)
    return opened


if __name__ == "__main__":
    run()
