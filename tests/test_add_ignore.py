"""`check --add-ignore`: the comments silence what was found, and change nothing else."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from tests.fixture_models import copy_model
from tests.test_cli import PLAN, lint


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return copy_model("broken_llama", tmp_path)


def add(model: Path, *options: str) -> tuple[int, str]:
    result = lint("check", "--isolated", model, "--add-ignore", *options)
    return result.exit_code, result.stdout + result.stderr


def texts(model: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(model.iterdir()) if file.is_file()}


def test_what_is_found_is_silenced_and_nothing_else_changes(model: Path) -> None:
    before = texts(model)
    code, said = add(model)
    assert code == 0, said
    assert "Silenced " in said
    after = texts(model)
    for name in before:
        if name.endswith(".py"):
            assert ast.dump(ast.parse(after[name])) == ast.dump(ast.parse(before[name]))
    checked = lint("check", "--isolated", model)
    assert checked.exit_code == 0, checked.stdout
    assert "FGL901" not in checked.stdout


def test_a_second_time_nothing_is_added(model: Path) -> None:
    add(model)
    before = texts(model)
    code, said = add(model)
    assert (code, texts(model)) == (0, before)
    assert "Silenced 0 findings in 0 files." in said


def test_a_comment_that_is_there_is_widened(model: Path) -> None:
    file = model / PLAN
    line = '"layers.*.self_attn.q_proj": "colwise",'
    text = file.read_text("utf-8")
    file.write_text(text.replace(line, f"{line}  # forgather-lint: ignore[FGL110] why"), "utf-8")
    add(model, "--select=FGL101")
    (found,) = (one for one in file.read_text("utf-8").splitlines() if line in one)
    assert found.endswith(f"{line}  # forgather-lint: ignore[FGL110, FGL101] why")


def test_line_ends_stay(model: Path) -> None:
    file = model / PLAN
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert add(model)[0] == 0
    content = file.read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n")
    assert b"ignore[FGL101]\r\n" in content


def test_within_a_string_of_several_lines_the_comment_stands_above(model: Path) -> None:
    file = model / PLAN
    text = file.read_text("utf-8")
    line = '"layers.*.self_attn.q_proj": "colwise",'
    file.write_text(text.replace(line, '"layers.*.self_attn.q_proj": \\\n  "colwise",'), "utf-8")
    code, said = add(model, "--select=FGL101")
    assert code == 0, said
    lines = file.read_text("utf-8").splitlines()
    row = next(row for row, each in enumerate(lines) if each.endswith('q_proj": \\'))
    assert lines[row - 1].strip() == "# forgather-lint: ignore[FGL101]"


def test_a_json_file_is_silenced_beside_it(tmp_path: Path) -> None:
    model = copy_model("hf_llama", tmp_path)
    config = model / "config.json"
    values = json.loads(config.read_text("utf-8"))
    del values["architectures"]
    config.write_text(json.dumps(values, indent=2), "utf-8")
    before = config.read_bytes()
    found = lint("check", "--isolated", model, "--output-format=json").stdout
    codes = {one["code"] for one in json.loads(found) if one["filename"] == str(config)}
    code, said = add(model)
    assert (code, config.read_bytes()) == (0, before), said
    beside = (model / "config.json.forgather-lint").read_text("utf-8")
    assert codes
    assert beside == "".join(f"# forgather-lint: file-ignore[{code}]\n" for code in sorted(codes))
    again = add(model)
    assert again == (0, "Silenced 0 findings in 0 files.\n")
    assert lint("check", "--isolated", model).exit_code == 0


def test_diff_writes_nothing(model: Path) -> None:
    before = texts(model)
    code, said = add(model, "--diff")
    assert (code, texts(model)) == (1, before)
    assert '"colwise",  # forgather-lint: ignore[FGL101]' in said


def test_a_link_is_not_written_through(model: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.py"
    (model / PLAN).rename(elsewhere)
    (model / PLAN).symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    code, said = add(model, "--select=FGL101")
    assert (code, elsewhere.read_bytes()) == (1, before)
    assert "FGL101 is not ignored: " in said
