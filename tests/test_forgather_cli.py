"""Forgather projects on the command line: workspaces, single templates, and the other verbs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from forgather_lint.forgather.discover import find_projects, is_project
from forgather_lint.shell.cli import cli
from tests.forgather_projects import FIXTURES, WORKSPACE, write_project

LLAMA = "forgather/checkout/templatelib/examples/models/transformers/dynamic_llama.yaml"
DEAD_PLAN = (
    ("base_model_tp_plan:", "tp_plan:"),
    ('gate_proj": "colwise"', 'gate_proj": "colwsie"'),
)
"""A plan that the code template does not read, and in it a style that nobody knows."""


def lint(*arguments: str | Path) -> Result:
    """Run in this process; a traceback is a failure of the test."""
    result = CliRunner().invoke(cli, ["check", "--isolated", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def found(*arguments: str | Path) -> list[tuple[str, str, int]]:
    """Code, file name and row of the findings of the FGL1 and FGL6 families."""
    output = lint(*arguments, "--select=FGL1,FGL6", "--output-format=json").stdout
    findings: list[dict[str, Any]] = json.loads(output)
    places = [(each["code"], each["filename"], each["location"]["row"]) for each in findings]
    return [(code, Path(file).name, row) for code, file, row in places]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)))


def row_of(file: Path, text: str) -> int:
    lines = file.read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The fixtures in a repository of their own, to be changed."""
    shutil.copytree(FIXTURES, tmp_path / "forgather")
    for model in ("forgather_llama", "forgather_postnorm"):
        shutil.copytree(FIXTURES.parent / "models" / model, tmp_path / "models" / model)
    (tmp_path / ".git").mkdir()
    return tmp_path


def change(file: Path, *changes: tuple[str, str]) -> None:
    text = file.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, "utf-8")


def test_a_workspace_without_faults_has_none() -> None:
    assert found(WORKSPACE) == []


def test_a_fault_in_a_shared_template_is_told_once_at_its_line(copied: Path) -> None:
    change(copied / LLAMA, *DEAD_PLAN)
    unread, misspelt = (row_of(copied / LLAMA, text) for text in (" tp_plan:", "colwsie"))
    assert set(found(copied / "forgather" / "workspace")) == {
        ("FGL601", "dynamic_llama.yaml", unread),
        ("FGL102", "dynamic_llama.yaml", misspelt),
        ("FGL110", "hf_causal.py", row_of(copied / CODE, "base_model_tp_plan =")),
    }


CODE = "forgather/checkout/modelsrc/templates/hf_causal.py"


def test_an_unread_plan_is_checked_entry_by_entry_and_mended_by_its_fix(copied: Path) -> None:
    change(copied / LLAMA, *DEAD_PLAN)
    project = copied / "forgather" / "workspace" / "llama"
    findings = json.loads(lint(project, "--select=FGL601", "--output-format=json").stdout)
    (edit,) = findings[0]["fix"]["edits"]
    assert edit["content"] == "base_model_tp_plan"
    row, start = edit["location"]["row"], edit["location"]["column"]
    lines = (copied / LLAMA).read_text("utf-8").splitlines()
    line = lines[row - 1]
    end = edit["end_location"]["column"]
    lines[row - 1] = line[: start - 1] + edit["content"] + line[end - 1 :]
    (copied / LLAMA).write_text("\n".join(lines), "utf-8")
    codes = {code for code, _, _ in found(project)}
    assert codes == {"FGL102"}


def test_the_chain_from_the_configuration_is_shown(copied: Path) -> None:
    change(copied / LLAMA, *DEAD_PLAN)
    project = copied / "forgather" / "workspace" / "llama"
    findings = json.loads(lint(project, "--select=FGL601", "--output-format=json").stdout)
    told = [(Path(each["filename"]).name, each["message"]) for each in findings[0]["related"]]
    assert told == [
        ("small.yaml", "this extends `models/transformers/dynamic_llama.yaml`"),
        ("small.yaml", "this includes `small.model`"),
    ]


def test_a_configuration_is_linted_by_the_path_of_its_template(copied: Path) -> None:
    config = copied / "forgather/workspace/llama/templates/configs/wide.yaml"
    change(config, ("[model_config]", "[model_confg]"))
    assert found(config) == [("FGL603", "wide.yaml", row_of(config, "[model_confg]"))]
    assert found(config.with_name("small.yaml")) == []


