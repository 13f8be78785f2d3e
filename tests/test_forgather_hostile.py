"""Templates from strangers: refused with a reason, nothing outside is read, time is bounded."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from forgather_lint.facts.templates import FaultKind
from forgather_lint.forgather.configuration import read_configuration
from forgather_lint.forgather.document import read_document
from forgather_lint.forgather.library import TemplateLibrary
from forgather_lint.forgather.project import read_project
from tests.forgather_projects import META, render_text, write_project

SECONDS = 5.0

BOMBS = {
    "attribute of a class": "{{ ''.__class__.__mro__ }}",
    "attribute by filter": "{{ '' | attr('__class__') }}",
    "attribute by map": "{{ [''] | map(attribute='__class__') | list }}",
    "attribute in a format": "{{ '{0.__class__}'.format('') }}",
    "globals of a function": "{{ joinpath.__globals__ }}",
    "context of the template": "{{ self._TemplateReference__context }}",
    "a class to call": "{{ now().__class__(1, 1, 1) }}",
    "range": "{% for i in range(10**9) %}{% endfor %}",
    "nested loops": "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
    "long loop with output": "{% for i in range(9999) %}{{ 'x' * 9999 }}{% endfor %}",
    "repetition": "{{ 'x' * 10**9 }}",
    "wrapping": "x: {{ ('a ' * 100000) | wordwrap(3) | wordcount }}\n" * 400,
    "pretty printing": "x: {{ ('a ' * 100000) | pprint | length }}\n" * 400,
    "sorting": "x: {{ ('ab' * 5000) | list | sort | length }}\n" * 400,
    "statements": "-- set a = 1\n" * 35_000,
    "repeated list": "{{ [1] * 10**9 }}",
    "power": "{{ 10 ** (10 ** 10) }}",
    "product": "{% set ns = namespace(x=9**999) %}{% for i in range(99) %}"
    "{% set ns.x = ns.x * ns.x %}{% endfor %}",
    "doubling by +": "{% set ns = namespace(x='ab') %}{% for i in range(99) %}"
    "{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "doubling by ~": "{% set ns = namespace(x='ab') %}{% for i in range(99) %}"
    "{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "doubling by join": "{% set ns = namespace(x='ab') %}{% for i in range(99) %}"
    "{% set ns.x = [ns.x, ns.x] | join %}{% endfor %}",
    "doubling by format": "{% set ns = namespace(x='ab') %}{% for i in range(99) %}"
    "{% set ns.x = '%s%s' % (ns.x, ns.x) %}{% endfor %}{{ ns.x }}",
    "doubling by a block": "{% set x = 'ab' %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 99,
    "list of lists": "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}"
    "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
    "list of itself": "{% set x = [1] %}{% if x.append(x) %}{% endif %}{{ x }}",
    "namespaces": "{% set ns = namespace(x=1) %}{% for i in range(99) %}"
    "{% set ns.x = namespace(a=ns.x, b=ns.x) %}{% endfor %}{{ ns.x }}",
    "centre": "{{ 'x'.center(10**9) }}",
    "centre by filter": "{{ 'x' | center(10**9) }}",
    "indentation": "{{ ('x\n' * 9999) | indent(10**6) }}",
    "zeros": "{{ '1'.zfill(10**9) }}",
    "tabs": "{{ ('\t' * 999).expandtabs(10**8) }}",
    "replacement": "{{ ('x' * 99999).replace('x', 'y' * 99999) }}",
    "separator": "{{ ('y' * 99999).join('x' * 99999) }}",
    "wide format": "{{ '%1000000000d' % 1 }}",
    "wide format by star": "{{ '%*d' % (10**9, 1) }}",
    "wide format method": "{{ '{:>1000000000}'.format('') }}",
    "nested format field": "{{ '{:>{w}}'.format('', w=10**9) }}",
    "rounding": "{{ 1.5 | round(10**9, 'ceil') }}",
    "time format": "{{ now().strftime('%1000000000Y') }}",
    "include of itself": "-- include 'config.yaml'",
    "recursive macro": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "endless parents": "-- extends 'config.yaml'",
    "brackets": "{{ " + "(" * 9999 + ")" * 9999 + " }}",
    "nested ifs": "{% if 1 %}" * 999 + "{% endif %}" * 999,
    "sum of lists": "{{ range(9999) | map('string') | map('list') | sum(start=[]) }}" * 50,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_in_a_fault_within_bounds(name: str, tmp_path: Path) -> None:
    started = time.process_time()
    rendering = render_text(tmp_path, f"safe: 1\n{BOMBS[name]}\n")
    assert time.process_time() - started < SECONDS
    assert rendering.ended is not None
    assert rendering.ended.message


@pytest.mark.parametrize("name", ["attribute of a class", "range", "repetition", "nested loops"])
def test_the_refusal_stands_at_the_line_of_the_bomb(name: str, tmp_path: Path) -> None:
    rendering = render_text(tmp_path, f"## one\nsafe: 1\n{BOMBS[name]}\n")
    assert rendering.ended is not None
    assert rendering.ended.kind is FaultKind.REFUSED
    assert rendering.ended.where.span.start.row == 3


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../secret.yaml", "a/../../secret.yaml", "..\\secret.yaml", "a\0b"]
)
def test_no_file_outside_the_search_path_is_included(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("secret: 1\n")
    project = write_project(
        tmp_path / "workspace", {"configs/a.yaml": f"x: 1\n-- include {name!r}\n"}
    )
    rendering = project.render("a.yaml")
    assert [load.found for load in rendering.loads] == [False]
    assert "secret" not in rendering.text
    assert "root:" not in rendering.text


def test_a_link_out_of_the_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("secret: 1\n")
    folder = tmp_path / "workspace"
    write_project(folder, {"configs/a.yaml": "-- include 'linked.yaml'\n"})
    (folder / "templates" / "linked.yaml").symlink_to(tmp_path / "secret.yaml")
    rendering = read_project(folder, TemplateLibrary()).render("a.yaml")
    assert rendering.ended is not None
    assert rendering.ended.kind is FaultKind.REFUSED
    assert "linked.yaml" in rendering.ended.message


@pytest.mark.parametrize("folder", ["../..", "/etc", "{{ user_home_dir() }}", "link"])
def test_a_search_folder_outside_the_workspace_is_refused(folder: str, tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "link").symlink_to(tmp_path)
    meta = META.replace("name:", f'    - "{folder}"\nname:')
    project = write_project(tmp_path / "workspace", {"configs/a.yaml": "x: 1\n"}, meta)
    assert [fault.kind for fault in project.refused] == [FaultKind.REFUSED]
    assert project.refused[0].where.span.start.row == 3
    assert [path.name for path in project.folders] == ["templates"]


@pytest.mark.parametrize("prefix", ["../../elsewhere", "{{ user_home_dir() }}"])
def test_configurations_outside_the_workspace_are_refused(prefix: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.yaml").write_text("a: 1\n", "utf-8")
    meta = META + f'config_prefix: "{prefix}"\n'
    project = write_project(tmp_path / "project", {"configs/a.yaml": "a: 1\n"}, meta)
    assert project.configs == ()
    assert [(each.kind, each.where.span.start.row) for each in project.refused] == [
        (FaultKind.REFUSED, 4)
    ]


def test_a_checkout_of_forgather_elsewhere_may_be_searched(tmp_path: Path) -> None:
    landmark = tmp_path / "forgather" / "templatelib" / "base" / "config_type.yaml"
    landmark.parent.mkdir(parents=True)
    landmark.write_text("from: the checkout\n")
    meta = META.replace("name:", f'    - "{landmark.parent}"\nname:')
    templates = {"configs/a.yaml": "-- include 'config_type.yaml'\n"}
    project = write_project(tmp_path / "workspace", templates, meta)
    assert project.refused == ()
    assert project.render("a.yaml").text == "from: the checkout"


ALIAS_BOMB = "\n".join(
    ["a0: &a0 [1, 2]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))]
)

YAML_BOMBS = {
    "brackets": "[" * 100_000,
    "indentation": "".join("  " * depth + "a:\n" for depth in range(2_000)),
    "dashes": "- " * 100_000,
    "a list in itself": "a: &a [*a]",
    "merged mappings": "b0: &b0 {x: 1}\n"
    + "\n".join(f"b{n}: &b{n} {{<<: [*b{n - 1}, *b{n - 1}], y{n}: 1}}" for n in range(1, 99)),
    "a mapping merged often": "b: &b {"
    + ", ".join(f"k{n}: 1" for n in range(5_000))
    + "}\nc: {<<: ["
    + ", ".join(["*b"] * 20_000)
    + "]}",
    "many values": "a: [" + "1," * 90_000 + "]",
    "aliases of aliases": ALIAS_BOMB,
}


@pytest.mark.parametrize("name", YAML_BOMBS)
def test_yaml_is_composed_within_bounds(name: str, tmp_path: Path) -> None:
    started = time.process_time()
    document = read_document(render_text(tmp_path, YAML_BOMBS[name]))
    assert time.process_time() - started < SECONDS
    assert document.fault is not None


def test_aliases_of_aliases_do_not_explode(tmp_path: Path) -> None:
    text = ALIAS_BOMB + "\n" + GENERATOR
    project = write_project(tmp_path, {"configs/a.yaml": text, "code.py": "x = {{ main_body }}\n"})
    started = time.process_time()
    reading = read_configuration(project, "a.yaml")
    assert time.process_time() - started < SECONDS
    assert [fault.kind for fault in reading.facts.faults] == [FaultKind.REFUSED]
    assert "aliases" in reading.facts.faults[0].message


GENERATOR = """\
writer: !singleton:forgather.ml.construct:write_file
    output_file: "{{ joinpath(project_dir, 'out', 'model.py') }}"
    data: !meta:forgather.codegen:generate_code
        searchpath: "{{ joinpath(project_dir, 'templates') }}"
        template_name: "code.py"
        obj: *a29
