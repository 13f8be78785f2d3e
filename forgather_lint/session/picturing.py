"""Makes the picture of a model (`picture.py`): what its first target makes of its plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path

from forgather_lint.core import doing
from forgather_lint.core.looks import States, noted
from forgather_lint.core.paths import absolute
from forgather_lint.core.record import record
from forgather_lint.core.settings import Settings
from forgather_lint.core.source import Place as Where
from forgather_lint.core.source import Span
from forgather_lint.documents.config_json import ConfigFile
from forgather_lint.documents.model_input import ModelInput, open_model
from forgather_lint.documents.python import SourceError
from forgather_lint.engines.api import Judge, Target
from forgather_lint.engines.chosen_targets import chosen_targets, read_release
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.layers import BY_COLUMN, BY_ROW, Role, split_dimension
from forgather_lint.execution.memory import DTYPE_BYTES, padded
from forgather_lint.execution.model_facts import facts_of
from forgather_lint.execution.partition import get_pp_indices
from forgather_lint.facts import Model, Module, NotBuilt, Parameter, Plan, PlanEntry, Structure
from forgather_lint.inference.infer import folded
from forgather_lint.libraries.names import EMBEDDING, MODULE_LIST
from forgather_lint.model.analysis import builder_of, contained
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.session.checking import PlaceToCheck
from forgather_lint.session.picture import (
    EntrySeen,
    ModuleSeen,
    Picture,
    PlanSeen,
    Shape,
    TemplateLink,
    ValueSeen,
)

DTYPE = "bfloat16"
STAGES = (2, 4)
RANKS = 2
MOST_NAMES = 2_000
"""The most folded names of modules that are shown; a hand-written model has some dozens."""

EXCHANGES = {
    Role.COLUMN: "nothing is exchanged: each rank goes on with its part",
    Role.COLUMN_GATHERED: "all-gather of the output",
    Role.ROW: "all-reduce of the output: what the ranks have is summed",
    Role.ROW_SPLITTING: "each rank takes its part of the input; all-reduce of the output",
    Role.REPLICATED: "whole on every rank",
}
OF_TABLES = "rows of the vocabulary, whatever the plan says; all-reduce of the output"
ABOUT = {
    "num_attention_heads": "query heads, shared out among the ranks",
    "num_key_value_heads": "key-value heads; of fewer than ranks each is there several times",
    "hidden_size": "width of the residual stream",
    "intermediate_size": "width of the feed-forward layers, shared out among the ranks",
    "vocab_size": "rows of the vocabulary tables, shared out among the ranks",
    "num_hidden_layers": "layers, shared out among the stages",
    "num_local_experts": "experts of a layer",
    "num_experts": "experts of a layer",
}
"""What sizes in the config mean for serving."""
_BY_RANKS = ("num_attention_heads", "num_key_value_heads", "intermediate_size", "vocab_size")
_RANKS = (1, 2, 4, 8)

Tell = Callable[[Span], Span]


@record
class Taken:
    """A picture, with the states that it rests on."""

    picture: Picture | None
    looked_at: States


def taken(place: PlaceToCheck, document: str, settings: Settings) -> Taken:
    """The picture of the model at `place`; for a project, of the configuration in `document`."""
    with noted() as looked_at:
        picture = _taken(place, document, settings)
    return Taken(picture, looked_at)


def _taken(place: PlaceToCheck, document: str, settings: Settings) -> Picture | None:
    doing.now(f"looking at {place.path}")
    target = chosen_targets(settings.target).targets[0]
    release = target.release.said
    try:
        if place.models:
            return _picture(open_model(place.models[0]), target, _same)
        if place.projects:
            return _of_configuration(place, document, target)
    except SourceError as problem:
        return Picture(str(place.path), release, undecided=problem.message)
    return None


def _of_configuration(place: PlaceToCheck, document: str, target: Target) -> Picture | None:
    # Jinja is loaded only now, when there are templates to render.
    from forgather_lint.core.settings import SettingsError
    from forgather_lint.forgather.links import links
    from forgather_lint.forgather.single import single_configuration
    from forgather_lint.forgather.virtual import Relocation, model_input

    for path in (Path(document), place.path):
        try:
            rendered = single_configuration(path)
        except SettingsError:
            continue
        picture = _picture(model_input(rendered), target, Relocation(rendered).span)
        found = tuple(TemplateLink(where, to) for where, to in links(rendered))
        return replace(picture, links=found)
    return None


def _same(span: Span) -> Span:
    return span


@record
class _Sight:
    """What a picture is made from: the facts, who judges them (if anything can), and the places."""

    facts: Model
    target: Target
    judge: Judge | None
    tell: Tell
    structure: Structure
    assigned: Mapping[str, Assignment]
    vocabulary: object

    def span(self, where: Where) -> Span:
        """The place as a span of the file that is open in the editor."""
        span = self.tell(where.span)
        return replace(span, path=absolute(span.path))


def _picture(model: ModelInput, target: Target, tell: Tell) -> Picture:
    builder = builder_of(model, Environment(transformers=read_release((target,))))
    facts = facts_of(builder, model)
    release = target.release.said
    values = tuple(_values(model.config, tell)) if model.config else ()
    styles = tuple(sorted(target.flow.plan.styles))
    if isinstance(facts, NotBuilt):
        told = facts.message
        return Picture(model.path, release, values=values, styles=styles, undecided=told)
    prepared = target.prepare(model, DTYPE, as_written=True)
    judge = prepared.judge
    assigned: Mapping[str, Assignment] = {}
    if judge is not None and prepared.builder is not None:
        seen = judge
        found = contained(prepared.builder, lambda: _assigned(seen, RANKS))
        if isinstance(found, NotBuilt):
            found = contained(prepared.builder, lambda: _assigned(seen, 1))
        assigned = {} if isinstance(found, NotBuilt) else found
    structure = judge.subject.tree.structure if judge else facts.base
    vocabulary = model.config.values.get("vocab_size") if model.config else None
    sight = _Sight(facts, target, judge, tell, structure, assigned, vocabulary)
    modules = tuple(_modules(sight))
    return Picture(
        path=model.path,
        release=release,
        modules=modules,
        plans=tuple(_plans(sight, modules)),
        values=values,
        names=tuple(dict.fromkeys(folded(each.name) for each in structure.modules if each.name)),
        styles=styles,
        base=_class_of(sight, structure),
        whole=sight.span(facts.where),
    )


def _assigned(judge: Judge, ranks: int) -> dict[str, Assignment]:
    found = judge.assignments(ranks)
    return {
        name: found[instance]
        for name, instance in judge.subject.tree.instances.items()
        if instance in found
    }


def _class_of(sight: _Sight, structure: Structure) -> Span | None:
    root = structure.module("")
    return sight.span(root.defined) if root is not None and root.defined is not None else None


def _modules(sight: _Sight) -> Iterator[ModuleSeen]:
    """The modules of the base model, grouped by folded name, then those of the head."""
    groups: dict[str, list[Module]] = {}
    for module in sight.structure.modules:
        if module.name:
            groups.setdefault(folded(module.name), []).append(module)
    own: dict[str, list[Parameter]] = {}
    for parameter in sight.structure.parameters:
        own.setdefault(parameter.name.rpartition(".")[0], []).append(parameter)
    for name, group in list(groups.items())[:MOST_NAMES]:
        yield _module(sight, name, group, own.get(group[0].name, []))
    facts = sight.facts
    inside = {"", facts.base_name, facts.base_prefix}
    for module in facts.whole.children("") if sight.structure.root != facts.whole.root else ():
        if module.name not in inside:
            yield ModuleSeen(module.name, 1, module.cls, sight.span(module.where))


def _module(
    sight: _Sight, name: str, group: list[Module], parameters: list[Parameter]
) -> ModuleSeen:
    first = group[0]
    seen = ModuleSeen(
        name,
        len(group),
        first.cls,
        sight.span(first.where),
        sight.span(first.defined) if first.defined is not None else None,
    )
    weight = next((each for each in parameters if each.name.endswith(".weight")), None)
    shape = weight.shape if weight is not None else None
    assignment = sight.assigned.get(first.name)
    ranks = RANKS
    if assignment is None:
        return _not_assigned(sight, replace(seen, shape=shape), first, parameters)
    role = assignment.role
    size = sum(filter(None, (_bytes(each, assignment, ranks) for each in parameters)))
    return replace(
        seen,
        shape=shape,
        part=_part(shape, assignment.role_of("weight"), assignment.copies, ranks),
        style=_style(sight, assignment),
        entry=sight.span(assignment.where) if assignment.where is not None else None,
        ranks=ranks,
        bytes=size * len(group),
        exchange=EXCHANGES.get(role, ""),
    )


def _not_assigned(
    sight: _Sight, seen: ModuleSeen, module: Module, parameters: list[Parameter]
) -> ModuleSeen:
    """A module that no plan splits: whole on every rank, but for the tables of the vocabulary."""
    shapes = [shape for each in parameters if (shape := _known(each.shape)) is not None]
    if not parameters or sight.judge is None or len(shapes) < len(parameters):
        return seen
    elements, part, exchange = sum(map(prod, shapes)), seen.shape, ""
    if shapes[0][:1] == (sight.vocabulary,) and module.is_a(EMBEDDING):
        rows, *others = shapes[0]
        part = (padded(rows) // RANKS, *others)
        elements, exchange = padded(rows) // RANKS * prod(others), OF_TABLES
    return replace(
        seen,
        part=part,
        ranks=RANKS,
        bytes=elements * DTYPE_BYTES[DTYPE] * seen.count,
        exchange=exchange,
    )


def _known(shape: Shape | None) -> tuple[int, ...] | None:
    sizes = tuple(size for size in shape or () if size is not None)
    return sizes if shape is not None and len(sizes) == len(shape) else None


def _style(sight: _Sight, assignment: Assignment) -> str:
    """The style in the plan, where it decides, else what the release makes of the module."""
    if assignment.where is not None:
        plans = sight.facts.plans
        span = assignment.where.span
        for entry in (*plans.tp.entries, *plans.class_tp.entries):
            if entry.key_where.span == span and entry.style is not None:
                return entry.style
    return "whole" if assignment.role is Role.REPLICATED else assignment.role.value


def _part(
    shape: tuple[int | None, ...] | None, role: Role, copies: int, ranks: int
) -> tuple[int | None, ...] | None:
    if shape is None:
        return None
    dimension = split_dimension("weight", len(shape), role)
    if dimension is None:
        return shape
    size = shape[dimension]
    part = None if size is None or size * copies % ranks else size * copies // ranks
    return (*shape[:dimension], part, *shape[dimension + 1 :])


def _bytes(parameter: Parameter, assignment: Assignment, ranks: int) -> int | None:
    if parameter.shape is None or None in parameter.shape:
        return None
    leaf = parameter.name.rpartition(".")[2]
    role = assignment.role_of(leaf)
    spread = role in BY_COLUMN | BY_ROW and (
        split_dimension(leaf, len(parameter.shape), role) is not None
    )
    elements = prod(size for size in parameter.shape if size is not None) * assignment.copies
    return -(-elements // (ranks if spread else 1)) * DTYPE_BYTES[DTYPE]


def _plans(sight: _Sight, modules: tuple[ModuleSeen, ...]) -> Iterator[PlanSeen]:
    plans = sight.facts.plans
    read = set(sight.judge.subject.styles) if sight.judge is not None else None
    for name, plan in (
        ("base_model_tp_plan", plans.tp),
        ("_tp_plan", plans.class_tp),
        ("base_model_pp_plan", plans.pp),
        ("_pp_plan", plans.class_pp),
    ):
        if plan.declared is None:
            continue
        of_pipeline = name.endswith("pp_plan")
        entries = tuple(
            _stage_entry(sight, plan, each)
            if of_pipeline
            else _tensor_entry(sight, each, modules, read)
            for each in plan.entries
        )
        owner = plan.entries[0].owner if plan.entries else ""
        yield PlanSeen(name, owner, sight.span(plan.declared), entries)


def _tensor_entry(
    sight: _Sight, entry: PlanEntry, modules: tuple[ModuleSeen, ...], read: set[str] | None
) -> EntrySeen:
    key_where, value_where = sight.span(entry.key_where), sight.span(entry.value_where)
    applied = tuple(each.name for each in modules if each.entry == key_where)
    if not applied:
        applied = tuple(_matched(sight, entry.full_key, modules))
    prefix = f"{sight.facts.base_name}." if sight.facts.base_name else ""
    is_read = read is None or entry.full_key in read or entry.full_key.removeprefix(prefix) in read
    return EntrySeen(
        entry.key, entry.style or entry.value_text, key_where, value_where, applied, is_read
    )


def _matched(sight: _Sight, key: str, modules: tuple[ModuleSeen, ...]) -> Iterator[str]:
    """The modules called `key`, whatever the release makes of them: an embedding, a head."""
    for each in modules:
        if folded(key) == each.name or key == each.name:
            yield each.name


def _stage_entry(sight: _Sight, plan: Plan, entry: PlanEntry) -> EntrySeen:
    inputs, outputs = entry.inputs, entry.outputs
    value = entry.value_text
    if inputs is not None and outputs is not None:
        value = f"{', '.join(inputs)} → {', '.join(outputs)}"
    structure = sight.structure
    module = structure.module(entry.full_key)
    names = (entry.full_key,) if module is not None else ()
    holds: dict[int, tuple[str, ...]] = {}
    if module is not None and module.is_a(MODULE_LIST):
        layers = len(structure.children(entry.full_key))
        holds = {stages: _layers(entry.full_key, layers, stages) for stages in STAGES}
    elif module is not None:
        holds = {stages: _one_of(sight, plan, entry, stages) for stages in STAGES}
    return EntrySeen(
        entry.key,
        value,
        sight.span(entry.key_where),
        sight.span(entry.value_where),
        names,
        of_pipeline=True,
        holds=holds,
    )


def _layers(name: str, layers: int, stages: int) -> tuple[str, ...]:
    bounds = (get_pp_indices(layers, stage, stages) for stage in range(stages))
    return tuple(_between(name, start, end) for start, end in bounds)


def _between(name: str, start: int, end: int) -> str:
    if end <= start:
        return "no layer"
    return f"{name}.{start}" if end == start + 1 else f"{name}.{start} to {end - 1}"


def _one_of(sight: _Sight, plan: Plan, entry: PlanEntry, stages: int) -> tuple[str, ...]:
    """The stage of a module beside the layers: the first if before them, else the last."""
    lists = [
        index
        for index, each in enumerate(plan.entries)
        if (module := sight.structure.module(each.full_key)) and module.is_a(MODULE_LIST)
    ]
    if len(lists) != 1:
        return ()
    first = plan.entries.index(entry) < lists[0]
    return tuple(
        entry.full_key if stage == (0 if first else stages - 1) else "-" for stage in range(stages)
    )


def _values(config: ConfigFile, tell: Tell) -> Iterator[ValueSeen]:
    for key, about in ABOUT.items():
        value = config.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            continue
        told = about
        if key in _BY_RANKS:
            sizes = [str(each) for each in _RANKS if value % each == 0]
            told += f". {value} divides by {', '.join(sizes)}"
        elif key == "num_hidden_layers":
            cut = (
                f"{stages} stages: {', '.join(map(str, _sizes(value, stages)))}"
                for stages in STAGES
            )
            told += f". {'; '.join(cut)}"
        span = tell(config.place(key).span)
        yield ValueSeen(key, replace(span, path=absolute(span.path)), told)


def _sizes(layers: int, stages: int) -> Iterator[int]:
    for stage in range(stages):
        start, end = get_pp_indices(layers, stage, stages)
        yield end - start
