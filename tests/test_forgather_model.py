"""A model rendered from templates is the model that Forgather generates."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from forgather_lint.core.diagnostics import (
    Applicability,
    Diagnostic,
    ResolvedEdit,
    ResolvedFix,
    Severity,
)
from forgather_lint.core.settings import SettingsError
from forgather_lint.core.source import Position, Span
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.documents.single_file import single_model
from forgather_lint.facts import Structure
from forgather_lint.forgather.configuration import read_configuration
from forgather_lint.forgather.library import TemplateLibrary
from forgather_lint.forgather.model import RenderedModel, render_model
from forgather_lint.forgather.project import read_project
from forgather_lint.forgather.single import single_configuration
from forgather_lint.forgather.virtual import Relocation, model_input
from forgather_lint.model.analysis import Built, build_tree, builder_of
from tests.forgather_projects import FIXTURES, WORKSPACE, fixture_project, write_project

MODELS = FIXTURES.parent / "models"


def fixture_model(project: str, config: str) -> RenderedModel:
    model = render_model(fixture_project(project), config)
    assert isinstance(model, RenderedModel)
    return model


def structure_of(model: ModelInput, entry: str | None = None) -> Structure:
    built = build_tree(builder_of(model), entry)
    assert isinstance(built, Built)
    return built.structure


def shown(structure: Structure) -> dict[str, tuple[str, tuple[int | None, ...] | None]]:
    """Every module by class, every parameter and buffer by shape."""
    modules = {module.name: (module.cls, None) for module in structure.modules}
    tensors = (*structure.parameters, *structure.buffers)
    return {**modules, **{f"{tensor.name} ": ("", tensor.shape) for tensor in tensors}}


@pytest.mark.parametrize("entry", [None, "AutoModel"])
def test_the_tree_from_templates_is_that_of_the_generated_directory(entry: str | None) -> None:
    rendered = structure_of(model_input(fixture_model("llama", "small.yaml")), entry)
    generated = structure_of(single_model(MODELS / "forgather_llama"), entry)
    assert shown(rendered) == shown(generated)
    assert rendered.unknowns == generated.unknowns == ()


def test_the_configuration_is_that_of_the_generated_directory() -> None:
    generated = json.loads((MODELS / "forgather_llama" / "config.json").read_text("utf-8"))
    model = fixture_model("llama", "small.yaml")
    assert model.config == generated
    assert model.undecided == {}


def test_the_files_are_the_generated_one_and_the_parts_it_imports() -> None:
    files = fixture_model("llama", "small.yaml").files
    places = (MODELS / "forgather_llama").iterdir()
    generated = {path.name for path in places if path.suffix in (".py", ".json")}
    assert files.keys() == generated
    assert ast.parse(files["llama.py"])


def test_a_configuration_that_replaces_layers_has_the_new_ones() -> None:
    model = fixture_model("post_norm", "post_norm.yaml")
    assert "post_ln_layer.py" in model.files
    assert "pre_ln_layer.py" not in model.files
    classes = {module.cls for module in structure_of(model_input(model)).modules}
    assert "PostLNLayer" in classes
    assert "PreLNLayer" not in classes


def test_arguments_of_the_command_line_reach_the_model() -> None:
    model = render_model(fixture_project("llama"), "small.yaml", {"hidden_size": 128})
    assert isinstance(model, RenderedModel)
    assert model.config["hidden_size"] == 128


IMPORTING = """\
model_dict: !call:forgather:from_project
    project_dir: "{{ joinpath(workspace_root, 'source') }}"
    config_template: "made.yaml"
    targets: [ "pretrained_tokenizer", "model" ]
    pp_kwargs:
        width: 96
"""

MADE = """\
-- set out = joinpath(project_dir, 'output_models', 'made')
factory: &factory !dict:@factory
    head: !partial:torch.nn:Linear [ !var "hidden_size", 8 ]
