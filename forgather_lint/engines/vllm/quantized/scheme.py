"""`quantization_config` as a release reads it: how weights are stored, and in which layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import ClassVar

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.engines.patterns import Pattern, UnreadablePattern, compile_pattern
from forgather_lint.engines.vllm.quantized.description import Description, of_modelopt

GPTQ, AWQ, PACKED, FP8 = "gptq", "awq", "compressed-tensors", "fp8"
MODELOPT, BITS_AND_BYTES = "modelopt", "bitsandbytes"
MARKS_PATTERN = "re:"
LINEAR, CLASSES_OF_LINEAR = (
    "linear",
    (
        "columnparallellinear",
        "rowparallellinear",
        "replicatedlinear",
        "qkvparallellinear",
        "mergedcolumnparallellinear",
    ),
)
"""vLLM's classes of layers that replace an nn.Linear; a target may be part of such a name."""
WORD = 32
"""The bits of one integer into which several weights are packed."""


class Form(StrEnum):
    """How the weights of a layer are stored, by which the release chooses a kernel for it."""

    GPTQ = "gptq"
    AWQ = "awq"
    PACKED = "pack-quantized"
    INT8 = "int8"
    FP8 = "fp8"
    FP8_CHANNEL = "fp8-channel"
    FP8_BLOCK = "fp8-block"
    FP8_BY_ROW = "fp8_per_channel_per_token"
    FP8_PB_WO = "fp8_pb_wo"
    """FP8 by row and in tiles, of ModelOpt, whose scales have forms of their own."""
    NVFP4 = "nvfp4"
    MXFP8 = "mxfp8"
    BITS_AND_BYTES = "bitsandbytes"


@record
class StoredWeights:
    """Stored weights: `bits` of each, and how many in a row share one scale.

    `group` is 0 where a matrix has one scale, -1 where a row has one; `block` is for scales of
    tiles.
    """

    form: Form
    bits: int
    group: int = 0
    block: tuple[int, int] = (0, 0)
    zeros: bool = False
    input_scale: bool = False

    @property
    def layout_known(self) -> bool:
        """Whether it is known by which tensors such weights are stored."""
        return self.form not in _OTHER_LAYOUT


_OTHER_LAYOUT = (Form.FP8_BY_ROW, Form.FP8_PB_WO, Form.NVFP4, Form.MXFP8, Form.BITS_AND_BYTES)


class Match(StrEnum):
    """How a name in a list matches a layer."""

    WHOLE = "whole"
    PART = "part"
    TARGET = "target"
    """As in compressed-tensors: a whole name, or a regular expression behind `re:`."""
    WILDCARD = "wildcard"
    """ModelOpt: a part of a name, or one with `*` for any text."""


@record
class ListedLayers:
    """Layers as a config lists them."""

    names: tuple[str, ...]
    how: Match
    patterns: Mapping[str, Pattern]

    def has(self, layer: str) -> bool | None:
        """Whether `layer` is listed; None where an expression is too costly to try."""
        found = [self._is(name, layer) for name in self.names]
        return True if True in found else None if None in found else False

    def first(self, layer: str) -> str | None:
        """The first name that matches `layer`; None if none does."""
        return next((name for name in self.names if self._is(name, layer)), None)

    def _is(self, name: str, layer: str) -> bool | None:
        if name in self.patterns:
            return self.patterns[name].matches(layer)
        if self.how is Match.WILDCARD:
            return name in layer or fnmatchcase(layer, name)
        return name in layer if self.how is Match.PART else name == layer


@record
class Scheme:
    """A description: `weights` for all layers except the `kept`, or for those in `taken` only.

    `listed` is the key with the layers. `listed_by_checkpoint`: where that is absent or empty, the
    release finds out from the tensors which layers are quantized.
    """

    method: str
    weights: StoredWeights
    kept: ListedLayers | None = None
    taken: ListedLayers | None = None
    listed: str = ""
    listed_by_checkpoint: bool = False
    all_linear: bool = True


@record
class Unfollowed:
    """Why it is not known what the release makes of a config."""

    reason: str
    compared: ClassVar[bool] = False


def scheme_of(described: Description, mapped: Callable[[str], str | None]) -> Scheme | Unfollowed:
    """The scheme of what is described; `mapped` translates names to those of the release."""
    method = described.method
    read = _READERS.get(method or "")
    if read is None:
        of_it = f"quantization `{method}`" if method else "quantization without a method"
        return Unfollowed(f"{of_it} is not followed")
    found = read(described.said)
    return _mapped(found, mapped) if isinstance(found, Scheme) else found


