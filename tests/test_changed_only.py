"""`--changed-only` and `--with-deleted`: what git says has changed, and what rests on it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixture_models import MODELS, copy_model
from tests.test_cli import PLAN, lint
from tests.test_pre_commit import commit, git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two models, all committed."""
    monkeypatch.chdir(tmp_path)
    copy_model("broken_llama", tmp_path)
    copy_model("hf_llama", tmp_path)
    (tmp_path / ".gitignore").write_text("ignored/\n")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path)
    return tmp_path


def checked(*arguments: str) -> set[str]:
    """The names of the models that are checked."""
    result = lint("check", "--isolated", "--output-format=sarif", *arguments)
    assert result.exit_code in (0, 1), result.stderr
    log = json.loads(result.stdout)
    return {Path(each["model"]).name for each in log["runs"][0]["properties"]["verdicts"]}


def append(file: Path) -> None:
    file.write_text(file.read_text("utf-8") + "\n# changed\n", "utf-8")


def test_nothing_has_changed(repository: Path) -> None:
    result = lint("check", "--isolated", ".", "--changed-only")
    assert (result.exit_code, result.stdout) == (0, "0 models checked.\n")
    assert "nothing here has changed" in result.stderr


CHANGES: dict[str, Callable[[Path], object]] = {
    "edited": lambda model: append(model / PLAN),
    "new": lambda model: (model / "more.py").write_text("x = 1\n"),
    "deleted": lambda model: (model / "modeling_broken_llama.py").unlink(),
    "beside": lambda model: (model / "config.json.forgather-lint").write_text(
        "# forgather-lint: file-ignore[FGL101]\n"
    ),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("staged", [False, True])
def test_a_model_is_checked_when_a_file_of_it_changed(
    repository: Path, name: str, staged: bool
) -> None:
    CHANGES[name](repository / "broken_llama")
    if staged:
        git(repository, "add", "--all")
    assert checked(".", "--changed-only") == {"broken_llama"}
    assert checked("hf_llama", "--changed-only") == set()


def test_what_a_model_does_not_read_is_no_change_of_it(repository: Path) -> None:
    (repository / "README.md").write_text("about\n")
    append(repository / ".gitignore")
    assert checked(".", "--changed-only") == set()


def test_a_config_that_was_deleted_is_missing(repository: Path) -> None:
    (repository / "broken_llama" / "config.json").unlink()
    result = lint("check", "--isolated", ".", "--changed-only", "--output-format=concise")
    assert result.exit_code == 1
    assert "broken_llama" in result.stdout


def test_changed_since_a_branch(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "-b", "work")
    append(repository / "broken_llama" / PLAN)
    commit(repository)
    git(repository, "checkout", "--quiet", "main")
    append(repository / "hf_llama" / "modeling_hf_llama.py")
    commit(repository)
    git(repository, "checkout", "--quiet", "work")
    assert checked(".", "--changed-only") == set()
    assert checked(".", "--changed-only", "--base-ref", "main") == {"broken_llama"}


def test_the_first_commit_is_still_to_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    copy_model("hf_llama", tmp_path)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    assert checked(".", "--changed-only") == {"hf_llama"}


def test_what_git_ignores_may_have_changed(repository: Path) -> None:
    (repository / "ignored").mkdir()
    copy_model("hf_tied", repository / "ignored")
    assert checked(".", "--changed-only") == {"hf_tied"}


def test_the_configuration_changes_every_answer(repository: Path) -> None:
    (repository / "forgather-lint.toml").write_text('ignore = ["FGL110"]\n')
    result = lint("check", ".", "--changed-only", "--output-format=sarif")
    models = json.loads(result.stdout)["runs"][0]["properties"]["verdicts"]
    assert {Path(each["model"]).name for each in models} == {"broken_llama", "hf_llama"}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a Forgather checkout and projects that use it."""
    for name in ("forgather", "models/forgather_llama", "models/forgather_postnorm"):
        shutil.copytree(MODELS.parent / name, tmp_path / name)
    workspace = tmp_path / "forgather" / "workspace"
    monkeypatch.chdir(workspace)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return workspace


def test_a_configuration_rests_on_the_templates_that_it_is_made_of(workspace: Path) -> None:
    result = lint("check", "--isolated", ".", "--changed-only")
    assert result.stdout == "0 models checked.\n"
    append(workspace / "llama" / "templates" / "configs" / "wide.yaml")
    assert checked(".", "--changed-only") == {"wide.yaml"}
    append(workspace / "llama" / "templates" / "configs" / "small.yaml")
    assert checked(".", "--changed-only") >= {"wide.yaml", "small.yaml", "post_norm.yaml"}


def test_a_template_that_was_deleted_is_a_change_of_its_project(workspace: Path) -> None:
    template = workspace / "llama" / "templates" / "configs" / "small.yaml"
    template.unlink()
    for option in (["."], ["--force-exclude", "--with-deleted", "tokenizer/meta.yaml"]):
        changed = [] if "--with-deleted" in option else ["--changed-only"]
        result = lint("check", "--isolated", "--output-format=concise", *option, *changed)
        assert result.exit_code == 1
        assert "wide.yaml" in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--base-ref", "main"], "--base-ref says what --changed-only compares with"),
        (["--changed-only", "--base-ref", "nowhere"], "git knows no commit 'nowhere'"),
        (["--changed-only", "--base-ref", "--output=x"], "git knows no commit '--output=x'"),
        (["--changed-only", "--fix"], "only report"),
        (["--changed-only", "--write-baseline", "x"], "--write-baseline writes all"),
    ],
)
def test_what_is_not_clear_is_refused(repository: Path, arguments: list[str], says: str) -> None:
    result = lint("check", ".", *arguments)
    assert (result.exit_code, says in result.stderr) == (2, True), result.stderr
    assert not (repository / "x").exists()


def test_outside_of_a_repository_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    result = lint("check", tmp_path, "--changed-only")
    assert (result.exit_code, "lies in no git repository" in result.stderr) == (2, True)


def test_nothing_that_a_repository_names_is_run(repository: Path) -> None:
    trap = repository / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {repository}/ran\n")
    trap.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "core.pager"):
        git(repository, "config", key, str(trap))
    append(repository / "broken_llama" / PLAN)
    assert checked(".", "--changed-only") == {"broken_llama"}
    assert not (repository / "ran").exists()


def test_with_deleted_takes_the_models_that_a_file_went_from(repository: Path) -> None:
    """As the hook of pre-commit, which passes no file that was deleted."""
    (repository / "broken_llama" / "modeling_broken_llama.py").unlink()
    git(repository, "add", "--all")
    options = ("--force-exclude", "--with-deleted")
    assert checked("hf_llama/config.json", *options) == {"broken_llama", "hf_llama"}
    assert checked(*options) == {"broken_llama"}, "no file was passed"
    assert checked("broken_llama/config.json", *options) == {"broken_llama"}
    result = lint("check", "--isolated", "broken_llama/config.json", *options)
    assert "(1 model)" in result.stdout


def test_with_deleted_and_nothing_to_check(repository: Path) -> None:
    (repository / "setup.py").write_text("import setuptools\n")
    result = lint("check", "--force-exclude", "--with-deleted", "setup.py")
    assert (result.exit_code, result.stdout) == (0, "0 models checked.\n")


def test_what_a_file_went_from_has_its_own_settings(repository: Path) -> None:
    model = repository / "broken_llama"
    (model / "forgather-lint.toml").write_text('select = ["FGL901"]\n')
    (model / "modeling_broken_llama.py").unlink()
    options = ("--force-exclude", "--with-deleted")
    assert lint("check", "hf_llama/config.json", *options).exit_code == 0
    (model / "forgather-lint.toml").unlink()
    assert lint("check", "hf_llama/config.json", *options).exit_code == 1


def test_a_model_that_is_gone_as_a_whole_is_no_error(repository: Path) -> None:
    for file in (repository / "broken_llama").iterdir():
        file.unlink()
    (repository / "broken_llama").rmdir()
    git(repository, "add", "--all")
    (repository / "data.json").write_text("{}\n")
    result = lint("check", "--force-exclude", "--with-deleted", "data.json")
    assert (result.exit_code, result.stdout) == (0, "0 models checked.\n")
