"""The static verdict on a model of transformers with its own plan, at two ranks, by target."""

from __future__ import annotations

import importlib.metadata
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from forgather_lint.core.recursion import deep_recursion
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.vllm.subject import prepare
from forgather_lint.engines.vllm.target import VllmTarget

RANKS = 2
CRASHED = "crashed"
NOT_BUILT = "not built"
SERVERS = ("0.32.0", "0.33.0")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one model, with the reason and its place where there are any."""

    verdict: str
    reason: str = ""
    place: str = ""

    @property
    def kind(self) -> str:
        """The reason without the sizes and names of a particular model, for counting."""
        return re.sub(r"\d+|'[^']*'", "*", self.reason.partition("\n")[0])[:70]


def verdicts_of(model: ModelInput) -> dict[str, Verdict]:
    """The verdict of every target; a bug of ours is a crash."""
    found, library = {}, importlib.metadata.version("transformers")
    for server in SERVERS:
        try:
            found[f"vllm {server}"] = _served(model, VllmTarget.of(server, library))
        except Exception as error:  # noqa: BLE001 - crashes are what is counted
            found[f"vllm {server}"] = Verdict(CRASHED, repr(error))
    return found


def _served(model: ModelInput, target: VllmTarget) -> Verdict:
    prepared = prepare(model, target, "auto")
    if prepared.judge is None:
        ended = prepared.ended
        return Verdict(NOT_BUILT, ended.message if ended else "")
    with deep_recursion():
        outcome = prepared.judge.tensor_outcome(RANKS)
    place = str(outcome.where.span) if outcome.where else ""
    return Verdict(outcome.verdict.value, outcome.reason, place)


def counted(found: Iterable[Mapping[str, Verdict]]) -> Iterator[str]:
    """For each target the number of models by verdict, then by reason."""
    rows = list(found)
    for target in dict.fromkeys(name for row in rows for name in row):
        verdicts = [row[target] for row in rows]
        counts = Counter(each.verdict for each in verdicts)
        told = ", ".join(f"{number} {name}" for name, number in counts.most_common())
        yield f"{target} at {RANKS} ranks: {told}"
        reasons = Counter((each.verdict, each.kind) for each in verdicts if each.reason)
        for (verdict, reason), number in reasons.most_common():
            yield f"  {number:>4} {verdict:<9} {reason}"
