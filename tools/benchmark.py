"""How long a cold `check` takes, against what users would otherwise wait for.

    python tools/benchmark.py [--rounds 7] [--script .venv/bin/forgather-lint] [--mlinter FILE]
                              [--only warm --only copies ...]

Every command runs in a fresh process, the commands in turn, so that a busy machine slows all of
them alike; each keeps its best round, by processor time (user and system) and by the clock. A first
round, not counted, writes the bytecode. The limits hold for processor time.

    warm          the same check when its answer is kept, against `click`, the import of it alone
    copies        200 copies of one model, each of 40 layers, against `one of them`
    meta          the same model built on the meta device; needs torch and transformers
    one release   the same check by a copy of the tool whose profiles hold one row of each fact, the
                  one that is read: what the history of all other releases costs
    survey        `matrix` of 48 layers at 4 x 10 sizes, against `one cell` of it
    workspace     40 Forgather projects with 100 configurations; `configuration` is the largest
    script        the console script of an installation, against the Python beside it (`--script`)
    five models   modeling files of the installed transformers, against transformers-mlinter on the
                  same (`--mlinter`, its executable in an environment of its own); it has no limit
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import chain
from math import inf
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from forgather_lint.core.version import Version  # noqa: E402
from forgather_lint.engines.chosen_targets import chosen_targets  # noqa: E402
from forgather_lint.engines.fact import DATA, Row, histories  # noqa: E402
from forgather_lint.model.release_sources import installed_transformers  # noqa: E402
from tests.fixture_models import MODELS, copy_model  # noqa: E402
from tests.forgather_projects import write_workspace  # noqa: E402
from tools import command_line  # noqa: E402

SMALL, MANY_LAYERS, SURVEY_LAYERS = MODELS / "hf_llama", 80, 48
SURVEY = ["-tp", "1,2,3,4,5,6,8,16,32,64", "-pp", "1,2,3,4"]
IMPORT, CLICK = ["-c", "import libcst"], ["-c", "import click"]
WARM = ["-m", "forgather_lint", "check", "--isolated", "--exit-zero"]
CHECK = [*WARM, "--no-cache"]
COPIES, COPIED_LAYERS = 200, 40
FIVE = ("bert", "gemma", "llama", "mistral", "qwen3")
META = """
import sys, torch
from transformers import AutoConfig, AutoModelForCausalLM
from tools import command_line
config = AutoConfig.from_pretrained(sys.argv[1], trust_remote_code=True)
with torch.device("meta"):
    AutoModelForCausalLM.from_config(config, trust_remote_code=True)