writer: &writer !singleton:forgather.ml.construct:write_file
    output_file: "{{ out }}/made.py"
    return_value: "written"
    data: !meta:forgather.codegen:generate_code
        searchpath: "{{ joinpath(project_dir, 'templates') }}"
        template_name: "code.py"
        obj: *factory
tokenizer: &tokenizer !call:transformers:AutoTokenizer.from_pretrained
    arg0: "some/where"
    model_max_length: 4096
config: !singleton:made:Config
    auto_map: { AutoConfig: "made.Config" }
    code_generator: *writer
    hidden_size: {{ width | toyaml(64) }}
    vocab_size: !call:len [ *tokenizer ]
    max_position_embeddings: !call:getattr [ *tokenizer, "model_max_length" ]
    pad_token_id: !call:getattr [ *tokenizer, "pad_token_id" ]
    made_by: [ !call:some:thing [], 1 ]
"""


def test_a_model_taken_from_another_project_is_that_projects(tmp_path: Path) -> None:
    write_project(tmp_path, {"configs/importing.yaml": IMPORTING})
    write_project(tmp_path / "source", {"configs/made.yaml": MADE, "code.py": "x = 1\n"})
    (tmp_path / "source" / "forgather_workspace" / "README.md").unlink()
    (tmp_path / "source" / "forgather_workspace").rmdir()
    model = render_model(read_project(tmp_path, TemplateLibrary()), "importing.yaml")
    assert isinstance(model, RenderedModel)
    assert model.project.path == tmp_path / "source"
    assert model.config["hidden_size"] == 96


def test_what_only_running_forgather_tells_is_undecided(tmp_path: Path) -> None:
    project = write_project(tmp_path, {"configs/made.yaml": MADE, "code.py": "x = 1\n"})
    model = render_model(project, "made.yaml")
    assert isinstance(model, RenderedModel)
    assert model.config["max_position_embeddings"] == 4096
    assert model.config["code_generator"] == "written"
    assert model.undecided == {
        "vocab_size": "size of a published tokenizer",
        "pad_token_id": "tokenizer.pad_token_id",
        "made_by": "a part of the value is undecided",
    }


def span_of(model: RenderedModel, text: str) -> Span:
    """Where `text` stands in the generated file."""
    lines = model.files[model.main_file].split("\n")
    row = next(number for number, line in enumerate(lines, 1) if text in line)
    column = lines[row - 1].index(text) + 1
    path = str(model.project.path / model.output_folder / model.main_file)
    return Span(path, Position(row, column), Position(row, column + len(text)))


def finding(span: Span, fix: ResolvedFix | None = None) -> Diagnostic:
    return Diagnostic(span, "FGL101", "message", "name", Severity.ERROR, fix=fix)


def moved(model: RenderedModel, text: str) -> tuple[str, str, str]:
    """The template's name, the row, and the part of it that `text` of the generated file is."""
    span = Relocation(model)(finding(span_of(model, text))).span
    line = Path(span.path).read_text("utf-8").splitlines()[span.start.row - 1]
    told = line[span.start.column - 1 : span.end.column - 1]
    return Path(span.path).name, line.strip(), told


GATE = "causal_lm.layer_stack.layers.*.feedforward.gate_proj"


@pytest.mark.parametrize(
    ("text", "template", "row", "told"),
    [
        (f"'{GATE}'", "dynamic_llama.yaml", f'"{GATE}": "colwise"', f'"{GATE}"'),
        (
            "['hidden_states', 'attention_mask']",
            "post_norm.yaml",
            '- ["hidden_states", "attention_mask"]',
            '- ["hidden_states", "attention_mask"]',
        ),
        (
            "'PostLNLayer'",
            "post_norm.yaml",
            'no_split_modules: ["PostLNLayer"]',
            '"PostLNLayer"',
        ),
        (
            "d_feedforward=",
            "dynamic_llama.yaml",
            'd_feedforward: !var "intermediate_size"',
            'd_feedforward: !var "intermediate_size"',
        ),
        (
            "post_norm_factory=",
            "post_norm.yaml",
            "post_norm_factory: null",
            "post_norm_factory: null",
        ),
        (
            "class ProxyModuleList",
            "hf_causal.py",
            "class ProxyModuleList(nn.ModuleList):",
            "class ProxyModuleList",
        ),
    ],
)
def test_generated_text_leads_to_its_template_line(
    text: str, template: str, row: str, told: str
) -> None:
    assert moved(fixture_model("post_norm", "post_norm.yaml"), text) == (template, row, told)


