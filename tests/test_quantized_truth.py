"""What real releases of vLLM made of quantized checkpoints, and what is said of the same ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from forgather_lint.deployment.checkpoint.headers import Header, header_of
from forgather_lint.documents.commands.located import located
from forgather_lint.documents.commands.shell import commands
from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.matrix import cell, examine
from forgather_lint.engines.vllm.serve_command import read_command
from forgather_lint.engines.vllm.serve_conflicts import conflicts
from forgather_lint.engines.vllm.serve_options import options_of
from forgather_lint.engines.vllm.target import VllmTarget
from oracles.outcome import Outcome
from oracles.packing import FORMS, layout
from oracles.stored import VERDICTS, read
from tests.quantized_cases import BOTH, CASES, Case, lay
from tests.verdicts import V032

STORED = {path: read(path) for path in sorted(VERDICTS.glob("quantized_vllm_*.json"))}
OTHER_KERNEL = (
    "experts, awq, groups cut",
    "experts, gptq, groups cut",
    "experts, gptq, groups halved",
    "experts, packed, 3 bits",
    "experts, packed, groups cut",
    "experts, packed, groups cut by ranks",
    "experts, packed, plain gates of one layer",
    "fp8, tiles cut by a join",
    "fp8, tiles cut by ranks",
    "gptq, 8 bits",
    "modelopt, four bits",
    "packed, 3 bits",
    "packed, 8 bits",
)
"""A CPU has no kernel for a layer that comes first, or before its tensors are looked at."""
OTHER_PACKAGE = ("torchao, no type",)
"""The package that reads the setting is not there."""


def asked() -> Iterator[tuple[VllmTarget, str, int, int, Outcome]]:
    """Every question that was answered."""
    for stored in STORED.values():
        target = VllmTarget.of(stored["versions"]["vllm"], stored["versions"]["transformers"])
        for identity, outcome in stored["outcomes"].items():
            sizes, _, name = identity.partition(" ")
            ranks, stages = map(int, sizes.split("x"))
            yield target, name, ranks, stages, outcome


ASKED = list(asked())


def test_every_case_was_asked_of_the_newest() -> None:
    newest = {(name, ranks, stages) for target, name, ranks, stages, _ in ASKED if target == V032}
    wanted = {(name, *size) for name, case in CASES.items() for size in case.sizes}
    assert newest == wanted


@pytest.mark.parametrize(
    ("target", "name", "ranks", "stages", "real"),
    [pytest.param(*each, id=f"{each[0]} {each[2]}x{each[3]} {each[1]}") for each in ASKED],
)
def test_verdict(
    target: VllmTarget, name: str, ranks: int, stages: int, real: Outcome, tmp_path: Path
) -> None:
    case = CASES[name]
    folder = lay(case, tmp_path, headers=True)
    if case.argument:
        told = list(_told_of_argument(target, folder, case.argument))
        assert [each.partition(": ")[2] in real.get("error", "") for each in told] == (
            [True] if real["verdict"] == "fails" else []
        )
        return
    prepared = examine(single_model(folder), target, case.dtype)
    found = cell(prepared, ranks, stages).outcome
    assert found.verdict.value in (real["verdict"], "unknown"), found.reason
    if found.verdict.value == "fails" and name not in (*OTHER_KERNEL, *OTHER_PACKAGE):
        kind, _, text = found.reason.partition(":")
        said = " ".join(real["error"].split())
        assert said.startswith((kind, "ValidationError"))
        assert text[:48].strip() in said


def _told_of_argument(target: VllmTarget, folder: Path, argument: str) -> Iterator[str]:
    """What is said of a command that names the quantization."""
    (command,) = commands(
        located("serve.sh", f"vllm serve . --quantization {argument} --trust-remote-code")
    )
    found = read_command(command.words, options_of(target.vllm.version), environment={})
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return (each.text for each in conflicts(found, target.vllm, config))


def test_what_is_left_open(tmp_path: Path) -> None:
    """Verdicts of 0.32 that are not claimed: what the device decides, or is not followed."""
    left = set()
    for number, (name, case) in enumerate(CASES.items()):
        prepared = examine(
            single_model(lay(case, tmp_path / str(number), headers=True)), V032, case.dtype
        )
        for ranks, stages in case.sizes:
            if cell(prepared, ranks, stages).outcome.verdict.value == "unknown":
                left.add(name)
    assert left == LEFT_OPEN


LEFT_OPEN = {
    "awq, a group for a row",
    "awq, groups of 16",
    "packed, a tied head",
    "packed, a tied head in float16",
    "packed, groups of 16",
    "packed, float32",
    "packed, widths of 16",
    "fp8, one scale",
    "fp8, scale of inputs",
    "fp8, tiles",
    "modelopt",
    "modelopt, all plain by wildcards",
    "modelopt, attention plain by a wildcard",
    "modelopt in a file",
    "experts, awq",
    "experts, awq, plain experts not said",
    "experts, awq, projections of experts named",
    "experts, fp8",
    "experts, fp8 by row",
    "experts, fp8, plain experts",
    "experts, fp8, tiles",
    "experts, gptq",
    "experts, gptq, attention named alone",
    "experts, gptq, plain experts",
    "experts, int8",
    "experts, modelopt",
    "experts, packed",
    "experts, packed, a group for a row",
    "experts, packed, a plain shared expert",
    "experts, packed, groups cut by ranks",
    "experts, packed, plain experts of other names",
    "experts, packed, routers packed",
}
"""The last with experts: their kernels are for CPUs with AMX, and the one asked has none."""

# gptq in 4 bits: 786,432 weights in halves of a byte and 24,576 scales, two tables of 256 times 128
# and nine norms of 128, all of them in 2 bytes; on two ranks the norms are whole.
BYTES = {
    "gptq": (575_744, 289_024),
    "awq": (588_032, 295_168),
    "packed": (575_744, 289_024),
    "int8": (940_288, 473_344),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_of_a_rank_are_those_that_are_stored(name: str, tmp_path: Path) -> None:
    prepared = examine(single_model(lay(CASES[name], tmp_path)), V032, "bfloat16")
    found = tuple(cell(prepared, ranks, stages).bytes_per_rank for ranks, stages in BOTH)
    assert found == BYTES[name]


def test_every_form_is_a_case() -> None:
    assert {case.form for case in CASES.values()} == set(FORMS)


def test_headers_have_the_tensors_of_the_form(tmp_path: Path) -> None:
    case = Case("gptq", CASES["gptq"].quantization, 32)
    folder = lay(case, tmp_path, headers=True)
    header = header_of(folder / "model.safetensors")
    assert isinstance(header, Header)
    for end, (dtype, shape) in layout("gptq", 256, 128, 32).items():
        stored = header.tensors[f"model.layers.0.self_attn.q_proj.{end}"]
        assert (stored.dtype, list(stored.shape)) == (dtype, shape)
