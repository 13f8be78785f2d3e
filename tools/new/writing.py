"""Files of the repository, written as a whole or added to."""

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
    """Write files that are not there yet: all of them, or none."""
    there = [shown(file) for file in files if file.exists()]
    if there:
        raise Refused(f"{', '.join(there)}: there already")
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        click.echo(f"wrote {shown(file)}")


def rewrite(file: Path, text: str) -> None:
    """Put `text` in the place of what a file holds."""
    file.write_text(text, "utf-8")
    click.echo(f"added to {shown(file)}")


def in_order(*files: Path) -> None:
    """Give imports and lines the form of the house."""
    names = [str(file) for file in files]
    for arguments in (["check", "-q", "--fix", "--select", "I", *names], ["format", "-q", *names]):
        subprocess.run([sys.executable, "-m", "ruff", *arguments], cwd=ROOT, check=True)


def then(steps: Sequence[str]) -> None:
    """Say what is left to do."""
    click.echo("\nnow:")
    for number, step in enumerate(steps, 1):
        click.echo(f"  {number}. {step}")


def shown(file: Path) -> str:
    """A file as one names it who stands in the repository."""
    return file.relative_to(ROOT).as_posix()


def checked_name(name: str, pattern: str, example: str) -> str:
    """`name`, if it is such a name at all."""
    if not re.fullmatch(pattern, name):
        raise Refused(f"'{name}' is no name of the kind '{example}'")
    return name


def camel(name: str) -> str:
    """`head-is-cut` or `head_is_cut` as the name of a class: `HeadIsCut`."""
    return "".join(part.capitalize() for part in re.split("[-_]", name))
