"""The table of custom-code models of public repositories: `python -m tools.public_models MIRROR`.

    python -m tools.public_models MIRROR [--only TEXT] [--yes] [--store]

MIRROR has a folder OWNER+NAME for each repository that `fixtures/public_models.json` names, with a
git directory in it (any clone will do); you fetch them yourself, nothing of theirs is kept here.
Each model is checked as it lies at its commit, with the files of its repository around it, and
judged for vLLM 0.32 at one and two ranks. With --yes its tree is compared with what PyTorch builds
(which executes its code) by the transformers that is installed. --store keeps the table in
`fixtures/verdicts/public_models.json`.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypedDict, cast

from forgather_lint.core.settings import Settings
from forgather_lint.documents.discover import candidates
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.pipeline import check_model
from forgather_lint.probes.runner import CHILDREN
from oracles.stored import VERDICTS
from tools import command_line
from tools.comparison import Comparison, Status
from tools.corpus_elsewhere import Builds, Reality, compared_with_pytorch
from tools.forked import ENDED, Child
from tools.modelsmith.contact import revision
from tools.modelsmith.static import Judged, Size, judged

LISTED = VERDICTS.parent / "public_models.json"
STORED = VERDICTS / "public_models.json"
NEWEST = ("0.32.0", "5.19.0")
SIZES: tuple[Size, ...] = ((1, 1), (2, 1))
_READ = (".py", ".json", ".jinja")
_OF_WEIGHTS = ".index.json"
"""What of a repository is laid out: code and configurations, and nothing of weights."""


class Listed(TypedDict):
    """A model: a folder of a repository, and the config.json to write where it has none."""

    name: str
    repository: str
    commit: str
    path: str
    config: dict[str, object] | None


class Told(TypedDict):
    """What became of a model.

    `tree` is how its tree compares with PyTorch's, `why` the first reason why it is not exact.
    `cells` has the verdict of vLLM 0.32 by size, `codes` the rules that gave errors, `revision` is
    the commit that judged it.
    """

    name: str
    repository: str
    commit: str
    path: str
    tree: str
    why: str
    cells: dict[str, str]
    reasons: dict[str, str]
    codes: list[str]
    seconds: float
    revision: str


class Table(TypedDict):
    """All models, with the releases for which they were judged."""

    vllm: str
    transformers: str
    models: list[Told]


@dataclass(frozen=True, slots=True)
class Mirror:
    """A folder with clones of repositories."""

    folder: Path

    def lay_out(self, one: Listed, into: Path) -> Path:
        """The folder of the model, below `into`, where its repository is written once.

        Raises `CalledProcessError` where the mirror does not have that commit.
        """
        into = into / f"{one['repository'].replace('/', '+')}_{one['commit'][:10]}"
        if not into.exists():
            for name, text in _files(self._git(one["repository"]), one["commit"]):
                path = into / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text)
        folder = into / one["path"]
        if one["config"] is not None:
            (folder / "config.json").write_text(json.dumps(one["config"], indent=1), "utf-8")
        return folder

    def _git(self, repository: str) -> Path:
        owner = self.folder / repository.replace("/", "+", 1)
        found = sorted([*owner.glob("HEAD"), *owner.glob("*/HEAD"), *owner.glob("*/.git/HEAD")])
        if not found:
            raise FileNotFoundError(f"no git directory in {owner}")
        return found[0].parent


def _files(git: Path, commit: str) -> Iterator[tuple[str, bytes]]:
    """The files that are read of a repository; those that the mirror left out are passed over."""
    called = ["git", "-C", str(git), "ls-tree", "-r", "-z", "--name-only", commit]
    names = subprocess.run(called, capture_output=True, check=True).stdout.decode().split("\0")
    wanted = [name for name in names if _is_read(name)]
    asked = "".join(f"{commit}:{name}\n" for name in wanted).encode()
    called = ["git", "-C", str(git), "cat-file", "--batch"]
    answer = io.BytesIO(subprocess.run(called, input=asked, capture_output=True, check=True).stdout)
    for name in wanted:
        *_, last = answer.readline().split()
        if last != b"missing":
            yield name, answer.read(int(last))
            answer.read(1)


def _is_read(name: str) -> bool:
    return name.endswith(_READ) and not name.endswith(_OF_WEIGHTS) and "\n" not in name


def listed() -> list[Listed]:
    """The models of the table."""
    found: list[Listed] = json.loads(LISTED.read_text("utf-8"))
    return found


def stored() -> Table:
    """The table as it was taken last."""
    return cast(Table, json.loads(STORED.read_text("utf-8")))


def rows(models: Sequence[Listed], mirror: Mirror, builds: Builds | None) -> Iterator[Told]:
    """What becomes of each model, one by one."""
    with tempfile.TemporaryDirectory(prefix="forgather-lint-public-") as folder:
        for one in models:
            yield told(one, mirror.lay_out(one, Path(folder)), builds)


def in_a_fork(work: Path) -> Builds:
    """Has PyTorch build models in forks of this process, so that it is imported once."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HOME": str(work)}
    sys.path.append(str(CHILDREN))
    meta_model = importlib.import_module("meta_model")  # which imports what lies beside it

    def whole(folder: Path) -> object:
        return meta_model.structure(meta_model.build_architecture(str(folder)))

    def builds(folder: Path) -> Reality:
        fine, found = Child(partial(whole, folder), work / "log").result(
            time.monotonic() + _LONGEST
        )
        if fine:
            return Reality(found)
        said = " ".join(str(found).split())
        return Reality(why=said) if found == ENDED else Reality(error=said)

    return builds


