"""Templates render as Forgather renders them, and every line knows where it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgather_lint.forgather.library import TemplateLibrary
from forgather_lint.forgather.project import read_project
from forgather_lint.forgather.render import Rendering
from forgather_lint.forgather.traced import TemplateLine, TextRun, Traced, indented, join, place
from tests.forgather_projects import FIXTURES, fixture_project, render_text, write_project

SYNTAX = FIXTURES / "syntax"
RECORDED = sorted(path.name for path in (SYNTAX / "rendered").iterdir())


@pytest.mark.parametrize("name", RECORDED)
def test_text_equals_what_forgather_recorded(name: str) -> None:
    rendering = read_project(SYNTAX, TemplateLibrary()).render(name)
    with (SYNTAX / "rendered" / name).open(encoding="utf-8", newline="") as recorded:
        assert rendering.text.plain == recorded.read()


def test_every_configuration_of_the_syntax_project_is_recorded() -> None:
    assert sorted(read_project(SYNTAX, TemplateLibrary()).configs) == RECORDED


def test_a_literal_line_stands_on_the_row_it_names() -> None:
    project = read_project(SYNTAX, TemplateLibrary())
    checked = 0
    for rendering in map(project.render, RECORDED):
        for line in filter(is_literal, rendering.text.lines()):
            span = rendering.place(line.origin_at(0)).span
            rows = Path(span.path).read_text("utf-8").splitlines()
            assert line.rstrip("\n") in rows[span.start.row - 1]
            checked += 1
    assert checked > 30


def is_literal(line: Traced) -> bool:
    """Whether the line was copied from one template as a whole."""
    runs = [run for run in line.runs if isinstance(run, TextRun)]
    return len(line.runs) == len(runs) == 1 and runs[0].literal and bool(line.strip())


def row_of(rendering: Rendering, text: str) -> tuple[str, int]:
    """File name and row of the template line that `text` stems from."""
    span = rendering.place(rendering.text.origin_at(rendering.text.index(text))).span
    return Path(span.path).name, span.start.row


def test_a_computed_value_is_placed_at_its_expression(tmp_path: Path) -> None:
    rendering = render_text(tmp_path, "## gone\n\n-- set x = 'a\\nb'\nkey: {{ x }}\nlast: 1\n")
    assert row_of(rendering, "a\nb") == ("config.yaml", 4)
    assert row_of(rendering, "b\nlast") == ("config.yaml", 4)
    assert row_of(rendering, "last") == ("config.yaml", 5)


def test_text_of_a_parent_is_placed_in_the_parent_and_the_chain_leads_back() -> None:
    rendering = fixture_project("llama").render("wide.yaml")
    assert row_of(rendering, "eps: !var") == ("dynamic_llama.yaml", 14)
    origin = rendering.text.origin_at(rendering.text.index("eps: !var"))
    chain = rendering.chain(origin)
    assert [step.text for step in chain] == [
        "extends `models/transformers/dynamic_llama.yaml`",
        "extends `small.model`",
        "includes `wide.model`",
    ]
    places = [(Path(step.where.span.path).name, step.where.span.start.row) for step in chain]
    assert places == [("small.yaml", 12), ("wide.yaml", 12), ("wide.yaml", 9)]


def test_a_place_covers_the_fragment_and_else_the_row(tmp_path: Path) -> None:
    rendering = render_text(tmp_path, "    key: 'some value'  \n")
    origin = rendering.text.origin_at(0)
    span = rendering.place(origin, "some").span
    assert (span.start, span.end) == ((1, 11), (1, 15))
    whole = rendering.place(origin, "not there").span
    assert (whole.start, whole.end) == ((1, 5), (1, 22))


def test_undefined_variables_are_values(tmp_path: Path) -> None:
    text = (
        "-- set ns = namespace()\na: {{ ns.gone }}\n-- if lost\n-- endif\nb: {{ lost + 1 }}\nc: 2\n"
    )
    rendering = render_text(tmp_path, text)
    assert rendering.ended is None
    assert "c: 2" in rendering.text
    assert [(use.message, use.origin) for use in rendering.undefined_uses] == [
        (
            "'jinja2.utils.Namespace object' has no attribute 'gone'",
            TemplateLine("config.yaml", 2),
        ),
        ("'lost' is undefined", TemplateLine("config.yaml", 3)),
        ("'lost' is undefined", TemplateLine("config.yaml", 5)),
    ]


def test_a_defined_test_and_a_default_are_no_uses(tmp_path: Path) -> None:
    rendering = render_text(tmp_path, "{{ a is defined }} {{ a | default(1) }} {{ a | toyaml(2) }}")
    assert rendering.text.plain == "False 1 2"
    assert rendering.undefined_uses == []


def test_a_missing_include_is_left_out_and_noted(tmp_path: Path) -> None:
    project = write_project(tmp_path, {"configs/a.yaml": "x: 1\n-- include 'gone.yaml'\ny: 2\n"})
    rendering = project.render("a.yaml")
    assert rendering.text.plain == "x: 1\ny: 2"
    assert [(load.name, load.kind, load.found) for load in rendering.loads] == [
        ("gone.yaml", "include", False)
    ]


def test_templates_of_one_file_are_known_once_it_is_loaded(tmp_path: Path) -> None:
    templates = {
        "parts.yaml": "-- include 'inner'\n#--- inner ---\ninner: 1\n",
        "configs/a.yaml": "-- include 'parts.yaml'\n-- include 'inner'\n",
    }
    rendering = write_project(tmp_path, templates).render("a.yaml")
    assert rendering.text.plain == "inner: 1inner: 1"
    assert row_of(rendering, "inner: 1") == ("parts.yaml", 3)


def test_traced_text_keeps_origins_when_it_is_cut_and_joined() -> None:
    text = place("one\ntwo\nthree", TemplateLine("t", 5), literal=True)
    joined = join(["> ", text.cut(4, 13), place("!", TemplateLine("u", 1))])
    assert joined == "> two\nthree!"
    found = [joined.origin_at(offset) for offset in (0, 2, 6, 11)]
    assert found == [None, TemplateLine("t", 6), TemplateLine("t", 7), TemplateLine("u", 1)]
    assert joined.origin_at(12) is None
    assert join(["a", text], ", ").origin_at(2) is None
    assert place("  x ", TemplateLine("t", 1)).trimmed().origin_at(0) == TemplateLine("t", 1)


def test_indenting_leaves_blank_lines_and_the_first_line_alone() -> None:
    text = place("a\n\nb\n", TemplateLine("t", 1), literal=True)
    made = indented(text, "    ")
    assert made == "a\n\n    b\n"
    assert isinstance(made, Traced)
    assert made.origin_at(made.index("b")) == TemplateLine("t", 3)
