"""A new engine: its folder, data and tests; it leaves all models undecided until it is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template

import click

from forgather_lint.core.version import Requirement, Version
from forgather_lint.engines.registry import projects
from tools.new.writing import ENGINE, ROOT, Refused, checked_name, in_order, then, write

TEXTS = Path(__file__).parent / "engine_files"
"""The text of each file that is written, with `${name}` and the like for what differs."""

FILES = ("__init__.py", "engine.py", "profile.py", "target.py", "checks.py")


@click.command("engine")
@click.argument("name")
@click.argument("version")
@click.option("--title", required=True, help="What people call it.")
@click.option("--requires", required=True, help="What it requires of transformers: '==5.19.0'.")
def command(name: str, version: str, title: str, requires: str) -> None:
    """The engine NAME, as pip calls it, from the release VERSION on."""
    checked_name(name, "[a-z][a-z0-9_]*", "sglang")
    if name in projects():
        raise Refused(f"'{name}' is known")
    words = {
        "name": name,
        "title": title,
        "cls": "".join(part.capitalize() for part in name.split("_")),
        "version": str(Version.parse(version)),
        "requires": str(Requirement.parse(requires)),
    }
    folder = ENGINE / "engines" / name
    data = ENGINE / "engines" / "data"
    tests = ROOT / "tests" / f"test_{name}.py"
    files = {folder / file: _text(file, words) for file in FILES}
    write(
        files
        | {
            data / name / "loading.toml": _text("loading.toml", words),
            data / "releases" / f"{name}.toml": _text("releases.toml", words),
            tests: _text("tests.py", words),
        }
    )
    in_order(*files, tests)
    then(
        [
            f"write what the source of {title} says into data/{name}, each fact with its place",
            "let target.py answer from it, piece by piece; engines/sglang is a whole example",
            f"what it alone says: facts/causes/{name}.py, rules/{name} and fixtures/rules/{name}",
            f"python -m pytest tests/test_house.py tests/test_targets.py tests/test_{name}.py",
        ]
    )


def _text(file: str, words: Mapping[str, str]) -> str:
    return Template((TEXTS / f"{file}.txt").read_text("utf-8")).substitute(words)
