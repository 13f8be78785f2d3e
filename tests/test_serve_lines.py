"""Every `vllm serve` line of a document is judged by the tool, and found as the document says.

A line of README.md or docs/ is one to type: nothing is found in it. A rule page shows a line in
which its rule finds something, and one in which it does not. The console blocks of pages are left
out: `test_documents.py` runs those, and compares what is found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from forgather_lint.linting.registry import builtin_rules
from forgather_lint.shell.cli import cli
from tests.fixture_models import copy_model
from tests.stored_tensors import write
from tests.written_commands import PAGES, ROOT

DOCUMENTS = (*PAGES, *(ROOT / f"{name}.md" for name in ("CONTRIBUTING", "SECURITY", "CHANGELOG")))
RELEASE = "0.32"
LINE = re.compile(r"^(?:\$ )?(vllm serve (?:.*\\\n)*.*)$|`(vllm\sserve\s[^`]+)`", re.MULTILINE)
CONSOLE = re.compile(r"^( *)```console.*?^\1```$", re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^## (.+)\n((?:(?!## ).*\n)*)", re.MULTILINE)

COMMAND_CODES = {"FGL700", "FGL701", "FGL702", "FGL703", "FGL706"}
"""What is said of a command whatever its model is."""

SIZES = "FGL290"
"""The info that says at which sizes a model serves."""

SAID_OF_THE_MODEL: Mapping[str, Mapping[str, object]] = {
    "FGL214": {
        "num_hidden_layers": 32,
        "head_dim": 128,
        "num_key_value_heads": 8,
        "max_position_embeddings": 131072,
    },
    "FGL526": {"max_position_embeddings": 2048},
    "FGL595": {"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 32}},
    "FGL705": {"num_attention_heads": 4, "num_key_value_heads": 4},
}
"""What a page says of the model beside its line, as a change of a shipped model's config."""

BESIDE = {
    "FGL707": {"tokenizer_config.json": "{}", "tokenizer.json": "{}"},
    "FGL708": {"model.safetensors": "lm_head.weight F32 [256, 128]"},
}
"""Files of the model that a page speaks of."""


def lines(text: str) -> Iterator[tuple[str, str]]:
    """The commands in `text` that name a model, each with the comment behind it."""
    for found in LINE.finditer(text):
        command, _, comment = (found[1] or found[2]).replace("\\\n", " ").partition("#")
        words = command.split()
        if len(words) > 2 and words[2] != "...":
            yield " ".join(words), comment


def of_documents() -> list[tuple[str, str]]:
    return [
        (page.name, command)
        for page in DOCUMENTS
        for command, _ in lines(CONSOLE.sub("", page.read_text("utf-8")))
    ]


def of_rules() -> list[tuple[str, str, str, bool]]:
    """Code, command, release and whether the rule finds something, of each line of a rule page."""
    found = []
    for rule in builtin_rules():
        sections = dict(SECTION.findall(f"{rule.page}\n"))
        bad, good = (list(lines(sections.get(name, ""))) for name in ("Example", "Use instead"))
        said = re.search(r"\d+\.\d+", " ".join(comment for _, comment in bad))
        release = said[0] if said else RELEASE
        found += [(rule.code, command, release, True) for command, _ in bad]
        found += [(rule.code, command, release, False) for command, _ in good]
    return found


def codes(place: Path, verb: str, release: str, *words: str) -> set[str]:
    """The codes of what `verb` finds, typed in `place`."""
    asked = [verb, "--target", f"vllm=={release}", "--output-format", "json", *words]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        done = CliRunner().invoke(cli, asked)
    assert done.exit_code in (0, 1), done.output
    return {each["code"] for each in json.loads(done.stdout)}


def codes_of(command: str, release: str, place: Path) -> set[str]:
    """The codes of what is found in `command` when it is typed, and when it is in a script."""
    (place / "serve.sh").write_text(f"{command}\n", "utf-8")
    typed = codes(place, "serve", release, "--", *command.split())
    return typed | codes(place, "check", release, "--isolated", "--no-cache", "serve.sh")


def model_for(command: str, place: Path, **config: object) -> Path:
    """The shipped model with another config, at the path that `command` names."""
    path = place / command.split()[2]
    path.parent.mkdir(parents=True, exist_ok=True)
    return copy_model("hf_llama", place / "made", **config).rename(path)


def test_there_are_lines() -> None:
    assert len(of_documents()) >= 2
    assert len(of_rules()) >= 20


@pytest.mark.parametrize(("page", "command"), of_documents())
def test_a_line_to_type_serves(page: str, command: str, tmp_path: Path) -> None:
    model_for(command, tmp_path)
    assert codes_of(command, RELEASE, tmp_path) <= {SIZES}, page


@pytest.mark.parametrize(
    ("code", "command", "release", "finds"), of_rules(), ids=lambda value: str(value)
)
def test_a_rule_finds_its_example_and_leaves_the_other_alone(
    code: str, command: str, release: str, finds: bool, tmp_path: Path
) -> None:
    model = model_for(command, tmp_path, **SAID_OF_THE_MODEL.get(code, {}))
    for name, text in BESIDE.get(code, {}).items():
        if name.endswith(".safetensors"):
            write(text, model / name)
        else:
            (model / name).write_text(text, "utf-8")
    found = codes_of(command, release, tmp_path)
    assert found & (COMMAND_CODES - {code}) == set()
    assert (code in found) is finds, found
