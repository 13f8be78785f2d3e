"""The command line of a tool: its `--help` shows the docstring of its module as it is written."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from pathlib import Path
from zipfile import is_zipfile


def parser(said: str | None) -> ArgumentParser:
    """One that shows `said`, the docstring of the tool, and calls the tool as its user did."""
    return ArgumentParser(_called(), description=said, formatter_class=RawDescriptionHelpFormatter)


def releases(said: str | None, arguments: list[str]) -> list[Path]:
    """What is given to a tool that reads releases, be it a wheel or a folder, and nothing else."""
    reading = parser(said)
    reading.add_argument("releases", nargs="+", type=_release, metavar="FILE")
    given: list[Path] = reading.parse_args(arguments).releases
    return given


def _called() -> str | None:
    # Before Python 3.14 argparse calls a package that is run `__main__.py`.
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return f"python -m {spec.name.removesuffix('.__main__')}" if spec else None


def _release(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or is_zipfile(path):
        return path
    raise ArgumentTypeError(f"{text} is neither a wheel nor a folder")
