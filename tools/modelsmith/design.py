"""What can be chosen for a model; a design takes one choice of each axis."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Design = Mapping[str, str]
"""A choice for each axis that is not at its plain choice."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Something that an author decides; `departs` is how often the choice is not the plain one."""

    name: str
    departs: float
    plain: str
    others: tuple[str, ...]


def _axis(name: str, departs: float, choices: str) -> Axis:
    plain, *others = choices.split()
    return Axis(name, departs, plain, tuple(others))


_MISTAKES = (
    "none no_keys no_values no_query no_output no_attention no_down no_gate no_feedforward "
    "swapped_output swapped_down other_names misspelt_style prefixed no_star embedding_too "
    "norm_too no_plan"
)

AXES = (
    # How it is said: none of these should change what an engine does with the model.
    _axis("names", 0.7, "hf gpt meta words"),
    _axis("fields", 0.5, "hf gpt short gpt_unmapped"),
    _axis("config", 0.6, "assigned loop annotated popped llama post_init"),
    _axis(
        "construction",
        0.7,
        "plain factory registry partial getattr mixin loop arguments dataclass subclass namespace "
        "defaultdict",
    ),
    _axis("decorators", 0.2, "none wrapped returns_tuple scripted"),
    _axis("container", 0.2, "attributes moduledict numbered"),
    _axis("settings", 0.1, "fields dict"),
    _axis("initialization", 0.3, "none usual named"),
    _axis("loss", 0.2, "none labels"),
    _axis("outputs", 0.2, "last collected"),
    _axis("files", 0.3, "one helpers"),
    _axis("checks", 0.25, "none asserts shapes raising prints"),
    _axis("hints", 0.4, "bare hinted"),
    _axis("imports", 0.25, "plain optional version_test"),
    _axis("layer_call", 0.4, "keywords positional indexed sliced checkpointing branch"),
    _axis("layer_result", 0.3, "tensor tuple"),
    # What it computes.
    _axis("sizes", 0.7, "4_2 4_4 4_1 6_2 8_4_wide 2_2 3_3 4_2_list"),
    _axis(
        "projections",
        0.4,
        "separate sizes written rebound thirds grouped conv1d parameters functional low_rank_query",
    ),
    _axis("linears", 0.1, "plain gain weight_norm"),
    _axis("heads_view", 0.3, "inferred counted unflatten reshape_all einops"),
    _axis("attention_bias", 0.2, "none qkv all"),
    _axis("head_norms", 0.25, "none before_rope after_rope full_width unit identity"),
    _axis("gate", 0.12, "none per_channel per_head"),
    _axis("scale", 0.15, "usual one_over_width learned scaled_query divided"),
    _axis("clip", 0.1, "none clamped in_place"),
    _axis("mask", 0.15, "none created added by_positions"),
    _axis("cache", 0.2, "none dynamic"),
    _axis("scores", 0.08, "plain capped sinks"),
    _axis("window", 0.1, "none passed alternating layer_types"),
    _axis("attend", 0.4, "interface get_interface sdpa by_hand split_function classes classes_get"),
    _axis(
        "positions",
        0.5,
        "half half_buffer interleaved partial learned sinusoidal alibi none complex cached own",
    ),
    _axis(
        "norm",
        0.7,
        "rms rms_division rms_power functional builtin layer centred bare one_plus llama "
        "layer_module optional",
    ),
    _axis("norm_parameter", 0.3, "weight scale g gamma"),
    _axis(
        "feedforward",
        0.6,
        "gated packed plain squared biased sequential chunked experts stack llama shared_expert "
        "function swapped dense_first",
    ),
    _axis("router", 0.5, "softmax late_softmax sigmoid raw corrected"),
    _axis("activation", 0.3, "silu gelu own module table"),
    _axis(
        "residual",
        0.4,
        "pre post sandwich parallel learned_scale constant embedding streams "
        "deep from_normed in_float",
    ),
    _axis("mixing", 0.12, "none shift convolution cumulative recurrence roll"),
    _axis("memory", 0.1, "none value_residual shared_keys"),
    _axis("sharing", 0.3, "untied tied tied_list looped assigned"),
    _axis("head", 0.2, "plain scaled capped sliced in_float normalized"),
    _axis("embedding", 0.3, "plain scaled padded padded_said normed wrapped dropout"),
    # Plans, and the mistakes that people make in them.
    _axis("stages", 0.4, "right none no_norm misspelt embedding_missing"),
    _axis("mistake", 0.3, _MISTAKES),
    _axis("second_mistake", 0.08, _MISTAKES),
    _axis("third_mistake", 0.03, _MISTAKES),
)
PLAIN = {axis.name: axis.plain for axis in AXES}


def chosen(design: Design, axis: str) -> str:
    """The choice of `design` for `axis`."""
    return design.get(axis, PLAIN[axis])


def mistakes(design: Design) -> set[str]:
    """The mistakes in the plan."""
    names = ("mistake", "second_mistake", "third_mistake")
    return {chosen(design, name) for name in names} - {"none"}


def drawn(seed: int, number: int) -> Design:
    """The design with that number in the batch of `seed`."""
    source = random.Random(f"{seed} {number}")
    found: dict[str, str] = {}
    for axis in AXES:
        departs, choice = source.random() < axis.departs, source.choice(axis.others)
        if departs:
            found[axis.name] = choice
    return found


def simpler(design: Design, size: int) -> Iterator[Design]:
    """Designs in which `size` neighbouring departures are undone, each with the departures left."""
    names = list(design)
    for start in range(0, len(names), size):
        gone = set(names[start : start + size])
        yield {name: choice for name, choice in design.items() if name not in gone}
