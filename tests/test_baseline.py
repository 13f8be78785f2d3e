"""Findings that are known: what a baseline leaves out, and which of its entries are stale."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.fixture_models import copy_model
from tests.test_cli import PLAN, lint


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return copy_model("broken_llama", tmp_path)


def write(model: Path) -> int:
    """Write the baseline; how many findings it holds."""
    result = lint("check", "--isolated", model, "--write-baseline", "known.json")
    assert result.exit_code == 0
    written = re.fullmatch(r"Wrote (\d+) entries to known.json\.\n", result.stdout)
    assert written is not None
    return int(written[1])


def test_what_is_known_is_not_told_again(model: Path) -> None:
    number = write(model)
    result = lint("check", "--isolated", model, "--baseline", "known.json")
    assert result.exit_code == 0
    assert f"1 model, {number} in the baseline" in result.stdout
    assert result.stderr == ""
    assert lint("check", "--isolated", model).exit_code == 1


def test_the_baseline_does_not_claim_that_the_model_serves(model: Path) -> None:
    write(model)
    (model / "config.json").unlink()
    lint("check", "--isolated", model, "--write-baseline", "known.json")
    result = lint("check", "--isolated", model, "--baseline", "known.json")
    assert "All checks passed" not in result.stdout


def test_lines_may_move(model: Path) -> None:
    write(model)
    for file in model.glob("*.py"):
        file.write_text("# one\n# two\n\n" + file.read_text("utf-8"), "utf-8")
    result = lint("check", "--isolated", model, "--baseline", "known.json")
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_message_may_change_while_the_line_stays(model: Path) -> None:
    write(model)
    text = Path("known.json").read_text("utf-8").replace("matches no", "does not match any")
    Path("known.json").write_text(text, "utf-8")
    result = lint("check", "--isolated", model, "--baseline", "known.json")
    assert (result.exit_code, result.stderr) == (0, "")


def test_what_is_new_is_told(model: Path) -> None:
    write(model)
    file = model / PLAN
    text = file.read_text("utf-8").replace(
        '"layers.*.self_attn.q_proj": "colwise",',
        '"layers.*.self_attn.q_proj": "colwise",\n        "layers.*.nothing": "colwise",',
    )
    file.write_text(text, "utf-8")
    result = lint("check", "--isolated", model, "--baseline", "known.json", "--select=FGL101")
    assert result.exit_code == 1
    assert result.stdout.count(" FGL101 ") == 1
    assert "layers.*.nothing" in result.stdout


def test_entries_that_stand_for_nothing_are_told(model: Path) -> None:
    number = write(model)
    for file in model.glob("*.py"):
        file.unlink()
    copy_model("hf_llama", model.parent)
    for file in (model.parent / "hf_llama").glob("*"):
        (model / file.name).write_bytes(file.read_bytes())
    result = lint("check", "--isolated", model, "--baseline", "known.json")
    assert f"{number} entries of known.json stand for nothing any more" in result.stderr
    other = lint("check", "--isolated", model.parent / "hf_llama", "--baseline", "known.json")
    assert other.stderr == "", "what was not looked at may still be there"
    chosen = lint("check", "--isolated", model, "--baseline", "known.json", "--select=FGL901")
    assert chosen.stderr == ""


def test_each_entry_stands_for_one_finding(model: Path) -> None:
    write(model)
    written = json.loads(Path("known.json").read_text("utf-8"))
    written["findings"] = [each for each in written["findings"] if each["code"] != "FGL101"]
    Path("known.json").write_text(json.dumps(written), "utf-8")
    result = lint("check", "--isolated", model, "--baseline", "known.json", "--select=FGL101")
    assert "4 keys match no module" in result.stdout
    assert "gate_porj" in result.stdout


def test_paths_are_those_of_the_baseline(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(model)
    paths = {each["path"] for each in json.loads(Path("known.json").read_text())["findings"]}
    assert all(path.startswith("broken_llama/") for path in paths)
    monkeypatch.chdir(model)
    assert lint("check", "--isolated", ".", "--baseline", "../known.json").exit_code == 0


def test_the_configuration_may_name_the_baseline(model: Path) -> None:
    write(model)
    Path("forgather-lint.toml").write_text('baseline = "known.json"\n')
    assert lint("check", model).exit_code == 0
    assert lint("check", "--isolated", model).exit_code == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 2, "findings": []}', '{"version": 1, "findings": [1]}']
)
def test_what_is_no_baseline_is_refused(model: Path, text: str) -> None:
    Path("known.json").write_text(text)
    result = lint("check", "--isolated", model, "--baseline", "known.json")
    assert result.exit_code == 2
    assert "known.json: " in result.stderr


def test_a_baseline_that_is_missing_is_refused(model: Path) -> None:
    result = lint("check", "--isolated", model, "--baseline", "gone.json")
    assert (result.exit_code, "gone.json: No such file" in result.stderr) == (2, True)


def test_the_baseline_is_written_through_no_link(model: Path) -> None:
    Path("elsewhere.json").write_text("kept")
    Path("known.json").symlink_to("elsewhere.json")
    result = lint("check", "--isolated", model, "--write-baseline", "known.json")
    assert (result.exit_code, Path("elsewhere.json").read_text()) == (2, "kept")