def _gptq(config: Mapping[str, object]) -> Scheme | Unfollowed:
    if config.get("dynamic") or config.get("lm_head"):
        return Unfollowed("GPTQ with settings of its own for some layers is not followed")
    names = _names(config.get("modules_in_block_to_quantize"), nested=True)
    if names is None:
        return Unfollowed("`modules_in_block_to_quantize` is no list of names")
    weights = StoredWeights(
        Form.GPTQ, _number(config.get("bits")), _number(config.get("group_size"))
    )
    taken = _layers(names, Match.PART) if names else None
    if isinstance(taken, Unfollowed):
        return taken
    return Scheme(
        GPTQ,
        weights,
        taken=taken,
        listed="modules_in_block_to_quantize",
        listed_by_checkpoint=not names,
    )


def _awq(config: Mapping[str, object]) -> Scheme | Unfollowed:
    if config.get("lm_head"):
        return Unfollowed("AWQ of the head is not followed")
    group = _number(config.get("q_group_size", config.get("group_size")))
    bits = _number(config.get("w_bit", config.get("bits")))
    names = _names(config.get("modules_to_not_convert"))
    if names is None:
        return Unfollowed("`modules_to_not_convert` is no list of names")
    kept = _layers(names, Match.PART)
    if isinstance(kept, Unfollowed):
        return kept
    weights = StoredWeights(Form.AWQ, bits, group, zeros=config.get("zero_point") is True)
    listed = "modules_to_not_convert"
    return Scheme(AWQ, weights, kept=kept, listed=listed, listed_by_checkpoint=not names)


def _fp8(config: Mapping[str, object]) -> Scheme | Unfollowed:
    listed = "ignored_layers" if config.get("ignored_layers") else "modules_to_not_convert"
    names = _names(config.get(listed))
    if names is None or config.get("store_dtype"):
        return Unfollowed("FP8 with such settings is not followed")
    kept = _layers(names, Match.WHOLE)
    if isinstance(kept, Unfollowed):
        return kept
    static = config.get("activation_scheme") == "static"
    block, given = (0, 0), config.get("weight_block_size")
    if given is not None:
        if not isinstance(given, list) or len(given) != 2 or not all(map(_number, given)):
            return Unfollowed("`weight_block_size` is no pair of numbers")
        block = (_number(given[0]), _number(given[1]))
    form = Form.FP8_BLOCK if given is not None else Form.FP8
    return Scheme(
        FP8, StoredWeights(form, 8, block=block, input_scale=static), kept=kept, listed=listed
    )


def _packed(config: Mapping[str, object]) -> Scheme | Unfollowed:
    """The scheme of compressed-tensors with a single group of weights."""
    groups = config.get("config_groups")
    names = _names(config.get("ignore"))
    if not isinstance(groups, dict) or len(groups) != 1 or names is None:
        return Unfollowed("compressed-tensors with several groups of layers is not followed")
    if config.get("kv_cache_scheme") or config.get("transform_config"):
        return Unfollowed("compressed-tensors of more than weights is not followed")
    (group,) = groups.values()
    targets = _names(group.get("targets")) if isinstance(group, dict) else None
    if not targets or not isinstance(group, dict) or group.get("output_activations"):
        return Unfollowed("such a group of compressed-tensors is not followed")
    weights = _weights_of(group, config.get("format"))
    kept, taken = _layers(names, Match.TARGET), _layers(targets, Match.TARGET)
    if isinstance(weights, Unfollowed):
        return weights
    if isinstance(kept, Unfollowed):
        return kept
    if isinstance(taken, Unfollowed):
        return taken
    every = any(name.lower() == LINEAR for name in targets)
    return Scheme(PACKED, weights, kept=kept, taken=taken, listed="ignore", all_linear=every)


@port_of(
    "vllm/model_executor/layers/quantization/compressed_tensors/compressed_tensors.py",
    "CompressedTensorsConfig._get_scheme_from_parts",
)
def _weights_of(group: Mapping[str, object], whole: object) -> StoredWeights | Unfollowed:
    """The weights of a group, of those forms that are followed."""
    weights, inputs = group.get("weights"), group.get("input_activations")
    form = group.get("format") or whole
    if not isinstance(weights, dict) or not isinstance(inputs, dict | None):
        return Unfollowed("a group without weights is not followed")
    kind, strategy, bits = (weights.get(key) for key in ("type", "strategy", "num_bits"))
    plain = weights.get("symmetric", True) is True and not weights.get("dynamic")
    if not plain or weights.get("actorder") not in (None, "static", "weight"):
        return Unfollowed("weights with zero points or in another order are not followed")
    by_row = strategy == "channel"
    if form == Form.PACKED.value and inputs is None and kind == "int":
        size = -1 if by_row else _number(weights.get("group_size"))
        if strategy in ("channel", "group") and size:
            return StoredWeights(Form.PACKED, _number(bits), size)
    by_token = isinstance(inputs, dict) and inputs.get("strategy") == "token"
    alike = isinstance(inputs, dict) and inputs.get("type") == kind and inputs.get("num_bits") == 8
    if bits == 8 and by_row and by_token and alike and inputs and inputs.get("dynamic") is True:
        if kind == "int" and form == "int-quantized":
            return StoredWeights(Form.INT8, 8, -1)
        if kind == "float" and form == "float-quantized":
            return StoredWeights(Form.FP8_CHANNEL, 8, -1)
    return Unfollowed(f"compressed-tensors in the form `{form}` of this kind is not followed")


