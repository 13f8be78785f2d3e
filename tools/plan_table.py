"""The comparison of inferred and official plans, for people, for programs, and as it is stored."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.corpus import versions
from tools.plan_comparison import Compared, Kind

VERDICTS = Path(__file__).parents[1] / "fixtures" / "verdicts"
LONGEST_REASON = 150


@dataclass(frozen=True, slots=True)
class Row:
    """One model of the corpus."""

    name: str
    compared: Compared
    seconds: float

    @property
    def kind(self) -> Kind:
        """How its plans compare."""
        return self.compared.kind


def table(found: Sequence[Row]) -> str:
    """A line for every model that is not equivalent, or not reproduced; then the counts."""
    lines = [
        f"{row.kind:<16} {row.name:<38} {row.compared.reason[:LONGEST_REASON]}"
        for row in sorted(found, key=lambda row: list(Kind).index(row.kind))
        if row.kind is not Kind.EQUIVALENT
    ]
    missed = [row for row in found if row.compared.misses is not None]
    lines += [
        f"{'missed':<16} {row.name:<38} {(row.compared.misses or '')[:LONGEST_REASON]}"
        for row in missed
        if row.compared.misses != row.compared.reason
    ]
    counts = Counter(row.kind for row in found)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in Kind if counts[kind])
    lines.append(f"{len(found)} text models: {told}")
    lines += _equivalent(found)
    reproduced = len(found) - len(missed)
    lines.append(f"{reproduced} of {len(found)} reproduced where the official plan speaks")
    slowest = max(found, key=lambda row: row.seconds)
    seconds = sum(row.seconds for row in found)
    lines.append(f"{seconds:.1f} s, the slowest {slowest.name}: {slowest.seconds:.1f} s")
    return "\n".join(lines)


def _equivalent(found: Iterable[Row]) -> Iterator[str]:
    """The verdicts of equivalent plans: if neither of two serves, that says little about them."""
    rows = [row.compared for row in found if row.kind is Kind.EQUIVALENT]
    counts = Counter(" and ".join(row.inferred.verdicts) for row in rows if row.inferred)
    told = ", ".join(f"{number} {verdicts}" for verdicts, number in counts.most_common())
    yield f"equivalent: {told}"


def as_json(found: Iterable[Row]) -> dict[str, Any]:
    """All rows, for a program."""
    return {
        "versions": versions(),
        "models": [
            {
                "name": row.name,
                "kind": row.kind,
                "reason": row.compared.reason,
                "misses": row.compared.misses,
                "seconds": round(row.seconds, 3),
                "official": dict(row.compared.official.plan) if row.compared.official else None,
                "inferred": dict(row.compared.inferred.plan) if row.compared.inferred else None,
            }
            for row in found
        ],
    }


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored comparison; `misses` is None where the plan was reproduced."""

    kind: Kind
    misses: str | None


def path_for(server: str | None) -> Path:
    """The file for a release of vLLM; None stands for transformers itself."""
    return VERDICTS / (f"plans_vllm_{server}.json" if server else "plans.json")


def stored(server: str | None = None) -> dict[str, Stored]:
    """How each model compared when the figures were stored."""
    models = json.loads(path_for(server).read_text("utf-8"))["models"]
    return {name: Stored(Kind(each["kind"]), each["misses"]) for name, each in models.items()}


def store(found: Iterable[Row], server: str | None) -> None:
    """Write what the tests compare with: how each model compares, and why not better."""
    models = {
        row.name: {
            "kind": row.kind,
            "reason": _portable(row.compared.reason),
            "misses": _portable(row.compared.misses),
        }
        for row in found
    }
    content = {"versions": versions(), "models": models}
    path_for(server).write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def _portable(reason: str | None) -> str | None:
    """The reason without the path of the installed transformers."""
    return reason and re.sub(r"/\S*/site-packages/", "", reason)
