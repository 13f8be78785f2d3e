"""Which modules and parameters a plan entry takes, in vLLM or in transformers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from forgather_lint.facts import Model, Module, Parameter, PlanEntry, Structure
from forgather_lint.rule_support.matching_until_targets import transformers_match, vllm_match
from forgather_lint.rule_support.styles import Split, split_of
from forgather_lint.rule_support.tree import folded, linears


@dataclass(frozen=True, slots=True)
class Planned:
    """A linear layer of the base model and the entry that decides its style, if any."""

    module: Module
    entry: PlanEntry | None

    @property
    def split(self) -> Split | None:
        return split_of(self.entry.style) if self.entry else None


def takes_anything(entry: PlanEntry, structure: Structure) -> bool:
    """Whether the entry names a module or a parameter, by the rules of either engine."""
    return any(
        _either(entry, name) for name in _names(entry, (*structure.modules, *structure.parameters))
    )


def spells(entry: PlanEntry, module: Module) -> bool:
    """Whether the key is the module's name with layer numbers as `*`: a transformers match."""
    return transformers_match(entry.full_key, module.name)


def named_modules(entry: PlanEntry, structure: Structure) -> tuple[Module, ...]:
    """The modules whose own name the entry spells: what transformers looks up."""
    return tuple(module for module in structure.modules if spells(entry, module))


def named_parameters(entry: PlanEntry, structure: Structure) -> tuple[Parameter, ...]:
    """The parameters whose own name the entry spells."""
    return tuple(p for p in structure.parameters if transformers_match(entry.full_key, p.name))


def matched_linears(entry: PlanEntry, structure: Structure) -> tuple[Module, ...]:
    """The linear layers that vLLM matches: a key is a regular expression with an open end."""
    return tuple(m for m in linears(structure) if vllm_match(entry.full_key, m.name))


def entries_of_base(model: Model) -> tuple[PlanEntry, ...]:
    """What may apply to the base model, in dict order: class plans first, as transformers merges.

    Class plans reach the base model from transformers 5.14 on (`init_parallel_plans`).
    """
    return (*model.plans.class_tp.entries, *model.plans.tp.entries)


def planned_linears(model: Model) -> tuple[Planned, ...]:
    """Every linear layer of the base model with the first entry that takes it."""
    entries = entries_of_base(model)
    decided: dict[str, PlanEntry | None] = {}
    found = []
    for module in linears(model.base):
        key = module.name if _tell_indices_apart(entries) else folded(module.name)
        if key not in decided:
            decided[key] = next((e for e in entries if _either(e, module.name)), None)
        found.append(Planned(module, decided[key]))
    return tuple(found)


def _either(entry: PlanEntry, name: str) -> bool:
    return vllm_match(entry.full_key, name) or transformers_match(entry.full_key, name)


def _names(entry: PlanEntry, named: Iterable[Module | Parameter]) -> Iterator[str]:
    """One name for each folded name, unless the key tells layers apart."""
    if _tell_indices_apart((entry,)):
        return (item.name for item in named)
    return iter({folded(item.name): item.name for item in named}.values())


def _tell_indices_apart(entries: Iterable[PlanEntry]) -> bool:
    return any(character.isdigit() for entry in entries for character in entry.full_key)