@port_of("vllm/model_executor/layers/quantization/modelopt.py", "resolve")
def _modelopt(config: Mapping[str, object]) -> Scheme | Unfollowed:
    settings, _, listed = of_modelopt(config)
    names = _names(settings.get(listed))
    if names is None:
        return Unfollowed(f"`{listed}` is no list of names")
    if listed not in settings and "exclude_modules" in settings:
        return Unfollowed(f"`exclude_modules` for `{listed}` is read by some releases alone")
    algorithm = str(settings.get("quant_algo")).upper()
    weights = _OF_MODELOPT.get(algorithm)
    if weights is None:
        return Unfollowed(f"ModelOpt's `{algorithm}` is not followed")
    kept = _layers(_halved(names), Match.WILDCARD)
    if isinstance(kept, Unfollowed):
        return kept
    return Scheme(MODELOPT, weights, kept=kept, listed=listed)


_OF_MODELOPT: Mapping[str, StoredWeights] = {
    "FP8": StoredWeights(Form.FP8, 8, input_scale=True),
    "FP8_PER_CHANNEL_PER_TOKEN": StoredWeights(Form.FP8_BY_ROW, 8, -1),
    "FP8_PB_WO": StoredWeights(Form.FP8_PB_WO, 8, 128),
    "NVFP4": StoredWeights(Form.NVFP4, 4, 16),
    "W4A16_NVFP4": StoredWeights(Form.NVFP4, 4, 16),
    "MXFP8": StoredWeights(Form.MXFP8, 8, 32),
}


@port_of(
    "vllm/model_executor/layers/quantization/modelopt.py",
    "ModelOptQuantConfigBase.apply_vllm_mapper",
)
def _halved(names: tuple[str, ...]) -> tuple[str, ...]:
    """`name*` is `name` and all that lies below it."""
    found: list[str] = []
    for name in names:
        whole = len(name) >= 2 and name[-1] == "*" and name[-2] != "."
        found += [name[:-1], f"{name[:-1]}.*"] if whole else [name]
    return tuple(found)


def _bits_and_bytes(config: Mapping[str, object]) -> Scheme | Unfollowed:
    """Which layers are quantized is not asked: on several ranks none of them is taken."""
    bits = 8 if config.get("load_in_8bit") else 4
    return Scheme(BITS_AND_BYTES, StoredWeights(Form.BITS_AND_BYTES, bits))


_READERS = {
    GPTQ: _gptq,
    AWQ: _awq,
    FP8: _fp8,
    PACKED: _packed,
    MODELOPT: _modelopt,
    "modelopt_fp4": _modelopt,
    "modelopt_mxfp8": _modelopt,
    BITS_AND_BYTES: _bits_and_bytes,
}


def _names(given: object, *, nested: bool = False) -> tuple[str, ...] | None:
    """A list of names, or of lists of names if `nested`; empty if absent, None if malformed."""
    if given is None:
        return ()
    if not isinstance(given, list):
        return None
    flat = [
        name for each in given for name in (each if nested and isinstance(each, list) else [each])
    ]
    return tuple(flat) if all(isinstance(name, str) for name in flat) else None


def _layers(names: tuple[str, ...], how: Match) -> ListedLayers | Unfollowed:
    patterns: dict[str, Pattern] = {}
    for name in names if how is Match.TARGET else ():
        if name.startswith(MARKS_PATTERN):
            pattern = compile_pattern(name.removeprefix(MARKS_PATTERN))
            if isinstance(pattern, UnreadablePattern):
                return Unfollowed(f"`{name}`: {pattern.reason}")
            patterns[name] = pattern
    return ListedLayers(names, how, patterns)


def _mapped(scheme: Scheme, mapped: Callable[[str], str | None]) -> Scheme:
    """The scheme with names of layers as the release has them; expressions stay as they are."""

    def renamed(layers: ListedLayers | None) -> ListedLayers | None:
        if layers is None:
            return None
        found = (_name(layers, name, mapped) for name in layers.names)
        return ListedLayers(
            tuple(name for name in found if name is not None), layers.how, layers.patterns
        )

    return Scheme(
        scheme.method,
        scheme.weights,
        renamed(scheme.kept),
        renamed(scheme.taken),
        scheme.listed,
        scheme.listed_by_checkpoint,
        scheme.all_linear,
    )


def _name(layers: ListedLayers, name: str, mapped: Callable[[str], str | None]) -> str | None:
    if name in layers.patterns or (layers.how is Match.TARGET and "." not in name):
        return name
    return mapped(name)


def _number(value: object) -> int:
    return value if type(value) is int else 0
