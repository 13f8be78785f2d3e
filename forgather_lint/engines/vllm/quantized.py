"""Quantised weights: what of them a release refuses. What it takes stays undecided.

Only what every platform refuses is told: a method that the release does not have, a rank's share
of a layer's input that cuts a group of weights in two, and parts of one fused layer of which some
are quantised. Which kernel computes a layer depends on the device.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.engines.vllm.fact_values import Fuser
from forgather_lint.execution.layers import Role
from forgather_lint.execution.outcome import Outcome, Verdict
from forgather_lint.facts.causes.quantization import GroupsCut, SchemesDiffer
from forgather_lint.facts.release import Effect
from forgather_lint.facts.release import Reaction as Says
from forgather_lint.model.tree import Tree
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Known

if TYPE_CHECKING:
    from forgather_lint.engines.vllm.judge import VllmJudge

PREFIX = "model."
"""What the release calls the base model: names of layers begin with it."""
AWQ, PACKED = "awq", "compressed-tensors"
PACK_QUANTIZED = "pack-quantized"


@record
class Quantization:
    """`quantization_config` as far as it decides. `group` is 0 where weights have no groups.

    `skipped` are the layers that stay as they are; `by_part`: any name that holds one of them does.
    None: patterns that are not followed.
    """

    method: str
    group: int
    skipped: tuple[str, ...] | None
    by_part: bool

    def keeps(self, layer: str) -> bool | None:
        """Whether `layer` stays unquantised; None where that is not known."""
        if self.skipped is None:
            return None
        if self.by_part:
            return any(each in layer for each in self.skipped)
        return layer in self.skipped


@port_of(
    "vllm/transformers_utils/model_arch_config_convertor.py",
    "ModelArchConfigConvertorBase._normalize_quantization_config",
)
def method_of(config: Mapping[str, object]) -> str | None:
    """The method of a `quantization_config`, as the release spells it."""
    method = config.get("quant_method")
    if not isinstance(method, str):
        return None
    return method.lower().replace("compressed_tensors", PACKED)


def read(config: object) -> Quantization | None:
    """What a `quantization_config` says, if it is one whose groups are known."""
    if not isinstance(config, dict):
        return None
    method = method_of(config)
    if method == AWQ:
        # Source: auto_awq.py, `AutoAWQConfig.from_config`, in all releases the same keys.
        group = config.get("q_group_size", config.get("group_size"))
        skipped = config.get("modules_to_not_convert") or []
        return Quantization(AWQ, _number(group), _names(skipped), by_part=True)
    if method == PACKED:
        return _packed(config)
    return None


def _packed(config: Mapping[str, object]) -> Quantization | None:
    """compressed-tensors with one group of weights for all `Linear`."""
    groups, ignored = config.get("config_groups"), config.get("ignore") or []
    if not isinstance(groups, dict) or len(groups) != 1:
        return None
    (scheme,) = groups.values()
    if not isinstance(scheme, dict) or scheme.get("targets") != ["Linear"]:
        return None
    weights = scheme.get("weights")
    grouped = isinstance(weights, dict) and weights.get("strategy") == "group"
    packed = config.get("format") == PACK_QUANTIZED and not scheme.get("input_activations")
    group = weights.get("group_size") if grouped and packed and isinstance(weights, dict) else 0
    return Quantization(PACKED, _number(group), _names(ignored), by_part=False)


def _names(given: object) -> tuple[str, ...] | None:
    """Layers by name; None where one is a pattern, or of a prefix that the release maps away."""
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        return None
    if any(each.startswith("re:") or _has_other_prefix(each) for each in given):
        return None
    return tuple(given)


def _has_other_prefix(name: str) -> bool:
    return "." in name and not name.startswith(PREFIX)


def _number(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def refused(judge: VllmJudge, ranks: int) -> Outcome | None:
    """What the release refuses of the quantised layers on `ranks` ranks; None: nothing is known."""
    file = judge.subject.config_file
    if file is None or "quantization_config" not in file.values:
        return None
    quantization = read(file.values["quantization_config"])
    if quantization is None:
        return None
    found = (*_schemes(judge, quantization, ranks), *_groups(judge, quantization, ranks))
    return found[0] if found else None


def _schemes(judge: VllmJudge, quantization: Quantization, ranks: int) -> Iterator[Outcome]:
    """Layers that the release fuses, of which some parts are kept as they are."""
    says = judge.engine.profile.quantization.schemes_differ.value
    fuses = judge.engine.fuses(Fuser.QKV) or judge.engine.fuses(Fuser.GLU)
    if quantization.method != PACKED or not fuses or says.effect is not Effect.ERROR:
        return
    for owner, parts in _fused(judge, ranks):
        kept = [part for part in parts if quantization.keeps(f"{PREFIX}{owner}.{part}")]
        if quantization.skipped is None or not kept or len(kept) == len(parts):
            continue
        layer = f"{PREFIX}{owner}.{'qkv_proj' if len(parts) == 3 else 'gate_up_proj'}"
        cause = SchemesDiffer(layer, tuple(parts), tuple(kept))
        yield _outcome(judge, says, cause, "ignore", layer=layer, parts=list(parts))
        return


def _fused(judge: VllmJudge, ranks: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The modules with layers that become one, and what those are called there."""
    groups = judge.groups(ranks)
    for name, module in judge.subject.tree.instances.items():
        fusion = groups.get(module.first_alike)
        if fusion is None or len(fusion.stacked) < 2:
            continue
        owner = judge.bodies[module.first_alike].owner
        names = {value: key for key, value in owner.attributes.items()}
        parts = tuple(names[each] for each in fusion.stacked if each in names)
        if len(parts) == len(fusion.stacked):
            yield name, parts


def _groups(judge: VllmJudge, quantization: Quantization, ranks: int) -> Iterator[Outcome]:
    """Row-parallel layers whose share of the input is no whole number of groups."""
    engine = judge.engine
    facts = engine.profile.quantization
    fact = facts.awq_groups_cut if quantization.method == AWQ else facts.packed_groups_cut
    says = fact.value
    if not quantization.group or ranks == 1 or says.effect is not Effect.ERROR:
        return
    for name, linear in _rows(judge, ranks):
        inputs = linear.attributes.get("in_features")
        size = inputs.value if isinstance(inputs, Known) else None
        if not isinstance(size, int) or size % ranks:
            continue
        width, layer = size // ranks, f"{PREFIX}{name}"
        if width % quantization.group and quantization.keeps(layer) is False:
            cause = GroupsCut(layer, width, quantization.group)
            parts = {"width": width, "layer": layer, "group": quantization.group}
            yield _outcome(judge, says, cause, "group_size", **parts)
            return


def _rows(judge: VllmJudge, ranks: int) -> Iterator[tuple[str, Instance]]:
    assigned = judge.assignments(ranks)
    tree: Tree = judge.subject.tree
    for name, module in tree.instances.items():
        assignment = assigned.get(module)
        if assignment is not None and assignment.role is Role.ROW:
            yield name, module


def _outcome(
    judge: VllmJudge, says: Says, cause: GroupsCut | SchemesDiffer, key: str, **parts: object
) -> Outcome:
    file = judge.subject.config_file
    assert file is not None
    settings = file.values["quantization_config"]
    there = isinstance(settings, dict) and key in settings
    where = file.place("quantization_config", *([key] if there else []))
    text = f"{says.raises}: {says.say(**parts)}"
    return Outcome(Verdict.FAILS, cause, text, where)
