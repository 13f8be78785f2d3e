"""Loads a model in the installed vLLM, asks it, and tells what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from forgather_lint.core.record import record
from forgather_lint.execution.outcome import Verdict
from forgather_lint.probes import answers
from forgather_lint.probes.answers import Agreement, Answer
from forgather_lint.probes.causes import first_error
from forgather_lint.probes.engine_setup import (
    ParallelSizes,
    arguments,
    engine_environment,
    runs_on_cpu,
)
from forgather_lint.probes.interpreter import Installed, environment
from forgather_lint.probes.runner import CHILDREN, NO_RESULTS, End, Job, Ran, RunLimits, Tell, run
from forgather_lint.probes.weights import Weights, copy_without_weights

NEW_TOKENS = 8
_TOP = 3
_SOME_PROMPT = (4, 3, 2, 1)
_BEFORE_THE_MODEL = ("start", "import")


@record
class LoadRequest:
    """What to load, how, and with which limits; `weights` is no longer `auto`."""

    folder: Path
    sizes: ParallelSizes
    weights: Weights
    python: str
    installed: Installed
    limits: RunLimits
    log: Path


@record
class Served:
    """What an engine did with a model.

    `phase` is where it ended: import, load, generate, done. `agreement` is set when the answers
    could be compared; otherwise `uncompared` says why not.
    """

    verdict: Verdict
    phase: str
    seconds: float
    error: str | None = None
    agreement: Agreement | None = None
    uncompared: str | None = None


@record
class LoadableFolder:
    """A folder that the engine can load, with the answers it should give (if known)."""

    folder: Path
    dummy: bool
    reference: tuple[Answer, ...] = ()
    uncompared: str | None = None


def smoke_load(request: LoadRequest, prepared: LoadableFolder, work: Path, tell: Tell) -> Served:
    """Load the `prepared` folder, generate, and compare; `work` is a folder for files.

    Raises `KeyboardInterrupt` when interrupted, with every process ended.
    """
    before = log_size(request.log)
    found = work / "served.json"
    ran = run(_engine_job(request, prepared, work, found), request.limits, work, tell)
    if ran.failed:
        return failure(ran, request, before)
    if ran.silent:
        return Served(Verdict.UNKNOWN, ran.phase, ran.seconds, NO_RESULTS)
    served = Served(Verdict.SERVES, "done", ran.seconds, uncompared=prepared.uncompared)
    if not prepared.reference:
        return served
    try:
        agreement = answers.compare(prepared.reference, answers.read(found))
    except (ValueError, TypeError, IndexError):  # the model's code may have written anything
        return replace(served, verdict=Verdict.UNKNOWN, error=NO_RESULTS)
    verdict = Verdict.SERVES if agreement.same else Verdict.WRONG
    return replace(served, verdict=verdict, agreement=agreement)


def log_size(log: Path) -> int:
    """The size of the log, which is where the next run's part begins."""
    return log.stat().st_size if log.exists() else 0


def failure(ran: Ran, request: LoadRequest, log_from: int) -> Served:
    """Classify a run that failed, by the log from `log_from` on."""
    if ran.end is End.TIMED_OUT:
        reason = f"no answer within {request.limits.seconds:.0f} s"
        return Served(Verdict.UNKNOWN, ran.phase, ran.seconds, reason)
    if ran.end is End.TOO_MUCH_OUTPUT:
        return Served(Verdict.UNKNOWN, ran.phase, ran.seconds, ran.end.value)
    if ran.end is End.OUT_OF_MEMORY:
        reason = f"more than {request.limits.memory / 2**30:.1f} GiB of memory"
        return Served(Verdict.UNKNOWN, ran.phase, ran.seconds, reason)
    text = request.log.read_bytes()[log_from:].decode("utf-8", "replace")
    error = first_error(text) or str(ran.said.get("error") or ran.silence)
    verdict = Verdict.UNKNOWN if ran.phase in _BEFORE_THE_MODEL else Verdict.FAILS
    return Served(verdict, ran.phase, ran.seconds, error)


def prepare(request: LoadRequest, work: Path, tell: Tell) -> LoadableFolder:
    """Draw weights if asked to, and let transformers answer first; `work` is a folder for files.

    Raises `KeyboardInterrupt` when interrupted, with every process ended.
    """
    if request.weights is Weights.DUMMY:
        return LoadableFolder(request.folder, True, (), "dummy weights: any answer is as good")
    folder = request.folder
    if request.weights is Weights.DRAWN:
        folder = work / f"drawn_{request.folder.name}"
        copy_without_weights(request.folder, folder)
    found = work / "reference.json"
    before = log_size(request.log)
    ran = run(_reference_job(request, folder, work, found), request.limits, work, tell)
    if not ran.failed:
        return LoadableFolder(folder, False, answers.read(found))
    why = f"transformers itself fails: {failure(ran, request, before).error}"
    return LoadableFolder(request.folder, request.weights is Weights.DRAWN, (), why)


def _reference_job(request: LoadRequest, folder: Path, work: Path, found: Path) -> Job:
    values = {
        "folder": str(folder.resolve()),
        "draw": request.weights is Weights.DRAWN,
        "dtype": "float32",
        "new_tokens": NEW_TOKENS,
        "answers": str(found),
    }
    surroundings = environment(request.python, work)
    return Job(CHILDREN / "checkpoint.py", values, request.python, surroundings, request.log)


def _engine_job(request: LoadRequest, prepared: LoadableFolder, work: Path, found: Path) -> Job:
    cpu = runs_on_cpu(request.installed)
    chosen = arguments(prepared.folder, request.sizes, prepared.dummy, cpu)
    values: Mapping[str, object] = {
        "arguments": chosen | {"skip_tokenizer_init": True},
        "prompts": _prompts(prepared.reference),
        "new_tokens": NEW_TOKENS,
        "top": _TOP,
        # vLLM has no prompt log-probabilities across pipeline stages.
        "prompt_logprobs": bool(prepared.reference) and request.sizes.pipeline_parallel == 1,
        "answers": str(found),
    }
    surroundings = {
        **engine_environment(request.python, work, request.sizes),
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # one process less to start
    }
    return Job(CHILDREN / "engine.py", values, request.python, surroundings, request.log)


def _prompts(reference: Sequence[Answer]) -> list[Sequence[int]]:
    return [answer.prompt for answer in reference] or [_SOME_PROMPT]
