"""Writes the pages of the site: those written by hand, and those made from code."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from forgather_lint.linting.registry import builtin_rules
from tools.site import made

ROOT = Path(__file__).parents[2]

SETTINGS = Path(__file__).with_name("settings.toml")
"""The settings of the generator, with placeholders for the title of each page."""

STYLE = Path(__file__).with_name("extra.css")
"""What is added to the theme's style."""

PICTURES = ROOT / "fixtures" / "reports"


class Section(NamedTuple):
    """Pages that are together in the navigation: a title, and titles with files."""

    title: str
    pages: tuple[tuple[str, str], ...]


WRITTEN = (
    Section("Start", (("What it is", "index.md"), ("From training to serving", "guide.md"))),
    Section(
        "Use",
        (
            ("Check a model", "check.md"),
            ("Mend what is found", "fixes.md"),
            ("Answers that are kept", "cache.md"),
            ("Which sizes serve", "matrix.md"),
            ("Plans", "plan.md"),
            ("Serve commands", "serve.md"),
            ("Checkpoint and adapters", "deployment.md"),
            ("Run it for real", "verify.md"),
        ),
    ),
    Section(
        "Where you work",
        (
            ("In your editor", "editor.md"),
            ("In CI and as a hook", "ci.md"),
            ("From Python", "python.md"),
        ),
    ),
    Section(
        "How it is known",
        (
            ("How it works", "how-it-works.md"),
            ("Releases and engines", "targets.md"),
            ("How far to trust it", "trust.md"),
        ),
    ),
    Section("Contribute", (("Contributing", "contributing.md"), ("Security", "security.md"))),
)
"""The pages written by hand, in reading order.

A file of docs/ that is not named here fails `tests/test_site.py`.
"""


def write_pages(folder: Path) -> None:
    """Write `docs/` and `zensical.toml` below a folder."""
    docs = folder / "docs"
    docs.mkdir(parents=True)
    for page in sorted((ROOT / "docs").glob("*.md")):
        (docs / page.name).write_text(_rebased(page.read_text("utf-8")), "utf-8")
    for name, source in (("index.md", "README.md"), ("contributing.md", "CONTRIBUTING.md")):
        (docs / name).write_text(_rebased((ROOT / source).read_text("utf-8")), "utf-8")
    (docs / "security.md").write_text((ROOT / "SECURITY.md").read_text("utf-8"), "utf-8")
    shutil.copytree(PICTURES, docs / "pictures", ignore=lambda *_: _others(PICTURES))
    shutil.copy(STYLE, docs)
    sections = [*WRITTEN, *_made(docs)]
    settings = SETTINGS.read_text("utf-8").replace("nav = []", f"nav = {_navigation(sections)}")
    (folder / "zensical.toml").write_text(settings, "utf-8")


def _made(docs: Path) -> Iterable[Section]:
    """Write the pages that are made from code; returns their sections."""
    rules = sorted(builtin_rules(), key=lambda rule: rule.code)
    (docs / "rules").mkdir()
    (docs / "rules" / "index.md").write_text(made.rule_index(rules), "utf-8")
    listed = [("All rules", "rules/index.md")]
    for rule in rules:
        file = f"rules/{rule.code}.md"
        (docs / file).write_text(made.rule_page(rule), "utf-8")
        listed.append((f"{rule.code} {rule.name}", file))
    yield Section("Rules", tuple(listed))
    reference = [
        ("Commands and options", "commands.md", made.commands()),
        ("Functions", "functions.md", made.functions()),
        *((f"Releases of {title}", file, text) for title, file, text in made.releases()),
    ]
    for _, file, text in reference:
        (docs / file).write_text(text, "utf-8")
    yield Section("Reference", tuple((title, file) for title, file, _ in reference))


def _rebased(text: str) -> str:
    """A page with its links adapted to the site, where all pages are in one folder."""
    text = re.sub(r"\]\(docs/", "](", text)
    text = re.sub(r"\]\((?:\.\./)?CONTRIBUTING\.md", "](contributing.md", text)
    text = re.sub(r"\]\((?:\.\./)?SECURITY\.md", "](security.md", text)
    text = re.sub(r"\]\(\.\./README\.md", "](index.md", text)
    text = re.sub(r"\]\((?:\.\./)?fixtures/reports/", "](pictures/", text)
    return _linked_codes(text)


_KNOWN = {rule.code for rule in builtin_rules()}


def _linked_codes(text: str) -> str:
    """Codes of rules as links to their pages, outside of fences and code."""
    parts = re.split(r"(^```.*?^```$|`[^`\n]+`|\]\([^)]*\)|^#[^\n]*$)", text, flags=re.M | re.S)
    for place in range(0, len(parts), 2):
        parts[place] = re.sub(
            r"\bFGL\d{3}\b",
            lambda found: (
                f"[{found[0]}](rules/{found[0]}.md)" if found[0] in _KNOWN else str(found[0])
            ),
            parts[place],
        )
    return "".join(parts)


def _others(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.suffix not in {".svg", ".png"}]


def _navigation(sections: Iterable[Section]) -> str:
    """The sections as TOML, with strings written as in JSON."""
    lines = []
    for title, group in groupby(sections, key=lambda section: section.title):
        pages = [page for section in group for page in section.pages]
        entries = (f"    {{ {json.dumps(name)} = {json.dumps(file)} }}" for name, file in pages)
        rows = ",\n".join(entries)
        lines.append(f"  {{ {json.dumps(title)} = [\n{rows},\n  ] }}")
    return "[\n" + ",\n".join(lines) + ",\n]"
