"""Nothing is passed that is not proved: what `check` prints, and its exit code."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forgather_lint.shell.cli import cli
from tests.cases import read_cases
from tests.fixture_models import MODELS, copy_model
from tests.forgather_projects import META

RULES = MODELS.parent / "rules"
ONE = ("--select", "FGL903")
ON = ("--target", "vllm==0.32", "--target", "transformers==5.19")


def check(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(cli, ["check", "--isolated", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def closing(result: Result) -> str:
    return result.stdout.splitlines()[-1]


def case(suite: str, name: str, folder: Path) -> Path:
    """The model of a case whose name begins so."""
    file = RULES / f"{suite}.md"
    next(each for each in read_cases(file) if each.name.startswith(name)).write(folder)
    return folder


@pytest.fixture
def undecided(tmp_path: Path) -> Path:
    return case("tool/size_undecided", "a size that was asked for and", tmp_path)


def test_an_undecided_size_that_was_asked_for_is_a_warning(undecided: Path) -> None:
    result = check(undecided, *ON, *ONE, "-tp", "2", "--output-format", "concise")
    assert result.exit_code == 1
    told = r"layers_tiny\.py:30:25: FGL903 \[size-undecided\] warning: undecided at 2 ranks: token"
    assert re.search(told, result.stdout)
    assert closing(result) == "Found 1 warning (1 model). vLLM 0.32.0: undecided at 2 ranks"


def test_it_is_ignored_like_any_rule_but_not_passed(undecided: Path) -> None:
    result = check(undecided, *ON, "-tp", "2", "--ignore", "FGL903")
    assert result.exit_code == 0
    assert "passed" not in result.stdout
    assert closing(result).endswith("vLLM 0.32.0: undecided at 2 ranks")


def test_without_sizes_where_none_is_proved_to_serve(undecided: Path) -> None:
    result = check(undecided, *ON)
    assert result.exit_code == 1
    assert "none" not in closing(result)
    assert "FGL903" in result.stdout
    assert closing(result).endswith(
        "fails at 8 ranks and 4 stages, undecided at 1, 2, 4 ranks and 2 stages"
    )


def test_a_model_that_serves_at_no_size_is_told_once(tmp_path: Path) -> None:
    model = shutil.copytree(MODELS / "hf_llama", tmp_path / "model")
    with (model / "modeling_hf_llama.py").open("a", encoding="utf-8") as code:
        code.write("def (:\n")
    result = check(model, *ON, "--output-format", "concise")
    assert result.exit_code == 1
    assert "FGL900" in result.stdout
    assert closing(result) == "Found 1 error (1 model). vLLM 0.32.0: fails at 1, 2, 4, 8 ranks"


def test_what_fits_at_no_size_is_an_error_without_sizes() -> None:
    result = check(MODELS / "hf_llama", *ON, "--gpu-memory", "100KB", "--output-format", "concise")
    assert result.exit_code == 1
    assert "FGL214 [request-does-not-fit] the parameters leave no memory" in result.stdout
    assert closing(result).startswith("Found 1 error")


def test_every_chosen_target_has_a_verdict() -> None:
    result = check(
        MODELS / "hf_llama", "--target", "vllm==0.13", "--target", "vllm==0.32", "-tp", "2"
    )
    assert result.exit_code == 0
    assert closing(result) == "All checks passed! (1 model) vLLM 0.13.0, 0.32.0: serves at 2 ranks"
    several = check(MODELS / "hf_llama", MODELS / "hf_tied", *ON, "-tp", "8")
    assert "vLLM 0.32.0: serves at 8 ranks (" in several.stdout
    assert "vLLM 0.32.0: fails at 8 ranks (" in several.stdout


def test_a_fault_of_the_pipeline_is_found_without_sizes(tmp_path: Path) -> None:
    model = copy_model("hf_llama", tmp_path)
    file = model / "modeling_hf_llama.py"
    text = file.read_text("utf-8")
    old = "hidden_states = inputs_embeds\n"
    file.write_text(text.replace(old, "hidden_states = inputs_embeds * 2.0\n", 1), "utf-8")
    result = check(model, *ON, "--output-format", "concise")
    assert "FGL312" in result.stdout
    assert closing(result).endswith("serves at 1, 2, 4, 8 ranks, wrong at 2, 4 stages")


def test_what_only_the_target_refuses_is_an_error_of_check(tmp_path: Path) -> None:
    """`matrix` said so of a constructor that asks for attention by name; `check` passed it."""
    model = case("modules/constructor_raises", "a table of attention", tmp_path)
    result = check(model, *ON, "-tp", "1", "--output-format", "concise")
    assert result.exit_code == 1
    assert "FGL405 [constructor-raises] the constructor raises `KeyError: 'vllm'`" in result.stdout
    assert closing(result).endswith("vLLM 0.32.0: fails at 1 rank")


def test_a_config_that_cannot_be_read_is_undecided(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama",', "utf-8")
    result = check(tmp_path, *ON)
    assert result.exit_code == 1
    assert "undecided at 1, 2, 4, 8 ranks" in closing(result)


def test_reports_for_machines_carry_the_verdict(undecided: Path) -> None:
    asked = (undecided, *ON, *ONE, "-tp", "2", "--output-format")
    cell = {
        "target": "0.32.0",
        "tensor_parallel_size": 2,
        "pipeline_parallel_size": 1,
        "verdict": "unknown",
    }
    (found,) = json.loads(check(*asked, "json").stdout)
    assert found["verdicts"] == [cell]
    (run,) = json.loads(check(*asked, "sarif").stdout)["runs"]
    assert [each | {"model": ""} for each in run["properties"]["verdicts"]] == [
        cell | {"model": ""}
    ]
    assert check(*asked, "github").stdout.splitlines()[-1] == (
        "::notice title=forgather-lint::vLLM 0.32.0: undecided at 2 ranks"
    )


IMPORTING = """\
.define: &model_dict !call:forgather:from_project
    project_dir: "{{ joinpath(project_dir, 'models/llama') }}"
    config_template: "tiny.yaml"
    targets: [ "model" ]

