"""Which modules and parameters a plan entry matches (takes), in vLLM and in transformers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import TypeVar

from forgather_lint.core.record import record
from forgather_lint.facts import Model, Module, Parameter, Plan, PlanEntry, Structure, folded
from forgather_lint.linting.support import keys
from forgather_lint.linting.support.nearest import Suggestion, is_typo, likeness, suggest
from forgather_lint.linting.support.styles import Split, needs_linear, split_of
from forgather_lint.linting.support.tree import first_of_each, linears

Told = TypeVar("Told")


@record
class Planned:
    """A linear layer of the base model, and the entry that decides its style, if any."""

    module: Module
    entry: PlanEntry | None

    @property
    def split(self) -> Split | None:
        """How the style splits the layer; None: not at all."""
        return split_of(self.entry.style) if self.entry else None


def takes_anything(entry: PlanEntry, structure: Structure) -> bool:
    """Whether the entry has an effect in vLLM or in transformers.

    vLLM looks up linear layers only, transformers every module and parameter.
    """
    named: tuple[Module | Parameter, ...] = (*structure.modules, *structure.parameters)
    return any(keys.spells(entry.full_key, name) for name in _representatives(entry, named)) or any(
        keys.begins(entry.full_key, name) for name in _representatives(entry, linears(structure))
    )


def spells(entry: PlanEntry, module: Module) -> bool:
    """Whether transformers matches the entry to the module: equal, with `*` for numbers."""
    return keys.spells(entry.full_key, module.name)


def named_modules(entry: PlanEntry, structure: Structure) -> tuple[Module, ...]:
    """The modules that transformers matches: those whose name the entry spells."""
    return structure.modules_folded().get(entry.full_key, ())


def named_parameters(entry: PlanEntry, structure: Structure) -> tuple[Parameter, ...]:
    """The parameters that transformers matches: those whose name the entry spells."""
    return structure.parameters_folded().get(entry.full_key, ())


def matched_linears(entry: PlanEntry, structure: Structure) -> tuple[Module, ...]:
    """The linear layers that vLLM matches: a key is an expression that the name begins with."""
    begins = partial(keys.begins, entry.full_key)
    return tuple(m for m, taken in _told((entry,), linears(structure), begins) if taken)


def entries_of_base(model: Model) -> tuple[PlanEntry, ...]:
    """The entries that may apply to the base model, in dict order: class plans first.

    Class plans reach the base model from transformers 5.14 on (`init_parallel_plans`).
    """
    return (*model.plans.class_tp.entries, *model.plans.tp.entries)


def planned_linears(model: Model) -> tuple[Planned, ...]:
    """Every linear layer of the base model, with the first entry that matches it.

    An entry that matches nothing counts for the layer it was surely meant for, so that one misspelt
    name is not reported once more by each rule about missing entries.
    """
    entries = entries_of_base(model)
    misspelt = _misspelt(model)

    def taking(name: str) -> PlanEntry | None:
        first = next((each for each in entries if _either(each, name)), None)
        return first or misspelt.get(folded(name))

    layers = linears(model.base)
    return tuple(Planned(module, entry) for module, entry in _told(entries, layers, taking))


def dead_entries(plan: Plan, *trees: Structure) -> tuple[PlanEntry, ...]:
    """The entries that no branch of the source could match, though they are expressions."""
    return tuple(
        entry
        for entry in plan.entries
        if entry.possible is False
        and keys.error_of(entry.full_key) is None
        and not any(takes_anything(entry, tree) for tree in trees)
    )


def meant_by(entry: PlanEntry, structure: Structure) -> Suggestion:
    """What an entry that matches nothing was probably meant for."""
    wanted = linears(structure) if needs_linear(entry.style) else structure.modules
    return suggest(entry.full_key, first_of_each(wanted))


def name_meant(key: str, meant: Suggestion, taken: Collection[str]) -> str | None:
    """The one name of `meant` that `key` can be replaced by, if no entry has `taken` it; else None.

    Of several names that are equally similar none is chosen.
    """
    free = [name for name in meant.names if name not in taken]
    if meant.sure:
        return meant.names[0] if meant.names[0] in free else None
    alike = [name for name in free if is_typo(key, name)]
    first = max((likeness(key, name) for name in alike), default=0.0)
    best = [name for name in alike if likeness(key, name) == first]
    return best[0] if len(best) == 1 else None


def _misspelt(model: Model) -> dict[str, PlanEntry]:
    """Folded names of layers, each with the dead entry that surely was meant for it."""
    found = {}
    for entry in dead_entries(model.plans.tp, model.base):
        meant = meant_by(entry, model.base)
        if meant.sure or any(is_typo(entry.full_key, name) for name in meant.names[:1]):
            found[meant.names[0]] = entry
    return found


def _either(entry: PlanEntry, name: str) -> bool:
    return keys.begins(entry.full_key, name) or keys.spells(entry.full_key, name)


def _representatives(entry: PlanEntry, named: Iterable[Module | Parameter]) -> Iterable[str]:
    """One name for each folded name, unless the key distinguishes layers by number."""
    if keys.tells_numbers_apart(entry.full_key):
        return [item.name for item in named]
    return {folded(item.name): item.name for item in named}.values()


def _told(
    entries: Iterable[PlanEntry], modules: Iterable[Module], tell: Callable[[str], Told]
) -> Iterator[tuple[Module, Told]]:
    """Each module with what `tell` says of its name, by what `entries` take.

    Of the layers of a stack only one is asked about, unless a key distinguishes them by number.
    """
    apart = any(keys.tells_numbers_apart(entry.full_key) for entry in entries)
    told: dict[str, Told] = {}
    for module in modules:
        name = module.name if apart else folded(module.name)
        if name not in told:
            told[name] = tell(module.name)
        yield module, told[name]
