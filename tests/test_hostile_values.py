"""Configs, configuration files and options that say too much: one line or one finding, in time."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forgather_lint.documents.config_json import parse_config
from forgather_lint.documents.python import SourceError
from forgather_lint.execution.partition import get_pp_indices, stages_apart
from forgather_lint.shell.cli import cli
from tests.fixture_models import copy_model

SECONDS = 10.0
DIGITS = "9" * 5_000


def run(*arguments: object) -> Result:
    started = time.process_time()
    result = CliRunner().invoke(cli, [str(each) for each in arguments])
    assert time.process_time() - started < SECONDS
    return result


def test_brackets_in_strings_are_no_nesting() -> None:
    text = json.dumps({"note": "[" * 60, "[{" * 60: 1, "quote": '"' + "[" * 60})
    assert parse_config("config.json", text).values["note"] == "[" * 60


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"x": "' + "]" * 100_000 + '", "a": ' + "[" * 100_000, "nested more than"),
        ('{"x": "\\"' + "}" * 100_000 + '", "a": ' + '{"a":' * 100_000, "nested more than"),
        (f'{{"a": {DIGITS}}}', "an integer of 5000 digits"),
        (f'{{"a": [-{DIGITS}]}}', "an integer of 5001 digits"),
    ],
)
def test_what_json_cannot_read_is_refused(text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        parse_config("config.json", text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = " + "[" * 50_000, "nested too deep"),
        (".".join("a" * 200_000) + " = 1", "more than 100 parts"),
        (f"[{'.'.join('a' * 200_000)}]", "more than 100 parts"),
        ("a = {" + ".".join(['"b"'] * 100_000) + " = 1}", "more than 100 parts"),
        (f"jobs = {DIGITS}", "Exceeds the limit"),
        (f"max-model-len = 0x{'f' * 5_000}", "max-model-len"),
        (f'target = ["vllm=={DIGITS}"]', "is not a comparison of versions"),
    ],
)
def test_a_hostile_configuration_ends_in_one_line(text: str, told: str, tmp_path: Path) -> None:
    folder = copy_model("hf_llama", tmp_path)
    (folder / "forgather-lint.toml").write_text(text)
    result = run("check", folder)
    (line,) = result.stderr.splitlines()
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in line
    assert len(line) < 1_000


@pytest.mark.parametrize(
    "option",
    [
        ("--target", f"vllm=={DIGITS}"),
        ("--target", f"vllm>=0.30,<0.{DIGITS}"),
        ("--target", f"transformers=={DIGITS}"),
        ("--target", "x" * 5_000),
        ("-tp", DIGITS),
        ("--max-model-len", DIGITS),
        ("-j", DIGITS),
        ("--time-limit", "nan"),
        ("--memory-limit", "1e400"),
    ],
)
def test_a_number_that_is_none_is_refused(option: tuple[str, str], tmp_path: Path) -> None:
    result = run("check", "--isolated", *option, copy_model("hf_llama", tmp_path))
    assert result.exit_code == 2
    assert len(result.stderr) < 1_000


@pytest.mark.parametrize(
    ("option", "code"),
    [(("-tp", 10**11), "FGL210"), (("-pp", 10**11), "FGL211")],
)
def test_any_number_of_processes_may_be_asked_for(
    option: tuple[str, int], code: str, tmp_path: Path
) -> None:
    result = run("check", "--isolated", *option, copy_model("hf_llama", tmp_path))
    assert (result.exit_code, code in result.stdout) == (1, True), result.output


def test_sizes_beyond_all_machines_are_no_work(tmp_path: Path) -> None:
    sizes = dict.fromkeys(("hidden_size", "vocab_size", "num_attention_heads"), 10**11)
    result = run("check", "--isolated", copy_model("hf_llama", tmp_path, **sizes))
    assert "given up" not in result.stderr


def test_stages_hold_what_vllm_gives_them() -> None:
    """vllm/distributed/utils.py, `get_pp_indices`, without a list of all stages."""

    def of_vllm(layers: int, stage: int, stages: int) -> tuple[int, int]:
        partitions = [layers // stages] * stages
        for i in range(2, layers % stages + 2):
            partitions[-i] += 1
        start = sum(partitions[:stage])
        return start, start + partitions[stage]

    for layers in range(12):
        for stages in range(1, 20):
            held = [of_vllm(layers, stage, stages) for stage in range(stages)]
            assert [get_pp_indices(layers, stage, stages) for stage in range(stages)] == held
            left_out = set(range(stages)) - set(stages_apart(layers, stages))
            assert all(held[stage][0] == held[stage][1] for stage in left_out)


def test_blank_lines_are_passed_once(tmp_path: Path) -> None:
    folder = copy_model("hf_llama", tmp_path)
    for file in folder.glob("*.py"):
        file.write_text("\n" * 20_000 + file.read_text("utf-8"), "utf-8")
    result = run("check", "--isolated", folder)
    assert result.exit_code == 0, result.output


def test_a_pattern_that_python_will_read_otherwise_is_no_noise(tmp_path: Path) -> None:
    plan = {"layers.0.[a\n&&b]": "colwise", "layers.*.self_attn.q_proj": "colwise"}
    result = run("check", copy_model("hf_llama", tmp_path, base_model_tp_plan=plan))
    assert "FutureWarning" not in result.stderr


@pytest.mark.parametrize("key", ["layers.0." + r"\\*" * 60 + "x", "(" * 50 + "a" + ")*" * 50])
@pytest.mark.parametrize("verb", ["check", "plan", "matrix"])
def test_a_plan_that_is_not_matched_is_undecided(verb: str, key: str, tmp_path: Path) -> None:
    result = run(verb, copy_model("hf_llama", tmp_path, base_model_tp_plan={key: "colwise"}))
    assert "given up" not in result.stderr
    if verb == "plan":
        (line,) = [each for each in result.stderr.splitlines() if not each.startswith("note:")]
        assert (result.exit_code, "unsafe-pattern" in line) == (2, True), line