def test_a_finding_in_an_inherited_line_shows_the_chain() -> None:
    model = fixture_model("post_norm", "post_norm.yaml")
    told = Relocation(model)(finding(span_of(model, "feedforward.gate_proj'")))
    assert [(label.text, Path(label.span.path).name) for label in told.related] == [
        ("this extends `models/transformers/dynamic_llama.yaml`", "small.yaml"),
        ("this extends `small.model`", "post_norm.yaml"),
        ("this includes `post_norm.model`", "post_norm.yaml"),
    ]


def test_a_value_of_the_configuration_leads_to_its_key() -> None:
    model = fixture_model("llama", "wide.yaml")
    lines = model.files["config.json"].splitlines()
    row = next(number for number, line in enumerate(lines, 1) if '"hidden_size"' in line)
    path = str(model.project.path / model.output_folder / "config.json")
    told = Relocation(model)(finding(Span(path, Position(row, 3), Position(row, 16))))
    assert Path(told.span.path).name == "wide.yaml"
    assert told.span.start.row == 17


def test_a_finding_in_a_part_stays_where_it_is() -> None:
    model = fixture_model("llama", "small.yaml")
    span = Span(str(model.paths["causal_lm.py"]), Position(3, 1), Position(3, 5))
    assert Relocation(model)(finding(span)).span == span


@pytest.mark.parametrize(
    ("text", "content", "kept"),
    [
        ("'colwise', 'causal_lm.layer_stack.layers.*.attention.key_linear'", '"x"', False),
        ("'causal_lm.layer_stack.layers.*.attention.key_linear'", '"other.name"', True),
        ("'causal_lm.layer_stack.layers.*.attention.key_linear'", '"a", "b": "c"', False),
    ],
)
def test_a_fix_survives_only_where_it_is_sure_in_the_template(
    text: str, content: str, kept: bool
) -> None:
    model = fixture_model("llama", "small.yaml")
    edit = ResolvedEdit(span_of(model, text), content)
    fix = ResolvedFix("Rename", (edit,), Applicability.UNSAFE)
    told = Relocation(model)(finding(edit.span, fix))
    assert (told.fix is not None) is kept
    if told.fix:
        (moved_edit,) = told.fix.edits
        assert moved_edit.span.path.endswith("dynamic_llama.yaml")
        assert moved_edit.content == content


def test_a_configuration_without_a_model_has_none() -> None:
    reading = read_configuration(fixture_project("tokenizer"), "small.yaml")
    assert reading.model is None
    assert reading.facts.faults == ()


def test_a_single_model_is_named_by_project_and_configuration() -> None:
    default = single_configuration(WORKSPACE / "llama")
    by_name = single_configuration(WORKSPACE / "llama", "wide.yaml")
    by_file = single_configuration(WORKSPACE / "llama/templates/configs/wide.yaml")
    assert default.config["hidden_size"] == 256
    assert by_name.config == by_file.config
    assert by_name.config["hidden_size"] == 512


@pytest.mark.parametrize(
    ("path", "config", "says"),
    [
        ("llama", "gone.yaml", "there are: small.yaml, wide.yaml"),
        ("tokenizer", None, "small.yaml generates no model"),
        (".", None, "3 projects; name one of them"),
        ("../checkout", None, "no project"),
    ],
)
def test_what_is_no_single_model_is_said(path: str, config: str | None, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        single_configuration(WORKSPACE / path, config)
