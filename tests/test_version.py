"""`version --targets` lists every release with a profile, once, and what changed with it."""

from __future__ import annotations

import json

from click.testing import CliRunner

from forgather_lint.engines.fact import boundaries
from forgather_lint.engines.releases import known, requirement
from forgather_lint.shell.cli import cli


def run(*arguments: str) -> str:
    done = CliRunner().invoke(cli, ["version", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_profiles_are_listed_when_asked_for() -> None:
    assert len(run().splitlines()) == 1
    lines = run("--targets").splitlines()
    start = lines.index("vllm 0.24.0")
    block = lines[start + 1 : lines.index("vllm 0.25.0 - 0.25.1")]
    assert block[0] == "  requires transformers>=5.5.3"
    gone = "no longer colwise_rep = column_gathered, rowwise_rep = row_splitting"
    assert f"  plan.styles: {gone}" in block
    assert max(map(len, lines)) <= 102


def test_every_release_known_is_in_one_range() -> None:
    told = json.loads(run("--targets", "--output-format", "json"))["targets"]
    for project in ("vllm", "transformers"):
        listed = [release for each in told[project] for release in each["releases"]]
        assert listed == list(map(str, known(project)))
        first = {each["releases"][0] for each in told[project][1:]}
        assert first <= {str(release) for release in known(project)}
        assert len(first) <= len(boundaries(project))
        assert [each["releases"] for each in told[project][1:] if not each["changes"]] == []


def test_each_vllm_release_says_what_it_requires() -> None:
    told = json.loads(run("--targets", "--output-format", "json"))["targets"]["vllm"]
    required = {release: text for each in told for release, text in each["requires"].items()}
    assert required == {
        str(release): f"transformers{requirement('vllm', release)}" for release in known("vllm")
    }


def test_each_change_names_its_source() -> None:
    told = json.loads(run("--targets", "--output-format", "json"))["targets"]
    changes = [
        change for project in told.values() for each in project for change in each["changes"]
    ]
    assert [
        change for change in changes if not change["source"].startswith(("vllm/", "trans"))
    ] == []
