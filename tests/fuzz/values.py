"""Values, configs and options, drawn by hypothesis, which knows at which values things break."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Drawn = TypeVar("Drawn")

_MODELS = Path(__file__).parents[2] / "fixtures" / "models"
_HUGE = "an integer of 5,000 digits"
_NUMBERS = st.one_of(
    st.integers(-3, 70),
    st.sampled_from([10**8, 10**11, 2**31, 2**63, -(2**63), 10**30, 10**400]),
    st.floats(),
    st.integers(),
)
_TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["silu", "sdpa", "bfloat16", "auto", "float", "", "[" * 60, "{" * 60, "::", _HUGE]
    ),
)
_KEYS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["rope_type", "type", "factor", "a", "quant_method", "layers.*.q", "colwise"]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)
NAMES = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim"),
    *("intermediate_size", "vocab_size", "hidden_act", "rms_norm_eps", "rope_theta", "torch_dtype"),
    *("rope_scaling", "rope_parameters", "tie_word_embeddings", "max_position_embeddings"),
    *("sliding_window", "layer_types", "base_model_tp_plan", "base_model_pp_plan", "auto_map"),
    *("architectures", "model_type", "quantization_config", "attention_bias", "pad_token_id"),
    *("text_config", "dtype", "_attn_implementation", "num_experts", "use_cache", "partial_rotary"),
)
CHANGES = st.dictionaries(st.sampled_from(NAMES) | _KEYS, VALUES, min_size=1, max_size=4)


def drawn(strategy: st.SearchStrategy[Drawn], number: str, count: int) -> list[Drawn]:
    """`count` values of `strategy`, the same ones for the same `number`."""
    found: list[Drawn] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def keep(value: Drawn) -> None:
        found.append(value)

    keep()
    return found


@cache
def _config(model: str) -> dict[str, object]:
    values: dict[str, object] = json.loads((_MODELS / model / "config.json").read_text("utf-8"))
    return values


def configs(model: str, number: str, count: int) -> list[str]:
    """Texts of the config.json of a shipped model with other values."""
    return [_text(_config(model) | changes) for changes in drawn(CHANGES, number, count)]


def documents(number: str, count: int) -> list[str]:
    """Texts of any JSON value, in various spellings."""
    ways: list[Callable[[object], str]] = [
        _text,
        lambda value: json.dumps(value, indent=2),
        lambda value: json.dumps(value, ensure_ascii=False),
        lambda value: "[" * 40 + _text(value) + "]" * 40,
        lambda value: json.dumps({'"[' + "[" * 60: value}),
    ]
    pairs = drawn(st.tuples(st.sampled_from(ways), VALUES | CHANGES), number, count)
    return [way(value) for way, value in pairs]


def _text(value: object) -> str:
    """JSON; Python itself refuses to write integers of so many digits."""
    return json.dumps(value, default=str).replace(f'"{_HUGE}"', "9" * 5_000)


REQUIREMENTS = st.one_of(
    st.text(max_size=12),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["vllm", "transformers", "", "vllm ", "sglang", "VLLM", "\x1b[31m"]),
        st.sampled_from(["==", ">=", "<", "~=", "===", "!=", "", ">", "<=,"]),
        st.lists(
            st.sampled_from(["0", "32", "5", "19", "9" * 5_000, "x", "-1", "1e9"]), max_size=4
        ).map(".".join),
        st.sampled_from(["", ".*", "rc1", " transformers==5.19", ",<0.40", "+cu", "\n", ".post1"]),
    ),
)
SIZES = st.one_of(
    _NUMBERS.map(str),
    st.sampled_from(["9" * 5_000, "1e400", "0x10", "1_000", "+2"]),
    st.lists(st.sampled_from(["1", "2", "4", "", "-1", "²", "100000000000"]), max_size=4).map(
        ",".join
    ),
    st.text(max_size=6),
)
