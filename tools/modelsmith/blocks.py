"""Layers: where their norms are, and what their residuals are."""

from __future__ import annotations

from tools.modelsmith.attention import attention_of
from tools.modelsmith.design import Design, chosen
from tools.modelsmith.feedforward import feedforward_of
from tools.modelsmith.mixing import mixer
from tools.modelsmith.names import fields_of, names_of
from tools.modelsmith.norms import norm_of
from tools.modelsmith.positions import given
from tools.modelsmith.text import Lines, class_of, method


def layer_class(design: Design, prefix: str) -> str:
    """The class of a layer."""
    names, fields = names_of(design), fields_of(design)
    width, at = f"config.{fields.width}", f"config.{fields.eps}"

    def norm(size: str = width) -> str:
        return norm_of(design, prefix, size, at)

    mixer_made, mixed = mixer(design, prefix, width)
    residual = chosen(design, "residual")
    start = [
        "super().__init__()",
        f"self.{names.attention} = {attention_of(design, prefix)}",
        f"self.{names.feedforward} = {feedforward_of(design, prefix)}",
        f"self.{names.first_norm} = {norm()}",
        *([] if residual == "parallel" else [f"self.{names.second_norm} = {norm()}"]),
    ]
    if residual == "sandwich":
        start += [f"self.after_attention = {norm()}", f"self.after_feedforward = {norm()}"]
    if residual == "learned_scale":
        start += [
            f"self.attention_scale = nn.Parameter(torch.ones({width}))",
            f"self.feedforward_scale = nn.Parameter(torch.ones({width}))",
        ]
    streams = residual == "streams"
    head = f"def forward(self, hidden_states, {given(design)}=None, attention_mask=None, "
    return class_of(
        f"class {prefix}Layer({_base(design)}):",
        method("def __init__(self, config, layer_idx):", start, mixer_made),
        method(
            f"{head}{'other=None, ' if streams else ''}{_carried(design, 'None')}**kwargs):",
            _streams(design, mixed) if streams else _forward(design, mixed),
        ),
    )


def _base(design: Design) -> str:
    checkpointed = chosen(design, "layer_call") == "checkpointing"
    return "GradientCheckpointingLayer" if checkpointed else "nn.Module"


def _carried(design: Design, value: str = "memory") -> str:
    """The keyword for what one layer passes to the next besides hidden states, if anything."""
    return f"memory={value}, " if chosen(design, "memory") != "none" else ""


def _cache(design: Design) -> str:
    """The keyword for the cache, which layers hand on to their attention."""
    kept = chosen(design, "cache") != "none"
    return "past_key_values=past_key_values, " if kept else ""


def _attended(design: Design) -> Lines:
    """The code that computes `attended` from `normed`."""
    names = names_of(design)
    result = "attended, _" if chosen(design, "layer_result") == "tuple" else "attended"
    return [
        f"{result} = self.{names.attention}(",
        f"    normed, {given(design)}={given(design)}, attention_mask=attention_mask, "
        f"{_carried(design)}**kwargs",
        ")",
    ]


def _returned(design: Design, value: str) -> Lines:
    tuples = chosen(design, "layer_result") == "tuple"
    return [f"return ({value},)" if tuples and "," not in value else f"return {value}"]


