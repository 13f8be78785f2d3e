"""What has one cause is one finding with its places: shown, silenced, known, mended."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.fixture_models import copy_model
from tests.forgather_projects import FIXTURES
from tests.test_cli import lint

PLAN = "configuration_hf_llama.py"
KEYS = tuple(f"layers.*.self_attn.{each}_proj" for each in "qkvo") + tuple(
    f"layers.*.mlp.{each}_proj" for each in ("gate", "up", "down")
)
HEADLINE = "7 keys match no module of `HfLlamaModel`: they begin with `model.`"
ONLY = ("--isolated", "--select=FGL101", "--no-cache")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model whose seven keys begin with what only the head's class has."""
    monkeypatch.chdir(tmp_path)
    folder = copy_model("hf_llama", tmp_path)
    text = (folder / PLAN).read_text("utf-8")
    assert all(f'"{key}"' in text for key in KEYS)
    (folder / PLAN).write_text(text.replace('"layers.*', '"model.layers.*'), "utf-8")
    return folder


def objects(*arguments: str | Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        lint("check", *ONLY, *arguments, "--output-format=json").stdout
    )
    return found


def rows_of_keys(model: Path) -> list[int]:
    lines = (model / PLAN).read_text("utf-8").splitlines()
    return [row for row, line in enumerate(lines, 1) if '"model.layers.*' in line]


def test_seven_keys_with_a_wrong_prefix_are_one_finding(model: Path) -> None:
    told = lint("check", *ONLY, model)
    assert told.exit_code == 1
    assert told.stdout.count("FGL101 [") == 1
    assert f"[*] {HEADLINE}" in told.stdout
    assert told.stdout.count("^^^ did you mean `layers.*.") == 7
    assert "= help: leave out `model.`" in told.stdout
    assert "Found 1 error (1 model)." in told.stdout
    first, *others = map(str, rows_of_keys(model))
    concise = lint("check", *ONLY, model, "--output-format=concise").stdout
    assert f"{PLAN}:{first}:9: FGL101 " in concise
    assert f"(also at lines {', '.join(others)})" in concise


def test_formats_for_tools_carry_all_places(model: Path) -> None:
    (found,) = objects(model)
    rows = rows_of_keys(model)
    assert found["message"] == HEADLINE
    assert [each["location"]["row"] for each in found["places"]] == rows
    assert [each["noqa_row"] for each in found["places"]] == rows
    assert [each["message"] for each in found["places"]] == [f"did you mean `{k}`?" for k in KEYS]
    assert [each["location"]["row"] for each in found["related"]][:6] == rows[1:]
    assert len(found["fix"]["edits"]) == 7
    log = json.loads(lint("check", *ONLY, model, "--output-format=sarif").stdout)
    (result,) = log["runs"][0]["results"]
    places = [each["physicalLocation"]["region"] for each in result["relatedLocations"]]
    assert [each["startLine"] for each in places][:6] == rows[1:]
    (change,) = result["fixes"][0]["artifactChanges"]
    assert len(change["replacements"]) == 7
    for form in ("github", "gitlab", "rdjson", "azure", "junit"):
        text = lint("check", *ONLY, model, f"--output-format={form}").stdout
        for row, key in zip(rows, KEYS, strict=True):
            assert f"Line {row}: did you mean `{key}`?" in text, form
    rest = ", ".join(map(str, rows[1:]))
    for form in ("pylint", "concise", "grouped"):
        told = lint("check", *ONLY, model, f"--output-format={form}").stdout
        assert f"(also at lines {rest})" in told, form


def test_the_fix_mends_all_of_them(model: Path) -> None:
    told = lint("check", "--isolated", model, "--fix", "--target", "vllm==0.32", "-tp", "2")
    assert told.exit_code == 0
    assert "Fixed 1 finding." in told.stdout
    original = copy_model("hf_llama", model.parent / "original")
    assert (model / PLAN).read_text("utf-8") == (original / PLAN).read_text("utf-8")


def test_a_comment_silences_its_place_alone(model: Path) -> None:
    lines = (model / PLAN).read_text("utf-8").splitlines(keepends=True)
    row = rows_of_keys(model)[2]
    lines[row - 1] = lines[row - 1].rstrip("\n") + "  # noqa: FGL101\n"
    (model / PLAN).write_text("".join(lines), "utf-8")
    (found,) = objects(model)
    assert found["message"].startswith("6 keys match no module")
    assert row not in [each["location"]["row"] for each in found["places"]]
    told = lint("check", *ONLY, model, "--add-ignore")
    assert told.exit_code == 0
    assert (model / PLAN).read_text("utf-8").count("FGL101") == 7


def test_a_baseline_knows_each_place(model: Path) -> None:
    written = lint("check", *ONLY, model, "--write-baseline", "known.json")
    assert written.stdout == "Wrote 7 entries to known.json.\n"
    assert lint("check", *ONLY, model, "--baseline", "known.json").exit_code == 0
    text = (model / PLAN).read_text("utf-8")
    added = '        "model.layers.*.self_attn.q_proj": "colwise",\n'
    another = added.replace("q_proj", "gate_proj")
    (model / PLAN).write_text(text.replace(added, added + another), "utf-8")
    (found,) = objects(model, "--baseline", "known.json")
    assert "`model.layers.*.self_attn.gate_proj` matches no module" in found["message"]
    assert found["places"] == []


def test_fingerprints_do_not_change_with_the_number_of_places(model: Path) -> None:
    def fingerprint() -> str:
        (issue,) = json.loads(lint("check", *ONLY, model, "--output-format=gitlab").stdout)
        return str(issue["fingerprint"])

    before = fingerprint()
    text = (model / PLAN).read_text("utf-8")
    (model / PLAN).write_text(text.replace('"model.layers', '"layers', 1), "utf-8")
    assert fingerprint() == before


def test_other_causes_are_other_findings(model: Path) -> None:
    text = (model / PLAN).read_text("utf-8")
    text = text.replace("model.layers.*.mlp.up_proj", "model.layers.*.mlp.up_porj")
    (model / PLAN).write_text(text, "utf-8")
    several, one = objects(model)
    assert several["message"].startswith("6 keys match no module")
    assert "`model.layers.*.mlp.up_porj`" in one["message"]
    assert one["places"] == []


def test_configurations_that_share_a_finding_are_named(tmp_path: Path) -> None:
    found = json.loads(
        lint("check", "--isolated", "--no-cache", FIXTURES, "--output-format=json").stdout
    )
    of_plan = [each for each in found if each["filename"].endswith("dynamic_llama.yaml")]
    assert len(of_plan) == 1
    assert {Path(each).name for each in of_plan[0]["models"]} == {"small.yaml", "wide.yaml"}
    told = lint("check", "--isolated", "--no-cache", FIXTURES).stdout
    assert re.search(r"= found in: \S+small.yaml, \S+wide.yaml\n", told)


def test_a_file_of_another_project_is_said_as_such() -> None:
    llama = FIXTURES / "workspace" / "llama"
    found = json.loads(
        lint("check", "--isolated", "--no-cache", llama, "--output-format=json").stdout
    )
    by_file = {Path(each["filename"]).name: each["origin"] for each in found}
    assert by_file["dynamic_llama.yaml"] == (
        "a file outside of the project, which others may read too: mend it there, or override it"
    )
