"""The name under which a release looks for what a checkpoint calls by another name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.version import TRANSFORMERS_5
from forgather_lint.engines.patterns import Expression, UnreadablePattern, compile_search
from forgather_lint.engines.vllm.checks.checked_model import HEAD, CheckedModel
from forgather_lint.engines.vllm.fact_values import BasePrefix
from forgather_lint.python.values.value import NONE, Known, ListValue, SetValue, TupleValue, Value

IGNORED = "_keys_to_ignore_on_load_unexpected"


class NamesUnknown(Exception):
    """The mapping of names is not known; the message is a short reason."""


@record(eq=False)
class Naming:
    """The mapping of one release: `renamed` first, then `ignored`, then `placed`.

    Names beginning with one of `own` are not changed; names containing one of `skipped` are
    skipped.
    """

    renamed: tuple[tuple[re.Pattern[str], str], ...]
    ignored: tuple[Expression, ...]
    skipped: tuple[str, ...]
    placed: Callable[[str], str]
    own: tuple[str, ...]

    @port_of("vllm/model_executor/models/utils.py", "WeightsMapper")
    def place(self, name: str) -> str | None:
        """The name under which the engine looks for `name`; None where it skips it.

        Raises `NamesUnknown`.
        """
        if self.renamed or self.ignored or HEAD in name or not name.startswith(self.own):
            for pattern, new in self.renamed:
                name = pattern.sub(new.replace("\\", r"\\"), name, count=1)
            if is_ignored(self.ignored, name):
                return None
            name = self.placed(name)
        return None if any(part in name for part in self.skipped) else name


def is_ignored(patterns: Iterable[Expression], name: str) -> bool:
    """Whether one of `patterns` is found in `name`. Raises `NamesUnknown`."""
    for pattern in patterns:
        found = pattern.found_in(name)
        if found is None:
            raise NamesUnknown("pattern-too-costly")
        if found:
            return True
    return False


@port_of("vllm/model_executor/models/transformers/base.py", "Base._create_hf_to_vllm_mapper")
def naming_of(seen: CheckedModel) -> Naming:
    """The mapping of the release of `seen`. Raises `NamesUnknown`."""
    assert seen.root is not None
    facts, weights = seen.target.vllm.checkpoint, seen.target.vllm.weights
    children = children_of(seen)
    if weights.base_prefix.value is BasePrefix.ANY:
        prefix = seen.builder.base_prefix(seen.root)
        placed = partial(by_any_prefix, prefix=prefix, children=children)
        own = tuple(f"model.{child}." for child in children) if prefix in ("", "model") else ()
    else:
        placed, own = partial(by_model, bare=weights.bare_names_accepted.value), ("model.",)
        own = () if "model" in children else own
    return Naming(
        renamed=tuple(_renamed(seen)) if facts.names_converted.value else (),
        ignored=names_ignored(seen),
        skipped=weights.buffers_skipped.value,
        placed=placed,
        own=own,
    )


def _renamed(seen: CheckedModel) -> Iterator[tuple[re.Pattern[str], str]]:
    """Patterns of names that older releases of transformers wrote, and their replacements."""
    loading, release = seen.target.transformers.loading, seen.target.transformers.version
    kind = seen.setting("model_type")
    name = kind.value if isinstance(kind, Known) else None
    has = seen.target.transformers.has_model_type
    if loading.custom_code_converted.value and isinstance(name, str) and has(name):
        raise NamesUnknown(f"names converted as those of `{name}`")
    renamings = (
        loading.old_names.value
        if release >= TRANSFORMERS_5
        else seen.target.vllm.checkpoint.norm_names_converted.value
    )
    for pattern, new in renamings.items():
        yield re.compile(pattern), new


def names_ignored(seen: CheckedModel) -> tuple[Expression, ...]:
    """Patterns of names in a checkpoint that the release skips. Raises `NamesUnknown`."""
    read = seen.target.vllm.checkpoint.ignored_names_read.value
    return tuple(_ignored(seen)) if read else ()


def _ignored(seen: CheckedModel) -> Iterator[Expression]:
    value = seen.member(IGNORED)
    if value is None or value == NONE:
        return
    for text in _texts(value):
        pattern = compile_search(text) if text is not None else UnreadablePattern("not text")
        if isinstance(pattern, UnreadablePattern):
            raise NamesUnknown(f"`{IGNORED}`: {pattern.reason}")
        yield pattern


def _texts(value: Value) -> list[str | None]:
    """The items of a list, tuple or set; None for an item that is not text."""
    items: Iterable[object] | None = None
    if isinstance(value, TupleValue) or (isinstance(value, ListValue) and value.rest is None):
        items = (item.value if isinstance(item, Known) else None for item in value.items)
    elif isinstance(value, SetValue) and value.rest is None:
        items = value.items
    if items is None:
        raise NamesUnknown(f"`{IGNORED}` not known")
    return [item if isinstance(item, str) else None for item in items]


def names_held(seen: CheckedModel) -> Iterator[str]:
    """The names of the base model's parameters and buffers."""
    assert seen.judge is not None
    structure = seen.judge.subject.tree.structure
    yield from (each.name for each in (*structure.parameters, *structure.buffers))


def children_of(seen: CheckedModel) -> tuple[str, ...]:
    """The names of the base model's direct children and own parameters."""
    return tuple(dict.fromkeys(name.partition(".")[0] for name in names_held(seen)))


def mapped_name(seen: CheckedModel, name: str, prefix: str, children: tuple[str, ...]) -> str:
    """The name under which the engine looks for what the checkpoint calls `name`."""
    weights = seen.target.vllm.weights
    if weights.base_prefix.value is BasePrefix.ANY:
        return by_any_prefix(name, prefix, children)
    return by_model(name, weights.bare_names_accepted.value)


def by_any_prefix(name: str, prefix: str, children: tuple[str, ...]) -> str:
    """The mapping of vLLM 0.18 and later: transformers/base.py, `_create_hf_to_vllm_mapper`."""
    for pattern, new in _by_any_prefix(prefix, children):
        name = pattern.sub(new, name)
    return name


@lru_cache(maxsize=64)
def _by_any_prefix(
    prefix: str, children: tuple[str, ...]
) -> tuple[tuple[re.Pattern[str], str], ...]:
    either = "|".join(map(re.escape, children))
    patterns = [
        (rf"^(?!model\.)(({either}).*)", r"model.\1"),
        (rf"^(model\.)((?!{either}).+)", r"\2"),
        (r"^model\.(?:.+\.)?(lm_head.+)", r"\1"),
    ]
    if prefix and prefix != "model":
        patterns.insert(0, (rf"^{re.escape(prefix)}\.(.+)", r"model.\1"))
    return tuple((re.compile(pattern), new) for pattern, new in patterns)


def by_model(name: str, bare: bool) -> str:
    """The mapping before vLLM 0.18: the prefixes of `Base.hf_to_vllm_mapper`, if there are any."""
    if not bare:
        return name
    for old, new in (("model.model.", "model."), ("model.lm_head.", "lm_head.")):
        if f"model.{name}".startswith(old):
            return new + f"model.{name}".removeprefix(old)
    return f"model.{name}"
