"""The checklist of a release: each step sees what it is there to see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import forgather_lint
from forgather_lint.core.about import version
from forgather_lint.shell.cli import cli
from tests.test_pre_commit import commit, git
from tools.release import (
    FAILS,
    ROOT,
    SERVES,
    Fails,
    Release,
    addresses_exist,
    changes_are_told,
    taken,
    tree_is_clean,
    version_is_new,
)

PROJECT = '[project]\nname = "forgather-lint"\nversion = "1.2.3"\n'
CHANGES = (
    "# Changes\n\n## 1.2.3 (2026-11-29)\n\n- Something.\n\n## 1.2.2 (2026-01-01)\n\n- Before.\n"
)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    root = tmp_path / "project"
    (root / "docs").mkdir(parents=True)
    texts = {"pyproject.toml": PROJECT, "CHANGELOG.md": CHANGES, "README.md": "# A tool\n"}
    for name, text in texts.items():
        (root / name).write_text(text, "utf-8")
    git(root, "init", "--quiet")
    commit(root)
    return Release(root, tmp_path / "built")


STEPS = (version_is_new, changes_are_told, tree_is_clean, addresses_exist)


def test_all_holds(release: Release, capsys: pytest.CaptureFixture[str]) -> None:
    assert taken(release, STEPS)
    assert capsys.readouterr().out.count("[x]") == len(STEPS)


def write(release: Release, name: str, text: str) -> None:
    (release.root / name).write_text(text, "utf-8")


def test_a_tag_that_exists_is_seen(release: Release) -> None:
    git(release.root, "tag", "v1.2.3")
    with pytest.raises(Fails, match=r"there is a tag v1\.2\.3"):
        version_is_new(release)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (CHANGES.replace("1.2.3", "1.2.4"), "does not begin with a section"),
        (CHANGES.replace("2026-11-29", "unreleased"), "gives no date"),
        (CHANGES.replace("- Something.", ""), "says nothing"),
        ("# Changes\n", "does not begin with a section"),
    ],
)
def test_changes_that_are_not_told_are_seen(release: Release, text: str, says: str) -> None:
    write(release, "CHANGELOG.md", text)
    with pytest.raises(Fails, match=says):
        changes_are_told(release)


def test_what_is_not_committed_is_seen(release: Release) -> None:
    write(release, "new.py", "x = 1\n")
    with pytest.raises(Fails, match=r"new\.py"):
        tree_is_clean(release)


def test_an_address_that_nobody_has_is_seen(release: Release) -> None:
    page = "See https://github.com/someone/forgather-lint.\n"
    write(release, "docs/ci.md", page)
    with pytest.raises(Fails, match=r"docs/ci\.md names https://github\.com/someone"):
        addresses_exist(release)
    urls = '[project.urls]\nSource = "https://github.com/someone/forgather-lint"\n'
    write(release, "pyproject.toml", PROJECT + urls)
    assert "someone" in addresses_exist(release)


def test_a_step_that_fails_stops_no_other(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    write(release, "CHANGELOG.md", "# Changes\n")
    assert not taken(release, STEPS)
    said = capsys.readouterr().out
    assert said.count("[ ]") == 2
    assert said.count("[x]") == 2


def test_the_models_that_are_asked_for_end_as_the_checklist_has_it() -> None:
    for model, code in ((SERVES, 0), (FAILS, 1)):
        result = CliRunner().invoke(cli, ["check", "--isolated", str(ROOT / model)])
        assert result.exit_code == code, result.output


def test_ours_names_no_address_that_does_not_exist() -> None:
    addresses_exist(Release(ROOT, ROOT))


def test_the_newest_changes_are_those_of_the_version() -> None:
    _, newest, *_ = (ROOT / "CHANGELOG.md").read_text("utf-8").split("\n## ")
    assert newest.startswith(f"{Release(ROOT, ROOT).version} (")


def test_the_package_says_its_version() -> None:
    assert forgather_lint.__version__ == version()
    assert (Path(forgather_lint.__file__).parent / "py.typed").is_file()


@pytest.mark.slow
def test_the_checklist_as_a_whole() -> None:
    """With `build` and `twine`: what may fail is what a day between releases lacks."""
    pytest.importorskip("build")
    pytest.importorskip("twine")
    done = subprocess.run(
        [sys.executable, "-m", "tools.release"], cwd=ROOT, capture_output=True, text=True
    )
    failed = [line for line in done.stdout.splitlines() if line.startswith("[ ]")]
    between = ("CHANGELOG.md begins with", "What is built is what is committed", "not tagged")
    assert [line for line in failed if not line.removeprefix("[ ] ").startswith(between)] == []
    assert "one fixture serves, one fails, types are declared" in done.stdout
