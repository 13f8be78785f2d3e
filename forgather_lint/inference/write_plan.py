"""An inferred plan as edits of the file that has, or should have, the plan of the config.

Entries that are right stay as they are, with their comments. A missing plan is added behind
`model_type` of the config class, or to the end of config.json where there is no class. So is one
that the class inherits from transformers: the files of a library are never written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import libcst as cst

from forgather_lint.core.diagnostics import Applicability, Edit, Fix
from forgather_lint.core.source import Lines
from forgather_lint.documents.config_json import ConfigPlace
from forgather_lint.documents.literals import (
    added_behind,
    entry_at,
    indent_at,
    ordered,
    plain_string,
    removed,
)
from forgather_lint.documents.newlines import newline_at
from forgather_lint.documents.python import NodePlace
from forgather_lint.facts import Model, Plan, PlanEntry
from forgather_lint.inference.infer import InferredPlan

TENSOR, PIPELINE = "base_model_tp_plan", "base_model_pp_plan"
INDENT = "    "

Values = Mapping[str, str]
"""The entries that a plan is to have: keys, and values as JSON text."""


def entries_of(plan: InferredPlan) -> Mapping[str, Values]:
    """The entries of both plans, by the name of the attribute."""
    names = {key: [list(given), list(made)] for key, (given, made) in plan.pipeline.items()}
    return {
        TENSOR: {key: json.dumps(style) for key, style in plan.tensor.items()},
        PIPELINE: {key: json.dumps(each) for key, each in names.items()},
    }


def write_plan(model: Model, attribute: str, values: Values) -> Fix | None:
    """The edits that give the config of `model` these entries under `attribute`.

    None when `attribute` is no plan, has these entries already, or is in a place that cannot be
    edited.
    """
    plan = model.plans.tp if attribute == TENSOR else model.plans.pp
    edits = tuple(_edits(model, plan, attribute, values)) if values else ()
    title = f"Write the `{attribute}` that the data flow asks for"
    return Fix(title, edits, Applicability.UNSAFE) if edits else None


def is_written(model: Model, attribute: str, values: Values) -> bool:
    """Whether the config of `model` has these entries; the input and output names may differ."""
    plan = model.plans.tp if attribute == TENSOR else model.plans.pp
    styles = {each.full_key: each.style for each in plan.entries}
    wanted = {key: json.loads(value) for key, value in values.items()}
    if attribute == TENSOR:
        return styles == wanted
    return list(styles) == list(wanted)


def _edits(model: Model, plan: Plan, attribute: str, values: Values) -> Iterator[Edit]:
    where = plan.declared
    if isinstance(where, NodePlace) and not _is_own(model, where):
        where = None  # inherited from a class of transformers, which a plan beside it replaces
    if isinstance(where, ConfigPlace):
        yield from _in_config(where, plan, attribute, values)
    elif isinstance(where, NodePlace):
        yield from _in_python(where, plan, values)
    elif isinstance(model.config_class_where, NodePlace) and _is_own(
        model, model.config_class_where
    ):
        yield from _in_class(model.config_class_where, attribute, values)
    elif isinstance(model.config_where, ConfigPlace):
        yield from _behind_the_config(model.config_where, attribute, values)


def _is_own(model: Model, where: NodePlace) -> bool:
    """Whether the place is in a file of the model, not of a library that it inherits from."""
    return where.file.path == model.path or Path(where.file.path).is_relative_to(model.path)


def _in_config(where: ConfigPlace, plan: Plan, attribute: str, values: Values) -> Iterator[Edit]:
    """The edits of a plan that is a key of config.json."""
    text, keys = where.file.text, (*where.keys[:-1], attribute)
    if plan.entries:
        yield from _changed(text, plan.entries, values, in_json=True)
        return
    start = Lines(text).offset(where.file.key_place(*keys).span.start)
    yield Edit(where.file.value_place(*keys), _as_json(values, text, start))


def _in_python(where: NodePlace, plan: Plan, values: Values) -> Iterator[Edit]:
    """The edits of a plan that is an attribute with a literal, or None, as value."""
    node, text = where.node, where.file.text
    value = node.value if isinstance(node, cst.Assign | cst.AnnAssign) else None
    if isinstance(value, cst.Dict) and value.elements:
        yield from _changed(text, plan.entries, values, in_json=False)
    elif isinstance(value, cst.Dict) or (isinstance(value, cst.Name) and value.value == "None"):
        start = Lines(text).offset(where.span.start)
        yield Edit(NodePlace(where.file, value), _as_python(values, text, start))


def _changed(
    text: str, entries: Sequence[PlanEntry], values: Values, *, in_json: bool
) -> Iterator[Edit]:
    """The edits that add missing entries to a literal, and remove those not in `values`."""
    lines = Lines(text)
    starts = [lines.offset(each.key_where.span.start) for each in entries]
    found = [entry_at(text, start) for start in starts]
    written = [(each, at) for each, at in zip(entries, found, strict=True) if at is not None]
    kept = [(each, at) for each, at in written if each.key in values]
    if len(written) < len(entries) or not kept:
        return
    pieces = [removed(text, at) for each, at in written if each.key not in values]
    for each, at in kept:
        wanted = json.loads(values[each.key])
        if isinstance(wanted, str) and each.style != wanted:
            quoted = plain_string(text, at.value, at.end)
            quote = quoted[0] if quoted else '"'
            pieces.append((at.value, at.end, f"{quote}{wanted}{quote}"))
    places = {each.key: at for each, at in kept}
    behind: dict[str, list[str]] = {}
    anchor = kept[0][0].key
    for key, value in values.items():
        if key in places:
            anchor = key
        else:
            behind.setdefault(anchor, []).append(_entry(key, value, in_json))
    for key, items in behind.items():
        pieces += added_behind(text, places[key], items)
    if not pieces:
        pieces += ordered(text, list(places.values()), [places[key] for key in values])
    for start, end, content in pieces:
        yield Edit(lines.span(entries[0].key_where.span.path, start, end), content)


def _in_class(where: NodePlace, attribute: str, values: Values) -> Iterator[Edit]:
    """The edit that adds a plan to a class: behind `model_type`, else behind the docstring."""
    file, named = where.file, where.node
    classes = (each for each in file.tree.body if isinstance(each, cst.ClassDef))
    body = next((each.body for each in classes if named is each or named is each.name), None)
    if not isinstance(body, cst.IndentedBlock):
        return
    lines, text = Lines(file.text), file.text
    statements = [each for each in body.body if not _is_page(each)]
    ours = [each for each in statements if _sets("model_type", each) or _sets(TENSOR, each)]
    typed = ours[-1] if ours else None
    if typed is not None:
        start, end = lines.offset(file.span(typed).start), lines.offset(file.span(typed).end)
        indent, newline = indent_at(text, start) or "", newline_at(text, start)
        end = min(at if (at := text.find(mark, end)) >= 0 else len(text) for mark in "\r\n")
        content = f"{newline}{indent}{attribute} = {_as_python(values, text, start)}"
        yield Edit(lines.span(file.path, end, end), content)
    elif statements:
        start = lines.offset(file.span(statements[0]).start)
        indent, newline = indent_at(text, start) or "", newline_at(text, start)
        content = f"{attribute} = {_as_python(values, text, start)}{newline}{newline}{indent}"
        yield Edit(lines.span(file.path, start, start), content)


def _sets(name: str, node: cst.BaseStatement) -> bool:
    only = node.body[0] if isinstance(node, cst.SimpleStatementLine) else None
    if isinstance(only, cst.AnnAssign):
        targets: list[cst.BaseExpression] = [only.target]
    else:
        targets = [each.target for each in only.targets] if isinstance(only, cst.Assign) else []
    return any(isinstance(each, cst.Name) and each.value == name for each in targets)


def _is_page(node: cst.BaseStatement) -> bool:
    only = node.body[0] if isinstance(node, cst.SimpleStatementLine) else None
    return isinstance(only, cst.Expr) and isinstance(only.value, cst.SimpleString)


def _behind_the_config(where: ConfigPlace, attribute: str, values: Values) -> Iterator[Edit]:
    """The edit that adds a plan as the last key of config.json."""
    file, lines = where.file, Lines(where.file.text)
    last = max((file.key_place(key).span.start for key in file.values), default=None)
    found = entry_at(file.text, lines.offset(last)) if last else None
    if found is None:
        return
    item = f"{json.dumps(attribute)}: {_as_json(values, file.text, found.start)}"
    for start, end, content in added_behind(file.text, found, [item]):
        yield Edit(lines.span(file.path, start, end), content)


def _entry(key: str, value: str, in_json: bool) -> str:
    return f"{json.dumps(key)}: {value if in_json else _python_value(value)}"


def _python_value(value: str) -> str:
    """A style, or the pair of lists that is the value in pipeline plans, as Python."""
    content = json.loads(value)
    return f"({', '.join(map(json.dumps, content))})" if isinstance(content, list) else value


def _as_python(values: Values, text: str, start: int) -> str:
    """The entries as a dict, for the statement that begins at `start`."""
    indent, newline = indent_at(text, start) or "", newline_at(text, start)
    inner = indent + (indent[:1] if indent[:1] == "\t" else INDENT)
    entries = (f"{inner}{_entry(key, value, False)},{newline}" for key, value in values.items())
    return f"{{{newline}{''.join(entries)}{indent}}}"


def _as_json(values: Values, text: str, start: int) -> str:
    """The entries as an object for the key that begins at `start`, indented like what is around."""
    entries = [_entry(key, value, True) for key, value in values.items()]
    indent = indent_at(text, start)
    if indent is None:
        return f"{{{', '.join(entries)}}}"
    newline, inner = newline_at(text, start), indent * 2
    return f"{{{newline}{inner}{f',{newline}{inner}'.join(entries)}{newline}{indent}}}"
