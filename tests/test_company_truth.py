"""What releases of vLLM made of adapters and tokenizers, and what is said of the same files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from forgather_lint.deployment.tokenizer import ids_of
from forgather_lint.documents.commands.located import located
from forgather_lint.documents.commands.shell import commands
from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.matrix import examine
from forgather_lint.engines.vllm.serve_beside import of_adapters
from forgather_lint.engines.vllm.serve_command import read_command
from forgather_lint.engines.vllm.serve_options import options_of
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.facts.causes.adapter import (
    AdapterLayerAbsent,
    AdapterRank,
    AdapterRefused,
    AdapterStrangers,
)
from forgather_lint.facts.causes.checkpoint import FileNotDownloaded
from forgather_lint.facts.causes.tokenizer import EndsDiffer
from forgather_lint.facts.serving import ServingProblem
from oracles.outcome import Outcome
from oracles.stored import VERDICTS, read
from tests import stored_tensors
from tests.company_cases import ADAPTERS, TOKENIZERS, AdapterCase, TokenizerCase, lay_tokenizer
from tests.fixture_models import MODELS, copy_model
from tests.verdicts import V032

SAID_OF_COMMANDS = {"nothing", "no vocabulary"} | {
    name for name, case in TOKENIZERS.items() if case.pointers
}
"""Of the folder alone it is a warning: a server may be told of another tokenizer."""
SILENT = {"a layer too many"}
"""The engine says nothing: the layer is left out."""


def asked(kind: str) -> Iterator[tuple[VllmTarget, str, Outcome]]:
    """Every question of a kind that was answered."""
    for path in sorted(VERDICTS.glob(f"{kind}_vllm_*.json")):
        stored = read(path)
        target = VllmTarget.of(stored["versions"]["vllm"], stored["versions"]["transformers"])
        for identity, outcome in stored["outcomes"].items():
            yield target, identity, outcome


def parameters(kind: str) -> list[object]:
    return [pytest.param(*each, id=f"{each[0]} {each[1]}") for each in asked(kind)]


def problems(folder: Path, target: VllmTarget) -> tuple[ServingProblem, ...]:
    prepared = examine(single_model(folder), target, "float32")
    return prepared.problems


def lay_adapter(case: AdapterCase, folder: Path) -> Path:
    """Write the model and the headers of what `oracles.adapting.adapt` stores."""
    place = copy_model("hf_llama", folder)
    whole = json.loads((MODELS / "hf_llama" / ".expected" / "structure.json").read_text("utf-8"))
    shapes: Mapping[str, list[int]] = whole["entries"]["architectures"]["parameters"]
    lines = []
    for name, shape in shapes.items():
        owner = name.removesuffix(".weight")
        if not owner.endswith(tuple(case.layers)):
            continue
        renamed = case.more.get("renamed", {})
        assert isinstance(renamed, dict)
        for old, new in renamed.items():
            owner = owner.replace(old, new)
        kind = "lora_embedding_{}" if "embed" in owner else "lora_{}.weight"
        for letter in "AB":
            size = [case.rank, shape[1]] if letter == "A" else [shape[0], case.rank]
            lines.append(f"base_model.model.{owner}.{kind.format(letter)} F32 {size}")
    further = case.more.get("further", {})
    assert isinstance(further, dict)
    lines += [f"{name} F32 {size}" for name, size in further.items()]
    adapter = place / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps(dict(case.config)), "utf-8")
    if case.more.get("stored", True):
        stored_tensors.write("\n".join(lines), adapter / "adapter_model.safetensors")
    return place


@pytest.mark.parametrize(("target", "identity", "real"), parameters("adapters"))
def test_adapter(target: VllmTarget, identity: str, real: Outcome, tmp_path: Path) -> None:
    case = ADAPTERS[name := identity.partition(" ")[2]]
    folder = lay_adapter(case, tmp_path)
    kinds = (AdapterRank, AdapterRefused, AdapterStrangers)
    found = problems(folder, target)
    told = [each.error for each in found if isinstance(each.cause, kinds)]
    if case.allowed != 16:
        told = list(_told_of_command(target, folder, case))
    fails = real["verdict"] == "fails"
    assert bool(told) is fails, (told, real)
    assert not fails or any(_is_said(each, real["error"]) for each in told), (told, real["error"])
    assert any(isinstance(each.cause, AdapterLayerAbsent) for each in found) is (name in SILENT)


def _is_said(told: str, error: str) -> bool:
    """Whether the engine's words are those, but for the folder and for lists of names."""
    text = told.partition(": ")[2]
    for mark in ("expected target modules in", "doesn't contain tensors"):
        if mark in text:
            return mark in error
    return text[:60] in error


def _told_of_command(target: VllmTarget, folder: Path, case: AdapterCase) -> Iterator[str]:
    text = f"vllm serve . --max-lora-rank {case.allowed} --lora-modules a=adapter"
    (command,) = commands(located("serve.sh", text))
    found = read_command(command.words, options_of(target.vllm.version), environment={})
    return (each.text for each in of_adapters(found, target.vllm, (folder,)))


@pytest.mark.parametrize(("target", "identity", "real"), parameters("tokenizers"))
def test_tokenizer(target: VllmTarget, identity: str, real: Outcome, tmp_path: Path) -> None:
    case = TOKENIZERS[identity]
    folder = lay_tokenizer(case, tmp_path)
    held = problems(folder, target)
    if real["verdict"] == "fails":
        told = [each.error.partition(": ")[2] for each in held if each.verdict == "fails"]
        assert bool(told) is (identity not in SAID_OF_COMMANDS)
        if case.pointers:
            (said,) = (each.error for each in held if isinstance(each.cause, FileNotDownloaded))
            assert said.partition(str(folder))[0] in real["error"]
            return
        parts = [(each.partition(str(folder))[2] or each)[:50] for each in told]
        assert all(each in real["error"] for each in parts), told
        return
    assert not any(each.verdict == "fails" for each in held)
    found = [each.cause for each in held if isinstance(each.cause, EndsDiffer)]
    stops = {*real["stops"]}
    for cause in found:
        assert {*cause.taken} <= stops
        # What the tokenizer alone says counts too; what config.json alone says does not.
        assert ({*cause.other} <= stops) is bool(cause.token)
    # Where nothing is said, every end that a file names is one.
    assert found or stops == _named(case)
    has_template = bool(case.template or (case.tokenizer or {}).get("chat_template"))
    # A template that cannot be read is found out by the first chat.
    taken = real["chat"] == "" or real["chat"].startswith("TemplateSyntaxError")
    assert taken is has_template
    if not has_template:
        text = target.vllm.conversation.template_missing.value.text
        assert text in " ".join(real["chat"].split())


def _named(case: TokenizerCase) -> set[int]:
    """The ends that any file names; that of the tokenizer is 2."""
    said = (case.config.get("eos_token_id"), (case.generation or {}).get("eos_token_id"))
    return {2}.union(*(ids_of(each) or () for each in said if each is not None))


def test_all_cases_were_asked_of_the_newest() -> None:
    adapters = {identity.partition(" ")[2] for t, identity, _ in asked("adapters") if t == V032}
    assert adapters == {*ADAPTERS}
    assert {identity for t, identity, _ in asked("tokenizers") if t == V032} <= {*TOKENIZERS}
