"""Sorts the entries of a tensor-parallel plan by what they name."""

from __future__ import annotations

from dataclasses import dataclass

from forgather_lint.documents.model_input import ModelInput
from forgather_lint.execution.model_facts import facts_of
from forgather_lint.facts import Model
from forgather_lint.linting.support.taking import takes_anything
from forgather_lint.model.analysis import builder_of

KINDS = {True: "branch", False: "dead", None: "undecided"}


@dataclass(frozen=True, slots=True)
class Entries:
    """How many entries name something, and the keys of those that do not.

    `branch`: another config could make what they name; `dead`: no branch of the source could.
    """

    matches: int = 0
    branch: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()


def entries_of(model: ModelInput) -> Entries:
    """The entries of the config's plan, looked up in the base model; none where it is not built."""
    facts = facts_of(builder_of(model), model)
    if not isinstance(facts, Model):
        return Entries()
    rest: dict[str, list[str]] = {kind: [] for kind in KINDS.values()}
    for entry in facts.plans.tp.entries:
        if not takes_anything(entry, facts.base):
            rest[KINDS[entry.possible]].append(entry.full_key)
    silent = {kind: tuple(keys) for kind, keys in rest.items()}
    return Entries(len(facts.plans.tp.entries) - sum(map(len, silent.values())), **silent)
