"""Writes files of the repository, or adds to them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "forgather_lint"


class Refused(click.ClickException):
    """What was asked for cannot be written; the message says why."""


def write(files: Mapping[Path, str]) -> None:
    """Write files that do not exist yet: all of them, or none."""
    there = [shown(file) for file in files if file.exists()]
    if there:
        raise Refused(f"{', '.join(there)}: there already")
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        click.echo(f"wrote {shown(file)}")


def rewrite(file: Path, text: str) -> None:
    """Replace the text of a file."""
    file.write_text(text, "utf-8")
    click.echo(f"added to {shown(file)}")


def in_order(*files: Path) -> None:
    """Sort imports and format, as the house does."""
    names = [str(file) for file in files]
    for arguments in (["check", "-q", "--fix", "--select", "I", *names], ["format", "-q", *names]):
        subprocess.run([sys.executable, "-m", "ruff", *arguments], cwd=ROOT, check=True)


def then(steps: Sequence[str]) -> None:
    """Print what is left to do."""
    click.echo("\nnow:")
    for number, step in enumerate(steps, 1):
        click.echo(f"  {number}. {step}")


def shown(file: Path) -> str:
    """The path of a file relative to the repository."""
    return file.relative_to(ROOT).as_posix()


def checked_name(name: str, pattern: str, example: str) -> str:
    """`name`, if it matches `pattern`; else raises `Refused` with the example."""
    if not re.fullmatch(pattern, name):
        raise Refused(f"'{name}' is no name of the kind '{example}'")
    return name


def camel(name: str) -> str:
    """`head-is-cut` or `head_is_cut` as the name of a class: `HeadIsCut`."""
    return "".join(part.capitalize() for part in re.split("[-_]", name))
