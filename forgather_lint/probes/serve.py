"""Serves a model with `vllm serve` on loopback and asks it one completion and one chat answer."""

from __future__ import annotations

import json
from pathlib import Path

from forgather_lint.core.record import record
from forgather_lint.execution.outcome import Verdict
from forgather_lint.probes.engine_setup import (
    arguments,
    engine_environment,
    runs_on_cpu,
    server_command,
)
from forgather_lint.probes.runner import CHILDREN, NO_RESULTS, Job, Tell, run
from forgather_lint.probes.vllm_load import (
    NEW_TOKENS,
    LoadableFolder,
    LoadRequest,
    Served,
    failure,
    log_size,
)

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "tokenizer_config.json")


@record
class Answered:
    """The answers over HTTP; `own_tokenizer` is false when the model had none and one was made."""

    served: Served
    completion: str | None = None
    chat: str | None = None
    own_tokenizer: bool = True


def serve(request: LoadRequest, prepared: LoadableFolder, work: Path, tell: Tell) -> Answered:
    """Start the server on `prepared`, ask, and stop it.

    Raises `KeyboardInterrupt` when interrupted, with every process ended.
    """
    own_tokenizer = any((prepared.folder / name).exists() for name in _TOKENIZER_FILES)
    before = log_size(request.log)
    ran = run(_job(request, prepared, own_tokenizer, work), request.limits, work, tell)
    completion, chat = ran.said.get("completion"), ran.said.get("chat")
    served = Served(Verdict.SERVES, "done", ran.seconds)
    if ran.silent:
        served = Served(Verdict.UNKNOWN, ran.phase, ran.seconds, NO_RESULTS)
    return Answered(
        served=failure(ran, request, before) if ran.failed else served,
        completion=completion if isinstance(completion, str) else None,
        chat=chat if isinstance(chat, str) else None,
        own_tokenizer=own_tokenizer,
    )


def _job(request: LoadRequest, prepared: LoadableFolder, own_tokenizer: bool, work: Path) -> Job:
    cpu = runs_on_cpu(request.installed)
    chosen = arguments(prepared.folder, request.sizes, prepared.dummy, cpu)
    values = {
        "command": server_command(chosen, request.installed),
        "tokenizer": None if own_tokenizer else str(work / "tokenizer"),
        "vocabulary": _vocabulary(request.folder),
        "new_tokens": NEW_TOKENS,
    }
    surroundings = engine_environment(request.python, work, request.sizes)
    return Job(CHILDREN / "server.py", values, request.python, surroundings, request.log)


def _vocabulary(folder: Path) -> int | None:
    """`vocab_size` of config.json; None without it."""
    size = json.loads((folder / "config.json").read_text("utf-8")).get("vocab_size")
    return size if isinstance(size, int) else None
