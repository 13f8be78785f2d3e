"""The rates at first contact: the verdicts on a batch before anything was mended because of it."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from oracles.releases import Release
from oracles.stored import VERDICTS
from tools.modelsmith.batch import Both

STORED = VERDICTS / "first_contact.json"


class Contact(TypedDict):
    """A batch on one release: which models, who judged them, and how often both agreed.

    `differs` counts pairs of our verdict and the engine's. `revision` is the commit that judged:
    what is mended afterwards never changes an entry.
    """

    seed: int
    models: int
    revision: str
    vllm: str
    transformers: str
    cells: int
    no_reference: int
    agrees: int
    unknown: int
    differs: dict[str, int]


def contact(
    seed: int, models: int, revision: str, release: Release, found: Sequence[Both]
) -> Contact:
    """The counts of a batch."""
    counted = [each for each in found if each.counts]
    differs = Counter(
        f"{each.ours['verdict']} for {each.its['verdict']}"
        for each in counted
        if each.decided and not each.agrees
    )
    return Contact(
        seed=seed,
        models=models,
        revision=revision,
        vllm=release.vllm,
        transformers=release.transformers,
        cells=len(counted),
        no_reference=len(found) - len(counted),
        agrees=sum(each.agrees for each in counted),
        unknown=sum(not each.decided for each in counted),
        differs=dict(sorted(differs.items())),
    )


def read(path: Path = STORED) -> list[Contact]:
    """All batches, in the order in which they were asked."""
    found: list[Contact] = json.loads(path.read_text("utf-8")) if path.exists() else []
    return found


def add(new: Contact, path: Path = STORED) -> bool:
    """Store a batch; one that is there already stays as it was. Returns whether it was new."""
    before = read(path)
    if _batch(new) in map(_batch, before):
        return False
    path.write_text(json.dumps([*before, new], indent=1) + "\n", "utf-8")
    return True


def revision() -> str:
    """The commit of the code that judges."""
    here = Path(__file__).parent
    called = ["git", "-C", str(here), "rev-parse", "--short", "HEAD"]
    return subprocess.run(called, capture_output=True, text=True, check=False).stdout.strip()


def _batch(kept: Contact) -> tuple[int, int, str]:
    return kept["seed"], kept["models"], kept["vllm"]


def summary(new: Contact) -> str:
    """The rates in a line."""
    decided = new["cells"] - new["unknown"]
    rate = 100 * new["agrees"] / max(1, decided)
    unknown = 100 * new["unknown"] / max(1, new["cells"])
    return (
        f"seed {new['seed']}, {new['models']} models, vLLM {new['vllm']}: {new['agrees']} of "
        f"{decided} decided agree ({rate:.1f} %), {new['unknown']} unknown ({unknown:.1f} %), "
        f"{new['no_reference']} without reference; {new['differs']}"
    )
