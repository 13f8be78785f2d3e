"""The site of the documentation: its pages are complete, and their links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from forgather_lint.core.about import ADDRESS, page_of
from forgather_lint.linting.registry import builtin_rules
from forgather_lint.shell.cli import cli
from tools.site.pages import ROOT, WRITTEN, write_pages

MADE_BY_HAND = {"index.md", "contributing.md", "security.md"}
"""Pages of the navigation that do not lie in docs/."""

WITHOUT_CASE = {"FGL997", "FGL999"}
"""An analysis that is given up, and an internal error: no suite can state an input for them."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_pages(folder)
    return folder / "docs"


def test_every_written_page_stands_in_the_navigation() -> None:
    listed = {file for section in WRITTEN for _, file in section.pages}
    assert listed - MADE_BY_HAND == {path.name for path in (ROOT / "docs").glob("*.md")}


def test_every_rule_has_a_page_and_a_case_that_is_run(pages: Path) -> None:
    without = set()
    for rule in builtin_rules():
        text = (pages / "rules" / f"{rule.code}.md").read_text("utf-8")
        assert "## What you see at run time" in text, rule.code
        if "## A case, and what is shown" not in text:
            without.add(rule.code)
    assert without == WITHOUT_CASE


def test_the_links_of_findings_lead_to_the_pages(
    pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADDRESS, pages.as_uri())
    for rule in builtin_rules():
        page = Path(page_of(rule.code).removeprefix("file://"))
        assert page.with_suffix(".md").is_file(), rule.code
        assert page.suffix == ".html"
    settings = tomllib.loads((ROOT / "tools" / "site" / "settings.toml").read_text("utf-8"))
    assert settings["project"]["use_directory_urls"] is False


def test_every_command_stands_on_the_page_of_commands(pages: Path) -> None:
    assert isinstance(cli, click.Group)
    text = (pages / "commands.md").read_text("utf-8")
    for verb in cli.list_commands(click.Context(cli)):
        assert f"## forgather-lint {verb}" in text
    assert "--tensor-parallel-size" in text


def test_links_lead_to_pages_of_the_site(pages: Path) -> None:
    for page in pages.rglob("*.md"):
        for target in re.findall(r"\]\(([^)\s#]+)[^)\s]*\)", _prose(page.read_text("utf-8"))):
            if not target.startswith("http"):
                linked = (page.parent / target).resolve()
                assert linked.is_file(), f"{page.relative_to(pages)} links {target}"


def test_codes_are_links_in_texts_and_never_in_code(pages: Path) -> None:
    assert "such a model" in (text := (pages / "deployment.md").read_text("utf-8"))
    assert "[FGL624](rules/FGL624.md)" not in text.partition("## ")[0]
    assert "[FGL625](rules/FGL625.md)" in text
    for page in pages.glob("*.md"):
        codes = re.findall(r"\bFGL\d{3}\b(?!\]|\.md)", _prose(page.read_text("utf-8")))
        bare = {rule.code for rule in builtin_rules()} & set(codes)
        assert bare == set(), f"{page.name}: {bare}"


def test_a_bar_in_the_code_of_a_table_needs_no_backslash(pages: Path) -> None:
    text = (pages / "commands.md").read_text("utf-8")
    assert "[azure|concise|full|" in text
    assert "\\|" not in "".join(re.findall(r"`[^`\n]+`", text))


def _prose(text: str) -> str:
    return re.sub(r"^```.*?^```$|`[^`\n]+`", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_generator_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    pytest.importorskip("zensical")
    site = tmp_path / "site"
    subprocess.run([sys.executable, "-m", "tools.site", site], cwd=ROOT, check=True)
    assert "forgather-lint" in (site / "index.html").read_text("utf-8")
    assert (site / "rules" / "FGL101.html").is_file()
    assert (site / "extra.css").is_file()
