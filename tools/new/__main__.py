"""Writes what something new begins with, so that it is found, tested and checked from the start.

\b
    python -m tools.new rule FAMILY NAME [--about TOPIC]
    python -m tools.new operation NAME --family FAMILY
    python -m tools.new release PROJECT VERSION [--requires SPEC] [--torch VERSION]
    python -m tools.new engine NAME VERSION --title TITLE --requires SPEC

What is written passes its tests as it stands: a rule reports a module of its own name, an operation
is taken to compute element by element, an engine leaves every model undecided. What has to be
written in its place is said at the end, and in the files. No file is written over.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[2]))

from tools.new import engine, operation, release, rule


@click.group(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
def new() -> None:
    """The four kinds of new things."""


for _kind in (rule, operation, release, engine):
    new.add_command(_kind.command)

if __name__ == "__main__":
    new(prog_name="python -m tools.new")