"""


def test_an_alias_bomb_is_refused_where_it_grows_too_large(tmp_path: Path) -> None:
    fault = read_document(render_text(tmp_path, ALIAS_BOMB)).fault
    assert fault is not None
    assert (fault.kind, fault.where.span.start.row) == (FaultKind.REFUSED, 7)


@pytest.mark.parametrize("tag", ["!!python/object:os.system {}", "!!python/name:os.system ''"])
def test_no_constructor_of_python_objects_runs(tag: str, tmp_path: Path) -> None:
    document = read_document(render_text(tmp_path, f"a: 1\nb: {tag}\n"))
    assert document.fault is not None
    assert document.fault.kind is FaultKind.GRAPH
    assert "could not determine a constructor" in document.fault.message
    assert document.fault.where.span.start.row == 2


def test_a_template_that_is_too_large_or_no_text_is_refused(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        {"big.yaml": "# x\n" * 200_000, "configs/a.yaml": "-- include 'big.yaml'\n"},
    )
    assert "larger than" in str(project.render("a.yaml").ended)
    (tmp_path / "templates" / "big.yaml").write_bytes(b"a: \xff\xfe\n")
    again = read_project(tmp_path, TemplateLibrary()).render("a.yaml")
    assert "not UTF-8" in str(again.ended)


def test_projects_that_take_their_models_from_each_other_come_to_an_end(tmp_path: Path) -> None:
    text = (
        "m: !call:forgather:from_project\n"
        '    project_dir: "{{ project_dir }}"\n'
        '    config_template: "a.yaml"\n'
        '    targets: [ "model" ]\n'
    )
    reading = read_configuration(write_project(tmp_path, {"configs/a.yaml": text}), "a.yaml")
    assert [fault.kind for fault in reading.facts.faults] == [FaultKind.REFUSED]


def test_a_code_template_outside_the_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("secret = 1\n")
    text = GENERATOR.replace("*a29", "1").replace("project_dir, 'templates'", "project_dir, '..'")
    project = write_project(tmp_path / "workspace", {"configs/a.yaml": text})
    reading = read_configuration(project, "a.yaml")
    assert [fault.kind for fault in reading.facts.faults] == [FaultKind.REFUSED]
    assert reading.model is None
