"""How long a cold `check` takes, in CPU seconds and against what users would otherwise wait for.

    python tools/benchmark.py [--rounds 7]

Every command runs in a fresh process, the commands in turn, so that a busy machine slows all of
them alike; each keeps its best round. A first round, not counted, writes the bytecode. Without
torch and transformers the model is not built on the meta device.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.fixture_models import MODELS, copy_model  # noqa: E402

SMALL, MANY_LAYERS = MODELS / "hf_llama", 80

META = """
import sys, torch
from transformers import AutoConfig, AutoModelForCausalLM
config = AutoConfig.from_pretrained(sys.argv[1], trust_remote_code=True)
with torch.device("meta"):
    AutoModelForCausalLM.from_config(config, trust_remote_code=True)
"""

LIMITS = {
    ("check", "libcst"): 3.0,
    ("check", "meta"): 1 / 8,
    ("80 layers", "check"): 1.5,
    ("80 layers, 2 ranks", "80 layers"): 1.5,
}
"""What one command may cost, as a multiple of another."""


def commands(folder: Path) -> dict[str, list[str]]:
    """The commands that are compared; `folder` takes the model of many layers."""
    large = copy_model(SMALL.name, folder, num_hidden_layers=MANY_LAYERS)
    check = ["-m", "forgather_lint", "check", "--isolated"]
    found = {
        "libcst": ["-c", "import libcst"],
        "check": [*check, str(SMALL)],
        "80 layers": [*check, str(large)],
        "80 layers, 2 ranks": [*check, "-tp", "2", str(large)],
    }
    if find_spec("torch") and find_spec("transformers"):
        found["meta"] = ["-c", META, str(SMALL)]
    return {name: [sys.executable, *arguments] for name, arguments in found.items()}


def cpu_seconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """User and system time of a run of `command`. Raises `SystemExit` when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(rounds: int) -> dict[str, float]:
    """The best CPU time of each command."""
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, PYTHONPYCACHEPREFIX=f"{folder}/bytecode", HF_HUB_OFFLINE="1")
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        every = commands(Path(folder))
        for command in every.values():
            cpu_seconds(command, environment)
        for _ in range(rounds):
            for name, command in every.items():
                best[name] = min(cpu_seconds(command, environment), best.get(name, float("inf")))
    return best


def ratios(seconds: Mapping[str, float]) -> dict[tuple[str, str], float]:
    """Each pair of `LIMITS` that was measured."""
    return {
        (one, other): seconds[one] / seconds[other]
        for one, other in LIMITS
        if one in seconds and other in seconds
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    seconds = measure(parser.parse_args().rounds)
    for name, taken in seconds.items():
        print(f"{taken:8.3f} s  {name}")
    for pair, ratio in ratios(seconds).items():
        verdict = "ok" if ratio <= LIMITS[pair] else "TOO SLOW"
        print(f"{ratio:8.3f}    {pair[0]} / {pair[1]}  (at most {LIMITS[pair]:.3f}: {verdict})")


if __name__ == "__main__":
    main()
