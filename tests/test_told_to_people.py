"""What commands say besides their answers: hints for paths, releases that cannot build a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from forgather_lint.shell.cli import cli
from tests.fixture_models import copy_model

COMMANDS = ("check", "clean", "matrix", "plan", "rule", "serve", "server", "structure", "target")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)))


def test_a_misspelt_folder_above_is_put_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_model("hf_llama", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    hint = "no such file or folder, did you mean 'models/hf_llama'?"
    assert hint in run("check", "model/hf_llama").stderr
    assert hint in run("structure", "models/hf_lama").stderr
    assert "did you mean 'models'?" in run("matrix", "modles/nothing_like_it").stderr
    assert "did you mean" not in run("plan", "elsewhere/hf_llama").stderr


def unset_in_transformers_5(tmp_path: Path) -> Path:
    """A model whose constructor reads a field of the config that transformers 5 does not set."""
    model = copy_model("hf_llama", tmp_path)
    (file,) = model.glob("modeling_*.py")
    text = file.read_text("utf-8")
    layers = "        self.layers = nn.ModuleList("
    read = "        config.pad_token_id\n"
    file.write_text(text.replace(layers, read + layers), "utf-8")
    return model


@pytest.mark.parametrize(
    ("options", "word", "answer"),
    [
        ([], "shown", "layers.*.self_attn.q_proj  [256, 128]  column"),
        (["--diff"], "inferred", "the plan is the one that would be inferred"),
        (["--infer"], "inferred", '"layers.*.self_attn.q_proj": "colwise"'),
    ],
)
def test_a_plan_is_told_by_a_release_that_builds_the_model(
    tmp_path: Path, options: list[str], word: str, answer: str
) -> None:
    told = run("plan", unset_in_transformers_5(tmp_path), *options)
    assert told.exit_code == 0
    assert "cannot build it (the constructor raises AttributeError" in told.stderr
    assert f"; {word} as vllm==" in told.stderr
    assert answer in told.stdout


def test_a_release_that_is_named_is_not_left_for_another(tmp_path: Path) -> None:
    told = run("plan", unset_in_transformers_5(tmp_path), "--target", "vllm==0.32")
    assert told.exit_code == 2


@pytest.mark.parametrize("command", [[], ["target"], *([each] for each in COMMANDS)])
def test_no_summary_is_cut(command: list[str]) -> None:
    assert "...\n" not in run(*command, "--help").stdout.partition("\n")[2]


def test_what_raises_is_named(tmp_path: Path) -> None:
    model = copy_model("hf_llama", tmp_path)
    (file,) = model.glob("modeling_*.py")
    text = file.read_text("utf-8")
    first = "        if position_ids is None:\n"
    refused = f"{first}            raise ValueError('positions, please')\n"
    file.write_text(text.replace(first, refused, 1), "utf-8")
    told = run("plan", model, "--infer", "--target", "vllm==0.32")
    assert told.exit_code == 2
    assert "the forward raises ValueError: positions, please" in told.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--kv-cache-dtype", "fp8"), "undecided: a cache of `fp8` rounds keys and values"),
        (("--reasoning-parser", "qwen3"), "undecided: what `--reasoning-parser` does"),
        (("--reasoning-parser", "qwen4"), "there is no reasoning parser `qwen4`"),
        (("-tp", "2", "-dcp", "2"), "2 ranks cannot divide the cache of 4 KV heads"),
    ],
)
def test_a_command_that_is_refused_or_open_is_not_said_to_serve(
    words: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where its model does: the verdict of the model stands beside no such finding."""
    copy_model("hf_llama", tmp_path)
    monkeypatch.chdir(tmp_path)
    start = ("serve", "--target", "vllm==0.32", "--", "vllm", "serve", "hf_llama")
    plain = run(*start, "--trust-remote-code")
    assert "serves at 1 rank" in plain.output
    found = run(*start, "--trust-remote-code", *words)
    assert found.exit_code == 1
    assert told in found.output
    assert ": serves at" not in found.output
