"""Runs many models in one vLLM: imported once, forked for each rank of each case.

    PYTHON_WITH_VLLM ranks.py SPEC.json

A full `LLM(...)` costs half a minute, nearly all of it imports and waiting; a fork of a process
that has vLLM imported costs two seconds. Each rank is an engine of its own that starts as under
torchrun (vLLM's executor "external_launcher"), so a rank that raises says so itself and the others
are ended. Every case is appended to a file of JSON lines as soon as it is known.

This file is run by the Python that has vLLM, with `forgather_lint/probes/children` on its path, and
imports nothing else of this repository.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import logging
import os
import resource
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NEW_TOKENS = 2
_GRACE_SECONDS = 2.0
_POLL_SECONDS = 0.02
_PORT_TAKEN = "EADDRINUSE"
_PR_SET_PDEATHSIG = 1
_PEER_LOST = ("Connection closed by peer", "Connection reset by peer", "DistNetworkError")


@dataclass
class Case:
    """One model at one pair of sizes, with its ranks while they run."""

    spec: dict[str, Any]
    work: Path
    started: float = field(default_factory=time.monotonic)
    ranks: dict[int, int] = field(default_factory=dict)
    exits: dict[int, int] = field(default_factory=dict)
    failed_at: float | None = None
    cpu_seconds: float = 0.0

    def result_of(self, rank: int) -> dict[str, Any]:
        """What `rank` wrote before it ended."""
        path = self.work / f"{rank}.json"
        found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return found


def main() -> None:
    """Import vLLM, then fork; no thread may run before."""
    spec = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    work, limits = Path(spec["work"]), (spec["jobs"], spec["seconds"])
    out = Path(spec["out"])
    known = {each["number"] for each in map(json.loads, out.read_text("utf-8").splitlines())}
    cases = [case for case in spec["cases"] if case["number"] not in known]
    references = [case for case in cases if case["kind"] == "reference"]
    serving = [case for case in cases if case["kind"] != "reference"]
    _import_vllm()
    with out.open("a", encoding="utf-8") as stream:
        # The first case of each kind tells what else there is to import before the others fork.
        for some in (references[:1], references[1:], serving[:1], serving[1:]):
            for result in run_all(some, work, *limits):
                print(json.dumps(result), file=stream, flush=True)
            for case in some if len(some) == 1 else ():
                _import_all(work / str(case["number"]) / "modules.json")


def _import_vllm() -> None:
    from vllm import LLM, SamplingParams  # noqa: F401
    from vllm.model_executor.models import registry

    _wait_without_spinning()
    _keep_one_engine_for_each_rank()
    untyped: Any = registry
    untyped._run_in_subprocess = lambda inspect: inspect()  # this process is that clean
    gc.disable()  # collecting would copy every page in every fork
    gc.collect = lambda _generation=2: 0  # type: ignore[assignment]


def _import_all(names: Path) -> None:
    """Import the modules that an earlier case needed, so that no fork has to."""
    for name in json.loads(names.read_text("utf-8")) if names.exists() else ():
        if name.partition(".")[0] in ("torch", "transformers", "vllm"):
            with suppress(Exception):
                importlib.import_module(name)


def _wait_without_spinning() -> None:
    """Use collectives of gloo instead of vLLM's own in shared memory, which spin: same sums."""
    from vllm.distributed.device_communicators import cpu_communicator

    communicator: Any = cpu_communicator.CpuCommunicator
    if hasattr(communicator, "_all_group_ranks_share_shm_group_name"):
        communicator._all_group_ranks_share_shm_group_name = lambda _self: False
    else:
        import torch

        cpu_communicator._CPUSHMDistributed = lambda _communicator: torch.distributed


def _keep_one_engine_for_each_rank() -> None:
    """Undo that vLLM 0.13 turns "external_launcher" into "mp" on a CPU (platforms/cpu.py)."""
    from vllm.platforms.cpu import CpuPlatform

    check = CpuPlatform.check_and_update_config

    def checked(vllm_config: Any) -> None:
        wanted = vllm_config.parallel_config.distributed_executor_backend
        check(vllm_config)
        vllm_config.parallel_config.distributed_executor_backend = wanted

    CpuPlatform.check_and_update_config = staticmethod(checked)


