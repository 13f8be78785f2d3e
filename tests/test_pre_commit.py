"""The hook, run by pre-commit itself in a scratch repository, as a user of the hook would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixture_models import copy_model
from tools.release import Release

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def commit(folder: Path) -> str:
    """Commit everything in `folder`, whatever hooks say; the new commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--no-verify", "--message", "state")
    return git(folder, "rev-parse", "HEAD").strip()


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A repository of the tool as it stands here, and the tag of its version there."""
    copy = tmp_path_factory.mktemp("tool")
    listed = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    git(copy, "init", "--quiet")
    commit(copy)
    tag = Release(ROOT, copy).tag
    git(copy, "tag", "--annotate", tag, "--message", tag)
    return copy, tag


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps the environment it builds, once for all tests."""
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture
def repository(tool: tuple[Path, str], tmp_path: Path) -> Path:
    """A repository with a sound model, a broken one and other files, and the hook."""
    source, revision = tool
    copy_model("hf_llama", tmp_path)
    copy_model("broken_llama", tmp_path)
    (tmp_path / "setup.py").write_text("import setuptools\n")
    (tmp_path / "data.json").write_text("{}\n")
    (tmp_path / "workflow.yaml").write_text("on: push\n")
    (tmp_path / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {source}\n  rev: {revision}\n  hooks:\n"
        "  - id: forgather-lint\n    args: [--select=FGL101]\n"
    )
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def run_hook(repository: Path, home: Path, *arguments: str) -> tuple[int, str]:
    """The exit code and output of the hook on what is staged, or as `arguments` say."""
    environment = os.environ | {"PRE_COMMIT_HOME": str(home), "PRE_COMMIT_COLOR": "never"}
    command = [sys.executable, "-m", "pre_commit", "run", "--verbose", *arguments]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, env=environment)
    return done.returncode, done.stdout + done.stderr


def change(file: Path) -> None:
    """Edit and stage `file`."""
    file.write_text(file.read_text() + "\n# changed\n")
    git(file.parent, "add", file.name)


def test_a_changed_file_pulls_in_its_whole_model(repository: Path, home: Path) -> None:
    change(repository / "broken_llama" / "modeling_broken_llama.py")
    code, output = run_hook(repository, home)
    assert code == 1
    assert "broken_llama/configuration_broken_llama.py:11:" in output, "a file that did not change"
    assert "FGL101" in output


def test_a_model_is_checked_once_however_many_of_its_files_changed(
    repository: Path, home: Path
) -> None:
    for file in (repository / "broken_llama").glob("*.py"):
        change(file)
    code, output = run_hook(repository, home)
    assert code == 1
    assert "(1 model)" in output


def test_a_deleted_file_pulls_in_its_model_too(repository: Path, home: Path) -> None:
    (repository / "hf_llama" / "modeling_hf_llama.py").unlink()
    git(repository, "add", "--all")
    _, output = run_hook(repository, home)
    assert "(1 model)" in output, output


def test_a_change_of_no_model_checks_none(repository: Path, home: Path) -> None:
    (repository / "README.md").write_text("about\n")
    git(repository, "add", "--all")
    code, output = run_hook(repository, home)
    assert (code, "0 models checked" in output) == (0, True), output


def test_a_sound_model_passes(repository: Path, home: Path) -> None:
    change(repository / "hf_llama" / "modeling_hf_llama.py")
    code, output = run_hook(repository, home)
    assert (code, "Passed" in output) == (0, True), output


def test_files_that_belong_to_no_model_pass(repository: Path, home: Path) -> None:
    files = ["setup.py", "data.json", "workflow.yaml"]
    code, output = run_hook(repository, home, "--files", *files)
    assert (code, "Passed" in output) == (0, True), output
