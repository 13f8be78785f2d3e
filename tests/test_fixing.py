"""`check --fix`: what it writes, what it says, and that every fix of every rule holds."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from forgather_lint.core.diagnostics import Applicability, Diagnostic, ResolvedEdit, ResolvedFix
from forgather_lint.core.diagnostics import Severity as Level
from forgather_lint.core.source import Lines, Position, Span
from forgather_lint.facts.sizes import SERVES
from forgather_lint.forgather.single import single_configuration
from forgather_lint.linting.fixes import applied, choose_fixes
from forgather_lint.linting.registry import builtin_rules
from forgather_lint.linting.report import ModelReport
from tests.cases import Case, read_cases
from tests.fixes_shown import CASES, SHOWN, fixed, shown, title
from tests.fixture_models import copy_model
from tests.snapshots import FIXTURES, FOLDER
from tests.test_cli import lint
from tools.modelsmith.model import write

PLAN = "configuration_broken_llama.py"
REVEALING = {"plans under the names of the guide": {"FGL601"}}
"""Cases in which a fix would show what else is wrong, so that it is not made."""


STORED = {text.splitlines()[0]: text for text in re.split(r"\n(?=## )", SHOWN.read_text("utf-8"))}
"""What every fix makes, by the case in which it is made."""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_fix_holds(case: Case, tmp_path: Path) -> None:
    """The finding is gone, nothing is gained, no size is lost, a second run changes nothing.

    What is made, and the verdict before and after, is what is stored.
    """
    made = fixed(case, tmp_path.resolve() / FOLDER)
    kept_back = {found.code: why for found, why in made.outcome.kept_back}
    assert kept_back.keys() == REVEALING.get(case.name, set())
    left = [each for report in made.after for each in report.diagnostics]
    assert {each.code for each in left if each.fix} == kept_back.keys()
    gained = {(x.code, x.span.path) for x in left if x.severity is not Level.INFO} - {
        (x.code, x.span.path) for report in made.before for x in report.diagnostics
    }
    assert gained == set()
    assert serving(made.before) <= serving(made.after)
    assert shown(case, made).rstrip() == STORED[title(case)].rstrip(), (
        "python -m tests.fixes_shown; then look at the diff"
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_fix_keeps_the_ends_of_lines(case: Case, tmp_path: Path) -> None:
    """In a text whose lines end otherwise the same is made, and ends so too."""
    made = fixed(case, tmp_path.resolve() / FOLDER, b"\r\n")
    assert shown(case, made).rstrip() == STORED[title(case)].rstrip()
    for change in made.changes:
        assert "\n" not in change.after.replace("\r\n", "")


def serving(reports: tuple[ModelReport, ...]) -> set[tuple[str, tuple[int, int]]]:
    """Which release serves at which sizes."""
    verdicts = [each for report in reports for each in report.verdicts]
    return {(str(each.target), size) for each in verdicts for size in each.at(SERVES)}


def test_what_is_stored_of_fixes_belongs_to_a_case() -> None:
    assert list(STORED) == [title(case) for case in CASES]


def test_unsafe_fixes_are_made_when_asked_for(tmp_path: Path) -> None:
    model = copy_model("broken_llama", tmp_path)
    before = (model / PLAN).read_text("utf-8").splitlines()
    offered = lint("check", model).stdout
    assert "[*] 1 fixable with the `--fix` option (1 hidden fix can be enabled" in offered
    assert offered.count("FGL101 [tp-pattern-matches-nothing] [*]") == 1
    assert "Fixed 1 finding." in lint("check", model, "--fix").stdout
    assert '        "layers.*.feedforward.gate_porj": "colwise",\n' in (model / PLAN).read_text(
        "utf-8"
    )
    result = lint("check", model, "--fix", "--unsafe-fixes")
    assert "Fixed 1 finding." in result.stdout
    assert "serves at 1, 2, 4, 8 ranks" in result.stdout.splitlines()[-1]
    after = (model / PLAN).read_text("utf-8").splitlines()
    assert '        "layers.*.attention.query_linear": "colwise",' in after
    assert len(set(after) - set(before)) == 5
    assert lint("check", model, "--fix-only", "--unsafe-fixes").stdout == "No fixes available.\n"


def test_a_diff_writes_nothing(tmp_path: Path) -> None:
    model = copy_model("broken_llama", tmp_path)
    before = (model / PLAN).read_bytes()
    result = lint("check", model, "--diff", "--unsafe-fixes")
    assert '\n-        "layers.*.self_attn.q_proj": "colwise",\n' in result.stdout
    assert '\n+        "layers.*.attention.query_linear": "colwise",\n' in result.stdout
    assert result.stderr == "Would fix 2 findings.\n"
    assert (model / PLAN).read_bytes() == before
    assert result.exit_code == 1
    assert "Would fix 1 finding." in lint("check", model, "--diff").stderr
    lint("check", model, "--fix", "--unsafe-fixes")
    assert lint("check", model, "--diff").exit_code == 0, "nothing is left to fix"


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["--fix"], 0),
        (["--fix", "--select=FGL2"], 1),
        (["--fix", "--exit-non-zero-on-fix"], 1),
        (["--fix-only"], 0),
        (["--fix-only", "--exit-non-zero-on-fix"], 1),
        (["--fix-only", "--exit-non-zero-on-fix", "--exit-zero"], 0),
    ],
)
def test_the_exit_code_is_that_of_ruff(
    tmp_path: Path, arguments: list[str], exit_code: int
) -> None:
    model = copy_model("broken_llama", tmp_path)
    result = lint("check", model, "--unsafe-fixes", *arguments)
    assert result.exit_code == exit_code


@pytest.mark.skipif(shutil.which("patch") is None, reason="no patch")
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_diff_can_be_applied(end: str, tmp_path: Path) -> None:
    """`patch` makes of it what `--fix` writes, tabs, ends of lines and a last line without one."""
    model = copy_model("broken_llama", tmp_path)
    plan = model / PLAN
    text = plan.read_text("utf-8").replace(
        '        "layers.*.self_attn.k', '\t"layers.*.self_attn.k'
    )
    plan.write_bytes(text.rstrip("\n").replace("\n", end).encode())
    asked = ("check", str(model), "--no-cache", "--unsafe-fixes", "--fix")
    said = lint(*asked, "--diff")
    assert '\t"layers.*.attention.key_linear' in said.stdout
    (tmp_path / "a.patch").write_bytes(said.stdout_bytes)
    patched = tmp_path / "patched.py"
    command = ["patch", "--binary", "-o", str(patched), str(plan), str(tmp_path / "a.patch")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    lint(*asked)
    assert patched.read_bytes() == plan.read_bytes()


def test_colours_are_no_text_of_the_diff(tmp_path: Path) -> None:
    model = copy_model("broken_llama", tmp_path)
    asked = ("check", str(model), "--no-cache", "--unsafe-fixes", "--diff", "--color", "always")
    said = lint(*asked).stdout
    assert '\x1b[32m+        "layers.*.attention.query_linear": "colwise",\x1b[0m' in said
    headings = [line for line in said.splitlines() if line.startswith("\x1b[1m")]
    assert [line[4:7] for line in headings] == ["---", "+++"]
    assert "\N{REPLACEMENT CHARACTER}" not in said


def test_what_was_fixed_is_named(tmp_path: Path) -> None:
    model = copy_model("broken_llama", tmp_path)
    result = lint("check", model, "--fix-only", "--unsafe-fixes", "--show-fixes")
    assert result.stdout == (
        f"Fixed 2 findings:\n- {model / PLAN}:\n    2 × FGL101 (tp-pattern-matches-nothing)\n"
    )
    other = copy_model("broken_llama", tmp_path / "other")
    told = lint("check", other, "--fix", "--unsafe-fixes", "--show-fixes").stdout
    assert told.count("Fixed 2 findings") == 1


def test_marks_and_ends_of_lines_stay(tmp_path: Path) -> None:
    model = copy_model("broken_llama", tmp_path)
    text = (model / PLAN).read_text("utf-8").replace("\n", "\r\n")
    (model / PLAN).write_bytes(b"\xef\xbb\xbf" + text.encode())
    (model / PLAN).chmod(0o640)
    lint("check", model, "--fix", "--unsafe-fixes")
    after = (model / PLAN).read_bytes()
    assert after.startswith(b"\xef\xbb\xbf")
    assert b"attention.query_linear" in after
    assert after.count(b"\r\n") == after.count(b"\n") == text.count("\r\n")
    assert (model / PLAN).stat().st_mode & 0o777 == 0o640
    assert list(model.glob(".*")) == [], "no file is left behind"


def test_no_file_is_written_through_a_link(tmp_path: Path) -> None:
    model = copy_model("broken_llama", tmp_path)
    elsewhere = tmp_path / "elsewhere.py"
    (model / PLAN).rename(elsewhere)
    (model / PLAN).symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    result = lint("check", model, "--fix", "--unsafe-fixes")
    assert "is not fixed" in result.stderr
    assert "is a link to another file" in result.stderr
    assert elsewhere.read_bytes() == before


def test_the_configuration_may_ask_for_fixes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = copy_model("broken_llama", tmp_path)
    (tmp_path / "forgather-lint.toml").write_text("fix = true\nunsafe-fixes = true\n")
    assert "Fixed" not in lint("check", model, "--no-fix").stdout
    assert "Fixed 2 findings." in lint("check", model).stdout


def finding(fix: ResolvedFix, code: str = "FGL101") -> Diagnostic:
    return Diagnostic(fix.edits[0].span, code, "message", "name", Level.ERROR, fix=fix)


def replacing(text: str, old: str, new: str) -> Diagnostic:
    start = text.index(old)
    edit = ResolvedEdit(Lines(text).span("a.py", start, start + len(old)), new)
    return finding(ResolvedFix("Replace", (edit,), Applicability.SAFE))


def test_fixes_that_touch_wait_for_the_next_round() -> None:
    text = "one two\r\nthrée four\rfive\x0csix\n"
    fixes = [replacing(text, *each) for each in (("two", "2"), ("two\r\nthrée", "-"), ("six", "6"))]
    choice = choose_fixes(fixes)
    assert choice.taken == [fixes[0], fixes[2]]
    assert applied(text, choice.edits["a.py"]) == "one 2\r\nthrée four\rfive\x0c6\n"


def test_positions_and_offsets_agree() -> None:
    text = "a\nbc\r\n\rd\u2028e\n"
    lines = Lines(text)
    assert [lines.offset(lines.position(at)) for at in range(len(text) + 1)] == [
        *range(len(text) + 1)
    ]
    assert lines.position(text.index("d")) == Position(4, 1)
    assert lines.span("f", 2, 4) == Span("f", Position(2, 1), Position(2, 3))


def test_every_rule_with_a_fix_says_how_safe_it_is() -> None:
    silent = [
        rule.code
        for rule in builtin_rules()
        if "fix=" in Path(rule.file).read_text("utf-8")
        and not any(
            word in " ".join(rule.page.split())
            for word in ("fix is safe because", "fix is unsafe because", "fix is safe where")
        )
    ]
    assert silent == []


def test_an_inferred_plan_is_written_where_the_plan_stands(tmp_path: Path) -> None:
    model = copy_model("hf_llama", tmp_path)
    file = model / "configuration_hf_llama.py"
    whole = file.read_text("utf-8")
    broken = whole.replace('        "layers.*.self_attn.k_proj": "colwise",\n', "")
    broken = broken.replace('gate_proj": "colwise",', 'gate_proj": "rowwise",  # a comment')
    broken = broken.replace('        "norm": (["hidden_states"], ["hidden_states"]),\n', "")
    file.write_text(broken, "utf-8")
    shown = lint("plan", model, "--infer", "--write", "--diff").stdout
    assert '\n+        "layers.*.self_attn.k_proj": "colwise",\n' in shown
    assert file.read_text("utf-8") == broken
    assert lint("plan", model, "--infer", "--write").stdout == f"wrote {file}\n"
    assert file.read_text("utf-8").replace("  # a comment", "") == whole
    again = lint("plan", model, "--infer", "--write")
    assert again.stdout == "the plan is the one that would be inferred\n"


@pytest.mark.parametrize("written", ["", " = None", ": dict = {}"])
def test_a_missing_plan_is_written_into_the_class(tmp_path: Path, written: str) -> None:
    model = copy_model("hf_llama", tmp_path)
    file = model / "configuration_hf_llama.py"
    whole = file.read_text("utf-8")
    for attribute in ("base_model_tp_plan", "base_model_pp_plan"):
        before, _, rest = whole.partition(f"    {attribute} = {{\n")
        line = f"    {attribute}{written}\n" if written else ""
        whole = before + line + rest.partition("    }\n")[2]
    file.write_text(whole, "utf-8")
    result = lint("check", model, "--fix", "--unsafe-fixes", "--show-fixes")
    assert "1 × FGL110 (no-tp-plan)" in result.stdout
    assert "1 × FGL311 (no-pp-plan)" in result.stdout
    assert "serves at 1, 2, 4, 8 ranks and 2, 4 stages" in result.stdout
    assert "    base_model_tp_plan" in file.read_text("utf-8")


def test_a_plan_that_is_inherited_from_transformers_is_written_into_the_class(
    tmp_path: Path,
) -> None:
    """The files of the library stay as they are, though the plan of `LlamaConfig` stands there."""
    model = write({"config": "llama", "names": "meta", "mistake": "no_plan"}, tmp_path / "model")
    (file,) = model.glob("configuration_*.py")
    assert "base_model_tp_plan" not in file.read_text("utf-8")
    assert lint("plan", model, "--infer", "--write").stdout == f"wrote {file}\n"
    written = file.read_text("utf-8")
    assert '    base_model_tp_plan = {\n        "layers.*.attention.wq": "colwise",\n' in written
    again = lint("plan", model, "--infer", "--write")
    assert again.stdout == "the plan is the one that would be inferred\n"


def test_a_plan_goes_to_config_json_where_it_stands(tmp_path: Path) -> None:
    styles = {"layers.*.self_attn.q_proj": "colwise", "layers.*.self_attn.o_proj": "rowwise"}
    model = copy_model("hf_llama", tmp_path, base_model_tp_plan=styles)
    before = (model / "config.json").read_text("utf-8")
    lint("plan", model, "--infer", "--write")
    after = (model / "config.json").read_text("utf-8")
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert '    "layers.*.self_attn.k_proj": "colwise",' in added
    assert [line for line in before.splitlines() if line.rstrip(",") not in after] == []
    assert json.loads(after)["base_model_tp_plan"].items() >= styles.items()


def test_a_plan_that_does_not_serve_is_written_by_force_alone(tmp_path: Path) -> None:
    model = copy_model("hf_llama", tmp_path)
    file, code = model / "configuration_hf_llama.py", model / "modeling_hf_llama.py"
    whole = file.read_text("utf-8")
    shorter = whole.replace('        "norm": (["hidden_states"], ["hidden_states"]),\n', "")
    file.write_text(shorter, "utf-8")
    scaled = code.read_text("utf-8").replace(
        "        hidden_states = inputs_embeds\n", "        hidden_states = inputs_embeds * 2\n"
    )
    code.write_text(scaled, "utf-8")  # each of the stages does so
    named = ("plan", model, "--infer", "--write", "--target", "vllm==0.32")
    refused = lint(*named)
    assert refused.exit_code == 2 and refused.stdout == ""
    assert refused.stderr.endswith(
        f"Error: {model}: vllm==0.32.0 answers something else with this plan on 2 stages: "
        "nothing is written without --force\n"
    )
    assert '+        "norm"' in lint(*named, "--diff").stdout
    assert file.read_text("utf-8") == shorter
    assert lint(*named, "--force").stdout == f"wrote {file}\n"
    assert file.read_text("utf-8") == whole


def test_force_goes_with_write(tmp_path: Path) -> None:
    result = lint("plan", tmp_path, "--infer", "--force")
    assert result.exit_code == 2 and "--force goes with --write" in result.stderr


def test_a_generated_plan_is_not_written(tmp_path: Path) -> None:
    result = lint("plan", tmp_path, "--write")
    assert "--write writes the plan that --infer computes" in result.stderr
    assert result.exit_code == 2


MISSPELT = """\
-- extends "model.yaml"

