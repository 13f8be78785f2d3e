"""What README.md and the pages of docs/ tell people to type works, and prints what they show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from forgather_lint.linting.suppressions import suppressions
from forgather_lint.shell.cli import cli
from tests.written_commands import (
    PAGES,
    ROOT,
    Command,
    alike,
    bare_commands,
    blocks,
    run,
    shown_commands,
    wants,
    workplace,
)

SHOWN = [command for page in PAGES for command in shown_commands(page)]
ALL_PAGES = (*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md")
TOOL = re.compile(r"python (?:-m )?((?:tools|tests|oracles)(?:[./]\w+)*)((?: [^`#|\n]+)?)")
OPTION = re.compile(r"--[a-z][a-z-]*")
VERBS = "|".join(cli.list_commands(click.Context(cli)))
SPAN = re.compile(rf"`((?:forgather-lint )?(?:{VERBS})(?: -[^`\n]*| [A-Z.][^`\n]*)?)`")
DOCS = ROOT / "docs"
OTHERS = {
    "check.md": {"python", "toml"},
    "python.md": {"python"},
    "ci.md": {"yaml", "groovy"},
}
"""What pages show besides commands; recipes for a CI are run in `test_ci_recipes.py`."""
OUTPUT = "text"
FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def own_place(tmp_path: Path) -> Path:
    """A workplace for commands that write."""
    return workplace(tmp_path.resolve())


def named(command: Command) -> str:
    return command.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_what_its_commands_print(page: Path, own_place: Path) -> None:
    """In order and in one place, as a reader types them."""
    for command in shown_commands(page):
        if not wants(command):
            _, printed = run(command, own_place)
            assert alike(command.shown, printed), "\n".join((command.name, *printed))


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in SHOWN if wants(c)], ids=named)
def test_a_page_shows_what_a_real_engine_makes_of_a_model(
    command: Command, own_place: Path
) -> None:
    if not (python := os.environ.get("VLLM_PYTHON")):
        pytest.skip(f"wants {wants(command)}")
    text = re.sub(r"--python \S+", f"--python {python}", command.text)
    code, printed = run(Command(command.page, command.line, text), own_place)
    assert code == 0, "\n".join(printed)
    assert _without_figures(command.shown) == _without_figures(printed)


def _without_figures(lines: tuple[str, ...] | list[str]) -> list[str]:
    """Lines without how long it took and how far apart two runs were."""
    return [re.sub(r"\(\d+ s\)|[\d.]+e-\d+", "#", line) for line in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_are_understood(page: Path, own_place: Path) -> None:
    """In order and in one place: one may read what another has written."""
    for command in bare_commands(page):
        if not wants(command):
            code, printed = run(command, own_place)
            assert code in (0, 1), "\n".join((command.name, *printed))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_block_is_of_a_kind_that_is_tried(page: Path) -> None:
    known = {"bash", "console", OUTPUT} | OTHERS.get(page.name, set())
    assert set(re.findall(r"^ *```(.+)$", page.read_text("utf-8"), re.MULTILINE)) <= known


def test_python_that_a_page_shows_runs(own_place: Path) -> None:
    ((_, code),) = blocks(DOCS / "python.md", "python")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=own_place, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (1, ""), done.stderr
    assert done.stdout.startswith("TinyForgatherLlamaForCausalLM\n")
    assert "FGL101" in done.stdout


def test_comments_and_settings_that_a_page_shows_are_read(own_place: Path) -> None:
    ((_, comments),) = blocks(DOCS / "check.md", "python")
    silenced = [each.written for each in suppressions("plan.py", comments)]
    assert silenced == [
        ("FGL101",),
        ("FGL101",),
        ("tp-pattern-matches-nothing",),
        ("FGL101",),
    ]
    ((_, settings),) = blocks(DOCS / "check.md", "toml")
    (own_place / "forgather-lint.toml").write_text(settings, "utf-8")
    show = Command("check.md", 0, "forgather-lint check --show-settings broken_llama")
    code, printed = run(show, own_place)
    assert code == 0, "\n".join(printed)
    assert 'ignore = ["FGL110"]' in printed
    assert 'per-file-ignores = { "old_models/*" = ["FGL1"] }' in printed


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_a_tool_that_is_named_takes_what_is_said(page: Path) -> None:
    """Tools that need an engine, a network or hours are not run here; but they have the options."""
    for name, rest in TOOL.findall(page.read_text("utf-8")):
        path = ROOT / name.replace(".", "/") if not name.endswith(".py") else ROOT / name
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        text = "".join(file.read_text("utf-8") for file in files)
        missing = [word for word in OPTION.findall(rest) if f'"{word}"' not in text]
        assert text and missing == [], f"{page.name}: {name}{rest}"


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_an_option_of_a_command_within_a_text_is_one(page: Path) -> None:
    context = click.Context(cli)
    for span in SPAN.findall(FENCE.sub("", page.read_text("utf-8"))):
        verb, *words = span.removeprefix("forgather-lint ").split(" -- ")[0].split()
        command = cli.get_command(context, verb)
        known = {name for each in command.params for name in each.opts} if command else set()
        options = [word.partition("=")[0] for word in words if word.startswith("-")]
        assert command, f"{page.name}: {span}"
        assert [each for each in options if each not in known] == [], f"{page.name}: {span}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if target.startswith("http"):
            continue
        path, _, heading = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name} links {target}"
        assert linked.is_relative_to(ROOT)
        if heading:
            headings = re.findall(r"^#+ (.+)$", linked.read_text("utf-8"), re.MULTILINE)
            assert heading in map(_anchor, headings), f"{page.name} links {target}"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