_LONGEST = 400.0
"""Seconds that building one model may take on a loaded machine."""


def told(one: Listed, folder: Path, builds: Builds | None) -> Told:
    """What becomes of the model that lies in `folder`."""
    settings = Settings()
    found = [each for each in candidates(folder, settings.excludes) if each.folder == folder]
    assert found, f"{one['name']}: no model in {folder}"
    start = time.process_time()
    report = check_model(found[0], settings)
    seconds = time.process_time() - start
    assert report is not None, f"{one['name']}: not a model"
    tree = compared_with_pytorch(found[0], report, builds)
    cells = judged(folder, VllmTarget.of(*NEWEST), SIZES)
    errors = {each.code for each in report.diagnostics if each.severity == "error"}
    return Told(
        name=one["name"],
        repository=one["repository"],
        commit=one["commit"],
        path=one["path"],
        tree=str(tree.status),
        why=_why(tree, folder),
        cells={_shown(size): each["verdict"] for size, each in cells.items()},
        reasons={_shown(size): _reason(each, folder) for size, each in cells.items()},
        codes=sorted(errors),
        seconds=round(seconds, 2),
        revision=revision(),
    )


def _shown(size: Size) -> str:
    return "x".join(map(str, size))


def _reason(each: Judged, folder: Path) -> str:
    return f"{each['code']} {each['reason'][:150]}".strip().replace(str(folder), "")


def _why(tree: Comparison, folder: Path) -> str:
    first = next(iter(tree.reasons), "")
    return first.replace(str(folder), "")[:250] if tree.status is not Status.EXACT else ""


def summary(found: Sequence[Told]) -> str:
    """The counts of a table, for a reader."""
    trees = Counter(each["tree"] for each in found)
    cells = Counter(verdict for each in found for verdict in each["cells"].values())
    count = sum(cells.values())
    median = statistics.median([each["seconds"] for each in found] or [0.0])
    return "\n".join(
        (
            f"{len(found)} models of {len({each['repository'] for each in found})} repositories",
            "trees: " + _counts(trees),
            f"{count} cells: {_counts(cells)}; "
            f"{100 * cells['unknown'] / max(1, count):.1f} % unknown",
            f"median {median:.2f} s of CPU for a check",
        )
    )


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(found.items()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and its counts; 1 when a tree differs or anything crashed."""
    parser = command_line.parser(__doc__)
    parser.add_argument("mirror", type=Path)
    parser.add_argument("--only", default="", help="models with this text in their name")
    parser.add_argument("--yes", action="store_true", help="run the models' code to compare")
    parser.add_argument("--store", action="store_true")
    chosen = parser.parse_args(arguments)
    models = [each for each in listed() if chosen.only in each["name"]]
    found = []
    with tempfile.TemporaryDirectory(prefix="forgather-lint-public-") as work:
        builds = in_a_fork(Path(work)) if chosen.yes else None
        for each in rows(models, Mirror(chosen.mirror), builds):
            print(json.dumps(each), flush=True)
            found.append(each)
    print(summary(found))
    if chosen.store:
        vllm, transformers = NEWEST
        table = Table(vllm=vllm, transformers=transformers, models=found)
        STORED.write_text(json.dumps(table, indent=1) + "\n", "utf-8")
    bad = (str(Status.DIFFERS), str(Status.CRASHED))
    crashed = any("crashes" in each["cells"].values() for each in found)
    return int(crashed or any(each["tree"] in bad for each in found))


if __name__ == "__main__":
    sys.exit(main())