[model_code_generator]
    == super()
    base_model_tp_plan:
        "model.layer_stack.layers.*.feedforward.gate_proj": "colwise"  # a comment
        'layer_stack.layers.*.feedforward.down_proj': 'rowwise'
"""


def forgather_project(folder: Path) -> Path:
    """A project whose model has been generated, with a plan that is not right; its template."""
    suite = FIXTURES / "forgather" / "generated_model_stale.md"
    next(case for case in read_cases(suite) if case.name == "never generated").write(folder)
    template = folder / "templates" / "configs" / "tiny.yaml"
    template.write_text(MISSPELT, "utf-8")
    model = single_configuration(folder)
    output = folder / "output_models" / "tiny"
    output.mkdir(parents=True)
    for name, text in model.files.items():
        (output / name).write_text(text, "utf-8")
    return template


def test_a_template_is_fixed_in_its_own_spelling(tmp_path: Path) -> None:
    template = forgather_project(tmp_path)
    lint("check", template, "--fix", "--unsafe-fixes", "--select=FGL1")
    mended = MISSPELT.replace('"model.layer_stack', '"layer_stack')
    added = '        "layer_stack.layers.*.feedforward.up_proj": "colwise"'
    before, comment, after = mended.partition("  # a comment\n")
    assert template.read_text("utf-8") == f"{before}{comment}{added}\n{after}"


def test_a_generated_file_is_mended_in_its_template(tmp_path: Path) -> None:
    template = forgather_project(tmp_path)
    output = tmp_path / "output_models" / "tiny"
    before = {file: file.read_bytes() for file in output.iterdir()}
    found = [
        each
        for each in json.loads(lint("check", output, "--output-format=json").stdout)
        if each["code"] == "FGL101"
    ]
    assert [each["filename"] for each in found] == [str(output / "tiny.py")]
    assert "`tiny.py` is generated, change its source" in found[0]["help"]
    (edit,) = found[0]["fix"]["edits"]
    assert edit["filename"] == str(template)
    assert edit["location"] == {"row": 6, "column": 9}
    result = lint("check", output, "--fix", "--unsafe-fixes")
    assert f"FGL101 is not fixed: {template} lies outside of what was named" in result.stderr
    assert {file: file.read_bytes() for file in output.iterdir()} == before
    (output / "tiny.py").write_text((output / "tiny.py").read_text() + "# changed by hand\n")
    (stale,) = (
        each
        for each in json.loads(lint("check", output, "--output-format=json").stdout)
        if each["code"] == "FGL101"
    )
    assert stale["fix"] is None


def test_the_one_style_that_serves_is_written(tmp_path: Path) -> None:
    model = copy_model("hf_llama", tmp_path)
    file = model / "configuration_hf_llama.py"
    whole = file.read_text("utf-8")
    file.write_text(whole.replace('q_proj": "colwise"', 'q_proj": "rowwise"'), "utf-8")
    before = lint("check", model, "--target=vllm==0.13", "--unsafe-fixes").stdout
    assert "help: write `colwise` for `layers.*.self_attn.q_proj`" in before
    after = lint("check", model, "--target=vllm==0.13", "--fix", "--unsafe-fixes").stdout
    assert "Fixed 1 finding." in after
    assert "vLLM 0.13.0: serves at 1, 2, 4 ranks" in after.splitlines()[-1]
    assert file.read_text("utf-8") == whole