def _forward(design: Design, mixed: Lines) -> Lines:
    names, residual = names_of(design), chosen(design, "residual")
    first, second = f"self.{names.first_norm}", f"self.{names.second_norm}"
    feed, attended = f"self.{names.feedforward}", _attended(design)
    if residual == "parallel":
        return [
            f"normed = {first}(hidden_states)",
            *mixed,
            *attended,
            f"hidden_states = hidden_states + attended + {feed}(normed)",
            *_returned(design, "hidden_states"),
        ]
    if residual in ("post", "deep"):
        kept = "hidden_states" if residual == "post" else "2.0 * hidden_states"
        return [
            "normed = hidden_states",
            *mixed,
            *attended,
            f"hidden_states = {first}({kept} + attended)",
            f"hidden_states = {second}({kept} + {feed}(hidden_states))",
            *_returned(design, "hidden_states"),
        ]
    if residual == "from_normed":
        return [
            f"normed = {first}(hidden_states)",
            *mixed,
            *attended,
            "hidden_states = normed + attended",
            f"normed = {second}(hidden_states)",
            f"hidden_states = normed + {feed}(normed)",
            *_returned(design, "hidden_states"),
        ]
    more, fed = {
        "sandwich": ("self.after_attention(attended)", "self.after_feedforward({})"),
        "learned_scale": ("self.attention_scale * attended", "self.feedforward_scale * {}"),
        "constant": ("0.7 * attended", "0.7 * {}"),
        "in_float": ("attended.float()", "{}.float()"),
    }.get(residual, ("attended", "{}"))
    if chosen(design, "names") == "gpt":
        return [
            f"normed = {first}(hidden_states)",
            *mixed,
            *attended,
            f"hidden_states = hidden_states + {more}",
            f"fed = {feed}({second}(hidden_states))",
            f"hidden_states = hidden_states + {fed.format('fed')}",
            *_returned(design, "hidden_states"),
        ]
    wide, narrow = (".float()", ".to(normed.dtype)") if residual == "in_float" else ("", "")
    return [
        f"residual = hidden_states{wide}",
        f"normed = {first}(hidden_states)",
        *mixed,
        *attended,
        f"hidden_states = {_narrowed(f'residual + {more}', narrow)}",
        f"residual = hidden_states{wide}",
        f"hidden_states = {feed}({second}(hidden_states))",
        f"hidden_states = {_narrowed('residual + ' + fed.format('hidden_states'), narrow)}",
        *_returned(design, "hidden_states"),
    ]


def _narrowed(value: str, narrow: str) -> str:
    return f"({value}){narrow}" if narrow else value


def collects(design: Design) -> bool:
    """Whether the model collects what each layer returns."""
    return chosen(design, "outputs") == "collected"


def _streams(design: Design, mixed: Lines) -> Lines:
    """Two streams, each of which changes the other, as in reversible models."""
    names = names_of(design)
    return [
        f"normed = self.{names.first_norm}(other)",
        *mixed,
        *_attended(design),
        "hidden_states = hidden_states + attended",
        f"fed = self.{names.feedforward}(self.{names.second_norm}(hidden_states))",
        *_returned(design, "hidden_states, other + fed"),
    ]


def loop(design: Design) -> Lines:
    """The code with which the model runs through its layers."""
    names, streams = names_of(design), chosen(design, "residual") == "streams"
    call = chosen(design, "layer_call")
    layers, count = f"self.{names.layers}", "self.config.num_hidden_layers"
    if not fields_of(design).mapped:
        count = f"self.config.{fields_of(design).layers}"
    number = "number"
    if chosen(design, "container") == "numbered":
        number, layers = "str(number)", f"{layers}.values()"
    head = {
        "indexed": [
            f"for number in range({count}):",
            f"    layer = {layers.removesuffix('.values()')}[{number}]",
        ],
        "sliced": [
            f"for layer in list({layers})[:{count}]:"
            if layers.endswith("values()")
            else f"for layer in {layers}[:{count}]:"
        ],
    }.get(call, [f"for layer in {layers}:"])
    where = given(design)
    first = f"hidden_states, {where}, attention_mask" if call == "positional" else ""
    first = first or f"hidden_states, {where}={where}, attention_mask=attention_mask"
    other = ", other=other" if streams else ""
    taken = "hidden_states, other" if streams else "hidden_states"
    tail = "[0]" if chosen(design, "layer_result") == "tuple" and not streams else ""
    handed = f"{first}{other}, {_carried(design)}{_cache(design)}**kwargs"
    body = [f"    {taken} = layer({handed}){tail}"]
    if call == "branch":
        body = [
            "    if self.gradient_checkpointing and self.training:",
            f"        {taken} = self._gradient_checkpointing_func(layer.__call__, {handed}){tail}",
            "    else:",
            *(f"    {line}" for line in body),
        ]
    if collects(design):
        body = [
            "    if output_hidden_states:",
            "        all_hidden_states = all_hidden_states + (hidden_states,)",
            *body,
        ]
    if chosen(design, "residual") == "embedding":
        body.append("    hidden_states = hidden_states + 0.1 * inputs_embeds")
    found = [*head, *body]
    if chosen(design, "sharing") == "looped":
        found = ["for _ in range(2):", *(f"    {line}" for line in found)]
    before = ["memory = []"] if _carried(design) else []
    if collects(design):
        before.append("all_hidden_states = () if output_hidden_states else None")
    if streams:
        before.append("other = hidden_states")
        found.append("hidden_states = (hidden_states + other) / 2")
    return [*before, *found]