def test_a_shared_template_is_linted_in_the_configurations_that_use_it(copied: Path) -> None:
    (copied / "forgather_workspace").mkdir()
    change(copied / LLAMA, *DEAD_PLAN)
    config = copied / "forgather/workspace/llama/templates/configs/wide.yaml"
    change(config, ("[model_config]", "[model_confg]"))
    assert {code for code, _, _ in found(copied / LLAMA)} == {"FGL601", "FGL102"}


def test_one_broken_configuration_stops_no_other(copied: Path) -> None:
    folder = copied / "forgather/workspace/llama/templates/configs"
    (folder / "broken.yaml").write_text('-- extends "configs/small.yaml"\n{{ 1 + }}\n', "utf-8")
    (folder / "lost.yaml").write_text('-- extends "configs/gone.yaml"\n', "utf-8")
    change(copied / LLAMA, *DEAD_PLAN)
    codes = [code for code, _, _ in found(copied / "forgather" / "workspace")]
    assert sorted(codes) == ["FGL102", "FGL110", "FGL601", "FGL604", "FGL612"]


@pytest.mark.parametrize("form", ["full", "concise", "json"])
def test_each_configuration_that_is_not_rendered_has_a_line(copied: Path, form: str) -> None:
    """One fault in a shared template is one finding, but it costs several configurations."""
    change(copied / LLAMA, ("[model_config]", "[model_config]\n    -- if"))
    result = lint(copied / "forgather" / "workspace", "--output-format", form)
    assert result.exit_code == 1
    lost = re.findall(
        r"(\w+)\.yaml is not rendered: .*dynamic_llama\.yaml:\d+:\d+: ", result.stderr
    )
    assert lost == ["small", "wide", "post_norm"]
    assert result.stdout.count("Jinja cannot parse this template") == 1
    assert "FGL603" not in result.stdout, "what the parent defines is not known"


def test_an_undefined_variable_is_one_finding(copied: Path) -> None:
    change(copied / LLAMA, ("{{ hidden_size | toyaml(", "{{ hiden_size + 0 * ("))
    shown = lint(copied / "forgather/workspace/llama/templates/configs/small.yaml").stdout
    assert "'hiden_size' is undefined" in shown
    assert "FGL405" not in shown


def test_a_broken_description_of_a_project_is_told(copied: Path) -> None:
    meta = copied / "forgather/workspace/llama/meta.yaml"
    change(meta, ("meta_defaults.yaml", "meta_default.yaml"))
    assert found(meta.parent) == [("FGL604", "meta.yaml", 1)]


def test_a_project_without_a_workspace_is_told(tmp_path: Path) -> None:
    write_project(tmp_path, {"configs/a.yaml": "x: 1\n"})
    (tmp_path / "forgather_workspace" / "README.md").unlink()
    (tmp_path / "forgather_workspace").rmdir()
    result = lint(tmp_path, "--output-format=concise")
    assert "no folder above holds `forgather_workspace`" in result.stdout


def test_a_comment_in_a_template_silences_a_finding(copied: Path) -> None:
    change(copied / LLAMA, ("base_model_tp_plan:", "tp_plan:  # forgather-lint: ignore[FGL601]"))
    assert [code for code, _, _ in found(copied / "forgather/workspace/llama")] == ["FGL110"]


def test_a_stale_generation_is_told_until_it_is_generated_anew(copied: Path) -> None:
    project = copied / "forgather/workspace/llama"
    output = project / "output_models" / "small_llama"
    shutil.copytree(copied / "models" / "forgather_llama", output)
    result = lint(project, "--select=FGL610", "--output-format=concise")
    assert re.search(r"llama\.py` differs from what the templates now say", result.stdout)
    assert "glu_feedforward.py" not in result.stdout


def test_the_verbs_about_one_model_take_a_configuration() -> None:
    default = json.loads(run("structure", WORKSPACE / "llama", "--output-format=json").stdout)
    arguments = ("structure", WORKSPACE / "llama", "-t", "wide.yaml", "--output-format=json")
    wide = json.loads(run(*arguments).stdout)
    shapes = [
        {each["name"]: each["shape"] for each in tree["parameters"]} for tree in (default, wide)
    ]
    embedding = "causal_lm.input_encoder.embedding.weight"
    assert [shape[embedding] for shape in shapes] == [[256, 256], [256, 512]]
    assert all(Path(each["location"].rsplit(":", 2)[0]).is_file() for each in wide["modules"])