model: !call:getitem [ *model_dict, 'model' ]
"""


def importing(folder: Path) -> Path:
    """A project that takes its model from another one; the parent lies in the same folder."""
    child = '-- extends "configs/parent.yaml"\n'
    files = {
        "forgather_workspace/README.md": "A workspace.\n",
        "meta.yaml": META,
        "templates/configs/parent.yaml": IMPORTING,
        "templates/configs/x.yaml": child,
        "models/llama/meta.yaml": META,
        "models/llama/templates/configs/tiny_llama.yaml": "a: 1\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def test_a_configuration_that_is_not_rendered_says_why(tmp_path: Path) -> None:
    """Forgather's `pp` renders it: what is missing is asked for when the model is made."""
    result = check(importing(tmp_path) / "templates/configs/x.yaml", "--output-format", "concise")
    assert result.exit_code == 1
    assert "parent.yaml:3:23: FGL604 [template-not-found]" in result.stdout
    assert "`configs/tiny.yaml` is not found in the project `" in result.stdout
    assert "1 configuration not rendered" in closing(result)
    assert "x.yaml is not rendered: " in result.stderr
    assert "the template configs/tiny.yaml of the project " in result.stderr


def test_it_exits_1_whichever_rules_are_chosen(tmp_path: Path) -> None:
    result = check(importing(tmp_path), "--select", "FGL1")
    assert result.exit_code == 1
    assert "passed" not in result.stdout


@pytest.mark.parametrize("missing", ["models/llama/meta.yaml", "models/llama/templates"])
def test_a_project_that_is_not_there_is_told(tmp_path: Path, missing: str) -> None:
    folder = importing(tmp_path)
    (folder / missing).rename(folder / "gone")
    result = check(folder / "templates/configs/parent.yaml", "--output-format", "concise")
    assert result.exit_code == 1
    assert "FGL604" in result.stdout


def test_what_is_missing_in_the_other_project_is_told(tmp_path: Path) -> None:
    folder = importing(tmp_path)
    other = folder / "models/llama/templates/configs/tiny.yaml"
    other.write_text('-- extends "configs/gone.yaml"\n', "utf-8")
    result = check(folder / "templates/configs/x.yaml", "--output-format", "concise")
    assert "tiny.yaml:1:13: FGL604" in result.stdout
    assert result.exit_code == 1


def test_configurations_may_stand_in_the_search_folder_itself(tmp_path: Path) -> None:
    folder = importing(tmp_path)
    (folder / "meta.yaml").write_text(META + 'config_prefix: ""\n', "utf-8")
    result = check(folder, "--output-format", "concise")
    assert "FGL604" in result.stdout


def test_matrix_refuses_what_is_not_rendered(tmp_path: Path) -> None:
    folder = importing(tmp_path)
    result = CliRunner().invoke(cli, ["matrix", str(folder), "-t", "x.yaml"])
    assert result.exit_code == 2
    assert "configs/tiny.yaml of the project" in result.output


HUB = "vllm serve some/model --tensor-parallel-size 2"


def serve(*words: str) -> Result:
    return CliRunner().invoke(cli, ["serve", *ON[:2], "--", *words])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (HUB, "some/model serves is undecided: it is no folder here, and the hub is not asked"),
        ("vllm serve ./gone", "./gone serves is undecided: it is no folder here;"),
        ("vllm serve empty", "empty serves is undecided: its folder has no config.json;"),
        ("vllm serve --port 80", "the model serves is undecided: the command names none;"),
    ],
)
def test_a_command_whose_model_is_not_here_is_undecided(
    words: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    result = serve(*words.split())
    assert result.exit_code == 1
    assert f"FGL705 [command-does-not-serve] warning: whether {why}" in result.stdout
    assert closing(result) == "Found 1 warning (1 command, 1 model not here)."


def test_of_a_refused_command_nothing_else_is_told() -> None:
    result = serve(*HUB.split(), "--swap-space", "4")
    assert "FGL700" in result.stdout
    assert closing(result) == "Found 1 error (1 command, 1 model not here)."


def test_the_closing_line_names_models_that_are_not_here(tmp_path: Path) -> None:
    script = tmp_path / "serve.sh"
    script.write_text(f'{HUB}\nvllm serve "$1"\n', "utf-8")
    result = check(script, *ON)
    assert result.exit_code == 0
    assert closing(result) == (
        "No findings, but 2 models that are not here were not judged: some/model, serve.sh:2"
        " (2 commands)."
    )
