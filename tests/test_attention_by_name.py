"""A constructor that asks for the name of its attention: vLLM has one of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from forgather_lint.shell.cli import cli
from tests.cases import read_cases, without_expectations

SUITE = Path(__file__).parents[1] / "fixtures/rules/modules/constructor_raises.md"
TARGET = ("--target", "vllm==0.32", "--target", "transformers==5.19")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model with a table of attentions that has no `vllm`."""
    named = "a table of attentions that does not have the engine's"
    case = next(each for each in read_cases(SUITE) if each.name == named)
    for name, text in case.files.items():
        (tmp_path / name).write_text(without_expectations(text), "utf-8")
    return tmp_path


def test_check_and_matrix_say_the_same(model: Path) -> None:
    checked = CliRunner().invoke(cli, ["check", *TARGET, "--output-format", "concise", str(model)])
    assert checked.exit_code == 1
    assert "FGL405" in checked.stdout and "KeyError: 'vllm'" in checked.stdout
    cells = CliRunner().invoke(cli, ["matrix", *TARGET, "--output-format", "json", str(model)])
    verdicts = {(each["verdict"], each["code"]) for each in json.loads(cells.stdout)}
    assert verdicts == {("fails", "FGL405")}


@pytest.mark.parametrize("options", [(), ("--infer",), ("--diff",)], ids=str)
def test_the_plan_is_that_of_the_model_as_transformers_builds_it(
    model: Path, options: tuple[str, ...]
) -> None:
    shown = CliRunner().invoke(cli, ["plan", *options, *TARGET, str(model)])
    assert shown.exit_code == 0, shown.output
    assert "shown as transformers alone builds it" in shown.stderr
    assert "layers.*.mlp.down_proj" in shown.stdout or "--diff" in options