"""

LIMITS = {
    ("check", "libcst"): 3.0,
    ("warm", "click"): 3.0,
    ("copies", "one of them"): 3.0,
    ("check", "meta"): 1 / 8,
    ("check", "one release"): 1.1,
    ("80 layers", "check"): 1.5,
    ("80 layers, 2 ranks", "80 layers"): 1.5,
    ("survey", "one cell"): 3.0,
    ("five models", "mlinter"): inf,
    ("script", "libcst of script"): 3.0,
    ("workspace", "configuration"): 10.0,
}
"""The most that one command may cost, as a multiple of another."""


class Command(NamedTuple):
    """A command line, where it runs, and how often: a long one needs few rounds."""

    line: list[str]
    folder: Path = ROOT
    most_rounds: int = 1000
    finds: bool = False
    """It may have findings, and so exit with 1."""


class Cost(NamedTuple):
    """Seconds of a run."""

    processor: float
    clock: float


def commands(folder: Path, script: Path | None, mlinter: Path | None = None) -> dict[str, Command]:
    """The commands that are compared; files they need are put into `folder`."""
    large = copy_model(SMALL.name, folder, num_hidden_layers=MANY_LAYERS)
    heads = {"num_attention_heads": 64, "num_key_value_heads": 64, "hidden_size": 4096}
    surveyed = copy_model(SMALL.name, folder / "survey", **heads, num_hidden_layers=SURVEY_LAYERS)
    matrix = [sys.executable, "-m", "forgather_lint", "matrix", "--target", "vllm==0.32"]
    workspace = write_workspace(folder)
    copies = folder / "copies"
    copy_model(SMALL.name, copies, num_hidden_layers=COPIED_LAYERS).rename(copies / "0")
    for number in range(1, COPIES):
        shutil.copytree(copies / "0", copies / str(number))
    largest = workspace / "llama" / "templates" / "configs" / "wide.yaml"
    python = [sys.executable]
    found = {
        "libcst": Command([*python, *IMPORT]),
        "click": Command([*python, *CLICK]),
        "check": Command([*python, *CHECK, str(SMALL)]),
        "warm": Command([*python, *WARM, "--cache-dir", str(folder / "kept"), str(SMALL)]),
        "one of them": Command([*python, *CHECK, str(copies / "0")]),
        "copies": Command([*python, *CHECK, str(copies)], most_rounds=2),
        "one release": Command([*python, *CHECK, str(SMALL)], with_one_release(folder / "one")),
        "80 layers": Command([*python, *CHECK, str(large)]),
        "80 layers, 2 ranks": Command([*python, *CHECK, "-tp", "2", str(large)]),
        "one cell": Command([*matrix, "-tp", "2", "-pp", "2", str(surveyed)]),
        "survey": Command([*matrix, *SURVEY, str(surveyed)]),
        "configuration": Command([*python, *CHECK, str(largest)]),
        "workspace": Command([*python, *CHECK, str(workspace)], most_rounds=2),
    }
    if find_spec("torch") and find_spec("transformers"):
        found["meta"] = Command([*python, "-c", META, str(SMALL)])
    package = installed_transformers()[1]
    if mlinter is not None and package is not None:
        files = [str(package / "models" / name / f"modeling_{name}.py") for name in FIVE]
        found["five models"] = Command([*python, *CHECK, *files])
        found["mlinter"] = Command(
            [str(mlinter), "--no-cache", "--no-progress", *files], finds=True
        )
    if script is not None:
        beside = str(script.parent / "python")
        found["libcst of script"] = Command([beside, *IMPORT])
        found["script"] = Command([str(script), *CHECK[2:], str(SMALL)])
    return found


def with_one_release(folder: Path) -> Path:
    """A copy of the tool whose profiles know nothing of other releases than the one judged."""
    for package in ("forgather_lint", "rules"):
        shutil.copytree(ROOT / package, folder / package)
    target = chosen_targets(()).targets[0]
    for project, version in (
        (target.release.project, target.version),
        ("transformers", target.transformers.version),
    ):
        for file in (DATA / project).glob("*.toml"):
            facts = histories(f"{project}/{file.stem}").values()
            rows = chain.from_iterable(rows_read(history, version) for history in facts)
            copy = folder / "forgather_lint" / "engines" / file.relative_to(DATA.parent)
            copy.write_text("".join(row.text for row in rows), "utf-8")
    return folder


def rows_read(history: list[Row], version: Version) -> Iterator[Row]:
    """The rows with the value of a fact at `version`, and with its source."""
    past = [row for row in history if row.release <= version] or history[:1]
    value = max(row.release for row in past if row.states("is"))
    source = max(row.release for row in past if row.states("source"))
    yield from (row for row in past if row.release in (value, source))


def cost(command: Command, environment: Mapping[str, str]) -> Cost:
    """What a run of `command` takes. Raises `SystemExit` when it fails."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command.line, cwd=command.folder, env=environment, capture_output=True, text=True
    )
    clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode > int(command.finds):
        raise SystemExit(f"{command.line}: {done.stderr}")
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return Cost(user + system, clock)


def measure(
    rounds: int,
    script: Path | None = None,
    mlinter: Path | None = None,
    only: Sequence[str] = (),
) -> dict[str, Cost]:
    """The best cost of each command, or of those in the pairs that begin with one of `only`."""
    best: dict[str, Cost] = {}
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(
            os.environ,
            PYTHONPYCACHEPREFIX=f"{folder}/bytecode",
            XDG_CACHE_HOME=f"{folder}/user",
            HF_HUB_OFFLINE="1",
        )
        for variable in ("PYTHONDONTWRITEBYTECODE", "FORGATHER_LINT_NO_CACHE"):
            environment.pop(variable, None)
        every = commands(Path(folder), script, mlinter)
        if only:
            wanted = {name for pair in LIMITS if pair[0] in only for name in pair}
            every = {name: command for name, command in every.items() if name in wanted}
        for command in every.values():
            cost(command, environment)
        for number in range(rounds):
            for name, command in every.items():
                if number < command.most_rounds:
                    taken = cost(command, environment)
                    best[name] = Cost(*map(min, taken, best.get(name, taken)))
    return best


def ratios(costs: Mapping[str, Cost]) -> dict[tuple[str, str], Cost]:
    """The ratio for each pair of `LIMITS` that was measured."""
    return {
        (one, other): Cost(
            costs[one].processor / costs[other].processor, costs[one].clock / costs[other].clock
        )
        for one, other in LIMITS
        if one in costs and other in costs
    }


def main() -> None:
    """Measure, print, and fail beyond a limit."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--script", type=lambda path: Path(path).absolute())
    parser.add_argument("--mlinter", type=lambda path: Path(path).absolute())
    parser.add_argument("--only", action="append", choices=sorted({one for one, _ in LIMITS}))
    chosen = parser.parse_args()
    costs = measure(chosen.rounds, chosen.script, chosen.mlinter, chosen.only or ())
    print("processor   clock")
    for name, taken in costs.items():
        print(f"{taken.processor:7.3f} s {taken.clock:7.3f} s  {name}")
    for pair, ratio in ratios(costs).items():
        verdict = "ok" if ratio.processor <= LIMITS[pair] else "TOO SLOW"
        print(
            f"{ratio.processor:7.3f}   {ratio.clock:7.3f}    {pair[0]} / {pair[1]}"
            f"  (at most {LIMITS[pair]:.3f}: {verdict})"
        )


if __name__ == "__main__":
    main()