PUBLISHED = """\
tokenizer: &tokenizer !singleton:transformers:AutoTokenizer.from_pretrained@tokenizer
    pretrained_model_name_or_path: "someone/llama"
"""


def test_a_published_tokenizer_leaves_only_the_size_of_the_vocabulary_open(copied: Path) -> None:
    """Its size is on the Hub alone; layers, plans and findings do not depend on it."""
    project = copied / "forgather" / "workspace" / "llama"
    config = project / "templates" / "configs" / "small.yaml"
    head, _, _ = config.read_text("utf-8").partition("tokenizer: &tokenizer")
    config.write_text(head + PUBLISHED, "utf-8")
    whole, part = (
        json.loads(run("structure", each, "-t", "small.yaml", "--output-format=json").stdout)
        for each in (WORKSPACE / "llama", project)
    )
    keys = ("name", "class")
    assert [[m[k] for k in keys] for m in part["modules"]] == [
        [m[k] for k in keys] for m in whole["modules"]
    ]
    changed = {
        old["name"]: (old["shape"], new["shape"])
        for old, new in zip(whole["parameters"], part["parameters"], strict=True)
        if old != new
    }
    assert changed == {
        "causal_lm.input_encoder.embedding.weight": ([256, 256], [None, 256]),
        "lm_head.weight": ([256, 256], [None, 256]),
    }
    text = run("structure", project, "-t", "small.yaml", "--params").stdout
    assert "weight [?, 256]" in text
    assert "FGL405" not in lint(project).stdout


def test_the_plan_of_a_configuration_points_at_its_template() -> None:
    result = run("plan", WORKSPACE / "llama", "--output-format=json")
    places = {Path(row["location"].rsplit(":", 2)[0]).name for row in json.loads(result.stdout)}
    assert places == {"dynamic_llama.yaml"}


def test_the_matrix_of_a_configuration_points_at_its_template() -> None:
    sizes = ("--target=vllm==0.13", "-tp", "3", "-pp", "1")
    result = run("matrix", WORKSPACE / "llama", *sizes, "--output-format=json")
    (cell,) = json.loads(result.stdout)
    assert cell["verdict"] == "fails"
    assert Path(cell["location"].rsplit(":", 2)[0]).name == "hf_causal.py"


def test_an_unknown_configuration_exits_2_and_names_those_there_are() -> None:
    result = run("structure", WORKSPACE / "llama", "-t", "gone.yaml")
    assert result.exit_code == 2
    assert "there are: small.yaml, wide.yaml" in result.stderr


def test_a_project_without_configurations_is_told(tmp_path: Path) -> None:
    """Linting it is no error, as for a folder without models; a verb about one model ends."""
    write_project(tmp_path, {})
    linted = lint(tmp_path)
    assert (linted.exit_code, linted.stdout) == (0, "0 models checked.\n")
    assert linted.stderr == "warning: no model found, 0 models checked\n"
    for verb in ("structure", "plan", "matrix"):
        result = run(verb, tmp_path)
        assert result.exit_code == 2
        assert result.stderr == f"Error: {tmp_path}: the project has no configurations\n"


def test_an_inferred_plan_can_be_pasted_into_a_template(copied: Path) -> None:
    change(copied / LLAMA, *DEAD_PLAN)
    project = copied / "forgather" / "workspace" / "llama"
    inferred = run("plan", project, "--infer", "--output-format=template")
    assert inferred.exit_code == 0, inferred.output
    config = project / "templates" / "configs" / "small.yaml"
    block = inferred.stdout.replace("    == super()\n", "    == super()\n    tp_plan: null\n")
    config.write_text(config.read_text("utf-8") + "\n" + block, "utf-8")
    plan = json.loads(run("plan", project, "--output-format=json").stdout)
    assert {row["style"] for row in plan} >= {"column", "row"}
    assert {Path(row["location"].rsplit(":", 2)[0]).name for row in plan} == {"small.yaml"}


def test_projects_are_found_where_they_lie() -> None:
    names = [candidate.folder.name for candidate in find_projects(FIXTURES)]
    assert names == ["syntax", "llama", "post_norm", "tokenizer"]
    assert not is_project(FIXTURES / "checkout")
    config = WORKSPACE / "llama" / "templates" / "configs" / "wide.yaml"
    (candidate,) = find_projects(config)
    assert (candidate.folder, candidate.template) == (WORKSPACE / "llama", config)
