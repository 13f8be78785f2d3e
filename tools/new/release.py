"""A new release of an engine or of transformers: what is known of it without its source."""

from __future__ import annotations

import re

import click

from forgather_lint.core.version import Version
from forgather_lint.engines.registry import LIBRARY, projects
from forgather_lint.engines.releases import declared, known, torch_of
from tools.new.writing import ENGINE, Refused, rewrite, then


@click.command("release")
@click.argument("project", type=click.Choice(projects()))
@click.argument("version")
@click.option("--requires", help="What its METADATA requires of transformers: '>=5.16.1,<5.22.0'.")
@click.option("--torch", help="The release of torch that its METADATA requires.")
def command(project: str, version: str, requires: str | None, torch: str | None) -> None:
    """The release VERSION of PROJECT; what is not said stays as in the release before."""
    release = Version.parse(version)
    if release in known(project):
        raise Refused(f"{project} {release} is known")
    if project == LIBRARY and (requires or torch):
        raise Refused(f"{LIBRARY} requires nothing that is looked at")
    file = ENGINE / "engines" / "data" / "releases" / f"{project}.toml"
    text = file.read_text("utf-8")
    quoted = ", ".join(f'"{each}"' for each in sorted({*known(project), release}))
    text = re.sub(r"(?m)^versions = .*$", f"versions = [{quoted}]", text)
    before = max((each for each in known(project) if each < release), default=None)
    if requires and not (before and requires == str(declared(project, before))):
        text = with_row(text, "requires", release, requires)
    if torch and not (before and torch == torch_of(project, before)):
        text = with_row(text, "torch", release, torch)
    rewrite(file, text)
    wheel = f"{project}-{release}-*.whl"
    then(
        [
            f"python tools/check_targets.py {wheel}; add a row to data/{project} for what it names",
            f"read what changed in each port that it names, then python -m tools.ports {wheel}",
            f"python -m tools.release_names {wheel}",
            *([] if project == LIBRARY else [f"python -m tools.serve_options {wheel}"]),
            *([] if project == LIBRARY else [f"python -m tools.serve_types {wheel}"]),
            "python -m pytest tests/test_targets.py tests/test_check_targets.py",
        ]
    )


def with_row(text: str, table: str, release: Version, value: str) -> str:
    """The text with a row in `table`, in the order of releases; the table is made if necessary."""
    row = f'"{release}" = "{value}"\n'
    found = re.search(rf"(?m)^\[{table}\].*\n(?:.+\n)*", text)
    if found is None:
        return f"{text.rstrip()}\n\n[{table}]\n{row}"
    later = re.compile(r'(?m)^"([\d.]+)" = ').finditer(text, found.start(), found.end())
    place = next((e.start() for e in later if Version.parse(e[1]) > release), found.end())
    return text[:place] + row + text[place:]