def run_all(
    wanted: list[dict[str, Any]], work: Path, jobs: int, seconds: float
) -> Iterator[dict[str, Any]]:
    """Results in the order in which cases end, at most `jobs` at once."""
    waiting, running = list(reversed(wanted)), list[Case]()
    while waiting or running:
        while waiting and len(running) < jobs:
            running.append(_started(waiting.pop(), work))
        time.sleep(_POLL_SECONDS)
        for case in list(running):
            if not _ended(case, seconds):
                continue
            running.remove(case)
            result = _result(case)
            if _PORT_TAKEN in str(result.get("error")):
                waiting.append(case.spec)
            else:
                yield result


def _started(spec: dict[str, Any], work: Path) -> Case:
    folder = work / str(spec["number"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    case = Case(spec, folder)
    port = _free_port()
    for rank in range(spec.get("tp", 1) * spec.get("pp", 1)):
        pid = os.fork()
        if pid == 0:
            _rank_main(case, rank, port)
        case.ranks[rank] = pid
    return case


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _ended(case: Case, seconds: float) -> bool:
    """Whether every rank has ended; kills those that wait for a failed one, or take too long."""
    for rank, pid in case.ranks.items():
        if rank in case.exits:
            continue
        done, status, used = os.wait4(pid, os.WNOHANG)
        if done:
            case.cpu_seconds += used.ru_utime + used.ru_stime
            case.exits[rank] = os.waitstatus_to_exitcode(status)
            if case.exits[rank] != 0 and case.failed_at is None:
                case.failed_at = time.monotonic()
    late = time.monotonic() - case.started > seconds
    if late or (case.failed_at and time.monotonic() - case.failed_at > _GRACE_SECONDS):
        for rank, pid in case.ranks.items():
            if rank not in case.exits:
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
    return len(case.exits) == len(case.ranks)


def _result(case: Case) -> dict[str, Any]:
    """The report of the rank that failed first, else that of rank 0."""
    found = {rank: case.result_of(rank) for rank in case.ranks}
    kept = {
        "number": case.spec["number"],
        "seconds": round(time.monotonic() - case.started, 1),
        "cpu_seconds": round(case.cpu_seconds, 1),
    }
    bad = [rank for rank, code in case.exits.items() if code != 0]
    if not bad:
        return {**kept, **found[0], "parameters": [found[rank].get("parameters") for rank in found]}

    def by_failure(rank: int) -> tuple[bool, bool, float]:
        error = str(found[rank].get("error", ""))
        lost = any(text in error for text in _PEER_LOST)
        return (case.exits[rank] == -signal.SIGKILL, lost, found[rank].get("at", 0.0))

    first = min(bad, key=by_failure)
    died = "timed out" if case.failed_at is None else f"exit code {case.exits[first]}"
    return {**kept, "error": died, "phase": "start", **found[first], "answers": None}


def _rank_main(case: Case, rank: int, port: int) -> None:
    """One rank, in a process of its own; never returns."""
    code = 1
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # do not outlive the zygote
        log = os.open(case.work / f"{rank}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        size = len(range(case.spec.get("tp", 1) * case.spec.get("pp", 1)))
        os.environ.update(case.spec.get("environment", {}))
        os.environ.update(
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE=str(size),
            LOCAL_WORLD_SIZE=str(size),
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=str(port),
        )
        code = _guarded(case, rank)
    finally:
        os._exit(code)


def _guarded(case: Case, rank: int) -> int:
    """Exit code 0, or 1 for an exception; either way the rank's file has its report."""
    said: dict[str, Any] = {"phase": "load"}

    def say(**more: object) -> None:
        said.update(more, at=time.monotonic())
        if "answers" in more:
            (case.work / "modules.json").write_text(json.dumps(list(sys.modules)), "utf-8")
        (case.work / f"{rank}.json").write_text(json.dumps(said), "utf-8")

    say()
    try:
        works = {"reference": _reference, "beside": _beside, "capacity": _capacity}
        work = works.get(case.spec["kind"], _serve)
        work(case.spec, say)
    except BaseException as error:  # noqa: BLE001 - whatever is raised is the outcome
        import traceback

        traceback.print_exc()
        say(error=f"{type(error).__name__}: {error}")
        return 1
    return 0


def _reference(spec: dict[str, Any], say: Callable[..., None]) -> None:
    """Draw weights, save them in the folder, and let transformers answer on one rank."""
    import checkpoint  # type: ignore[import-not-found]
    import torch

    model = checkpoint.build(spec["folder"], True, torch.float32)
    if spec.get("packing"):
        import packing  # type: ignore[import-not-found]

        packing.pack_model(model, spec["folder"], spec["packing"])
    if spec.get("adapter"):
        import adapting  # type: ignore[import-not-found]

        adapting.adapt(model, spec["folder"], spec["adapter"])
    say(phase="generate")
    prompts = checkpoint.prompts(model.config.get_text_config().vocab_size)
    answers = [checkpoint.answer(model, each, NEW_TOKENS) for each in prompts]
    say(phase="done", answers=answers)


def _beside(spec: dict[str, Any], say: Callable[..., None]) -> None:
    """Load the folder with its tokenizer in vLLM, and see what ends an answer, and a chat."""
    import engine  # type: ignore[import-not-found]

    llm = engine.load({"arguments": spec["arguments"]})
    say(phase="generate")
    stops = engine.stops(llm, spec["ends"])
    say(phase="done", stops=stops, chat=engine.chat(llm))
    os._exit(0)


def _serve(spec: dict[str, Any], say: Callable[..., None]) -> None:
    """Load the folder in vLLM, under the plans of the case, and let it answer."""
    import checkpoint
    import engine

    llm = engine.load({"arguments": spec["arguments"]})
    say(phase="generate")
    prompts = checkpoint.prompts(llm.llm_engine.model_config.get_vocab_size())
    ask = {**spec["ask"], "prompts": prompts, "new_tokens": NEW_TOKENS}
    answers = engine.answer(llm, ask)
    say(phase="done", answers=answers)
    os._exit(0)  # taking an engine down costs more than a case


def _capacity(spec: dict[str, Any], say: Callable[..., None]) -> None:
    """Load the folder in vLLM without weights, and report its cache.

    The numbers are from the engine's own log; the settings are those they were computed with.
    """
    import engine

    said, held = _Said(), _Held()
    llm = engine.load({"arguments": spec["arguments"]})
    config = llm.llm_engine.vllm_config
    say(
        phase="done",
        answers=None,
        log=said.lines,
        parameters=held.bytes,
        blocks=config.cache_config.num_gpu_blocks,
        block_size=config.cache_config.block_size,
        tokens_in_flight=getattr(
            config, "max_in_flight_tokens", config.scheduler_config.max_num_batched_tokens
        ),
    )
    os._exit(0)


class _Said(logging.Handler):
    """Collects what the engine logs about its cache."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []
        logger = logging.getLogger("vllm")
        logger.setLevel(logging.INFO)
        logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line with a number of tokens."""
        text = record.getMessage()
        if "KV cache size" in text or "Maximum concurrency" in text:
            self.lines.append(text)


class _Held:
    """Counts the parameters as they are loaded, before the CPU kernels repack them."""

    def __init__(self) -> None:
        from vllm.model_executor.model_loader import base_loader

        untyped: Any = base_loader
        self.bytes = 0
        after = untyped.process_weights_after_loading

        def counted(model: Any, *more: Any) -> None:
            found = {id(each): each for each in model.parameters()}
            self.bytes = sum(each.numel() * each.element_size() for each in found.values())
            after(model, *more)

        untyped.process_weights_after_loading = counted


if __name__ == "__main__":
    main()
