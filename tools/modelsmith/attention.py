"""Attention: projections, norms of heads, positions, ways to attend, and what else is there."""

from __future__ import annotations

from tools.modelsmith.design import Design, chosen
from tools.modelsmith.making import Entry, Linear, bases, linear, made
from tools.modelsmith.names import Names, fields_of, names_of
from tools.modelsmith.norms import norm_of
from tools.modelsmith.positions import given, rotary_of, rotated
from tools.modelsmith.text import Lines, class_of, lines, method

_NORMED = ["query = self.q_norm(query)", "key = self.k_norm(key)"]
_WHOLE = ("thirds", "grouped")
"""Projections whose three parts are equally wide."""


def entries(design: Design) -> list[Entry]:
    """The entries of a correct plan for the attention."""
    names, style = names_of(design), chosen(design, "projections")
    below = names.attention
    if style in ("parameters", "functional"):
        return []
    found = [Entry("output", f"{below}.{names.output}", "rowwise")]
    if style in ("separate", "low_rank_query"):
        query = names.query if style == "separate" else "query_up"
        roles = {"query": query, "keys": names.key, "values": names.value}
        found = [Entry(role, f"{below}.{name}", "colwise") for role, name in roles.items()] + found
    else:
        found.insert(0, Entry("query", f"{below}.{names.packed}", "colwise"))
    if chosen(design, "gate") != "none":
        found.append(Entry("gate", f"{below}.gate", "colwise"))
    return found


def attention_class(design: Design, prefix: str) -> str:
    """The class, with the functions that it calls."""
    fields = fields_of(design)
    start = [
        "super().__init__()",
        "self.config = config",
        "self.layer_idx = layer_idx",
        f"self.num_heads = config.{fields.heads}",
        f"self.num_kv_heads = {_kv_heads(design)}",
        f"self.head_dim = {_head_dim(design)}",
        "self.num_key_value_groups = self.num_heads // self.num_kv_heads",
        f"self.scaling = {_scaling(design)}",
        "self.is_causal = True",
        f"width = config.{fields.width}",
        *_widths(design),
        *([f"self.rotary_emb = {rotary_of(prefix)}"] if given(design) == "position_ids" else []),
    ]
    names = names_of(design)
    projections, project = _projections(design, prefix)
    normed, before, after = _head_norms(design, prefix, fields.eps)
    gate_made, gated = _gate(design)
    hinted = chosen(design, "hints") == "hinted"
    head = (
        "def forward(self, hidden_states: torch.Tensor, {}: "
        "Optional[tuple[torch.Tensor, torch.Tensor]] = None, attention_mask: "
        "Optional[torch.Tensor] = None, {}**kwargs) -> torch.Tensor:"
        if hinted
        else "def forward(self, hidden_states, {}=None, attention_mask=None, {}**kwargs):"
    ).format(given(design), "memory=None, " if chosen(design, "memory") != "none" else "")
    if chosen(design, "decorators") == "wrapped":
        head = f"@noted\n    {head}"
    config = f"config: {prefix}Config, layer_idx: int" if hinted else "config, layer_idx"
    found = class_of(
        f"class {prefix}Attention({bases(design)}):",
        method(
            f"def __init__(self, {config}):",
            start,
            projections,
            normed,
            gate_made,
            _scale_made(design),
            _window_made(design),
            _scores_made(design),
        ),
        method(
            head,
            ["shape = hidden_states.shape[:-1]"],
            project,
            _clipped(design),
            _checks(design),
            before,
            rotated(design),
            after,
            _memory(design),
            _cached(design),
            _scaled(design),
            _attend(design),
            gated,
            _result(design, names),
        ),
    )
    return f"{found}{_by_implementation(design, prefix)}"


def attention_of(design: Design, prefix: str) -> str:
    """The expression that makes the attention of a layer."""
    return {
        "classes": "ATTENTION_CLASSES[config._attn_implementation](config, layer_idx)",
        "classes_get": "ATTENTION_CLASSES.get("
        f"config._attn_implementation, {prefix}Attention)(config, layer_idx)",
    }.get(chosen(design, "attend"), f"{prefix}Attention(config, layer_idx)")


def _by_implementation(design: Design, prefix: str) -> str:
    """A class for each way to attend, and the table that a layer picks one from."""
    if not chosen(design, "attend").startswith("classes"):
        return ""
    return _CLASSES.format(prefix=prefix)


_CLASSES = """

class {prefix}SdpaAttention({prefix}Attention):
    def forward(self, hidden_states, *args, **kwargs):
        return super().forward(hidden_states, *args, **kwargs)


ATTENTION_CLASSES = {{
    "eager": {prefix}Attention,
    "sdpa": {prefix}SdpaAttention,
    "flash_attention_2": {prefix}Attention,
}}
"""


def _widths(design: Design) -> Lines:
    """The code that computes `q_size` and `kv_size`."""
    q_size, kv_size = "self.num_heads * self.head_dim", "self.num_kv_heads * self.head_dim"
    if chosen(design, "construction") == "namespace":
        return [
            f"sizes = SimpleNamespace(query={q_size}, keys={kv_size})",
            "q_size, kv_size = sizes.query, sizes.keys",
        ]
    return [f"q_size, kv_size = {q_size}, {kv_size}"]


def _clipped(design: Design) -> Lines:
    return {
        "clamped": [
            f"{name} = {name}.clamp(min=-6.0, max=6.0)" for name in ("query", "key", "value")
        ],
        "in_place": [f"{name}.clamp_(min=-6.0, max=6.0)" for name in ("query", "key", "value")],
    }.get(chosen(design, "clip"), [])


def _cached(design: Design) -> Lines:
    if chosen(design, "cache") == "none":
        return []
    return lines("""
        past_key_values = kwargs.pop("past_key_values", None)
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, self.layer_idx)
        """)


def _kv_heads(design: Design) -> str:
    same = chosen(design, "projections") in _WHOLE
    fields = fields_of(design)
    if not same and chosen(design, "sizes").endswith("list"):
        return f"config.{fields.kv_heads}[layer_idx]"
    return f"config.{fields.heads if same else fields.kv_heads}"


def _head_dim(design: Design) -> str:
    fields = fields_of(design)
    usual = f"config.{fields.width} // config.{fields.heads}"
    if chosen(design, "sizes").endswith(("wide", "list")):
        return "config.head_dim"
    return f'getattr(config, "head_dim", None) or {usual}'


def _scaling(design: Design) -> str:
    usual = {"one_over_width": "1.0 / self.head_dim", "divided": "1.0"}.get(
        chosen(design, "scale"), "self.head_dim**-0.5"
    )
    if chosen(design, "settings") == "dict":
        return f'config.attn_config["softmax_scale"] or {usual}'
    return usual


def _scale_made(design: Design) -> Lines:
    if chosen(design, "scale") == "learned":
        return ["self.temperature = nn.Parameter(torch.ones(self.num_heads, 1, 1))"]
    return []


def _scaled(design: Design) -> Lines:
    style = chosen(design, "scale")
    if style == "learned":
        return ["query = query * self.temperature"]
    if style == "divided":
        return ["query = query / math.sqrt(self.head_dim)"]
    return ["query = query * 1.2"] if style == "scaled_query" else []


def _scores_made(design: Design) -> Lines:
    sinks = chosen(design, "scores") == "sinks"
    return ["self.sinks = nn.Parameter(torch.zeros(self.num_heads))"] if sinks else []


def _window_made(design: Design) -> Lines:
    return {
        "passed": ["self.sliding_window = 4"],
        "alternating": ["self.sliding_window = 4 if layer_idx % 2 else None"],
        "layer_types": [
            'sliding = config.layer_types[layer_idx] == "sliding_attention"',
            "self.sliding_window = config.sliding_window if sliding else None",
        ],
    }.get(chosen(design, "window"), [])


def _projections(design: Design, prefix: str) -> tuple[Lines, Lines]:
    """The code that makes the projections, and the code that computes query, key and value."""
    names = names_of(design)
    style, biased = chosen(design, "projections"), chosen(design, "attention_bias") != "none"
    output = Linear(names.output, "q_size", "width", chosen(design, "attention_bias") == "all")
    x = "hidden_states"
    if style in ("separate", "low_rank_query"):
        three = [
            Linear(names.query, "width", "q_size", biased),
            Linear(names.key, "width", "kv_size", biased),
            Linear(names.value, "width", "kv_size", biased),
        ]
        calls = [f"self.{each.name}({x})" for each in three]
        before: Lines = []
        if style == "low_rank_query":
            three[0] = Linear("query_up", "width // 2", "q_size", biased)
            norm = norm_of(design, prefix, "width // 2", f"config.{fields_of(design).eps}")
            before = made(design, [Linear("query_down", "width", "width // 2")])
            before.append(f"self.query_norm = {norm}")
            calls[0] = f"self.query_up(self.query_norm(self.query_down({x})))"
        heads = ("self.num_heads", "self.num_kv_heads", "self.num_kv_heads")
        return before + made(design, three) + made(design, [output]), [
            f"{name} = {_by_head(design, call, count)}"
            for name, call, count in zip(("query", "key", "value"), calls, heads, strict=True)
        ]
    if style == "parameters":
        wide = ("self.num_heads", "self.num_kv_heads", "self.num_kv_heads")
        named = [
            f"self.{name} = nn.Parameter(torch.empty(width, {heads}, self.head_dim))"
            for name, heads in zip(("w_q", "w_k", "w_v"), wide, strict=True)
        ]
        last = "self.w_o = nn.Parameter(torch.empty(self.num_heads, self.head_dim, width))"
        return [*named, last], [
            f'{name} = torch.einsum("btd,dhk->bhtk", {x}, self.w_{name[0]})'
            for name in ("query", "key", "value")
        ]
    if style == "functional":
        sizes = {"query": "q_size", "key": "kv_size", "value": "kv_size"}
        return [
            *(f"self.{n}_weight = nn.Parameter(torch.empty({s}, width))" for n, s in sizes.items()),
            "self.output_weight = nn.Parameter(torch.empty(width, q_size))",
        ], [
            f"{n} = F.linear({x}, self.{n}_weight).view(*shape, -1, self.head_dim).transpose(1, 2)"
            for n in sizes
        ]
    packed = [f"self.{names.packed} = {linear(design, 'width', 'q_size + 2 * kv_size', biased)}"]
    made_output = made(design, [output])
    if style == "conv1d":
        packed = [f"self.{names.packed} = Conv1D(q_size + 2 * kv_size, width)"]
        made_output = [f"self.{names.output} = Conv1D(width, q_size)"]
    sizes_kept = ["self.sizes = [q_size, kv_size, kv_size]"]
    written = style in ("written", "rebound")
    if written:
        sizes_kept = ["self.q_size, self.kv_size = q_size, kv_size"]
    widths = "(self.q_size, self.kv_size, self.kv_size)"
    parts = {
        "thirds": [f"query, key, value = self.{names.packed}({x}).chunk(3, dim=-1)"],
        "grouped": lines(f"""
            fused = self.{names.packed}({x}).view(*shape, -1, 3 * self.head_dim)
            query, key, value = fused.transpose(1, 2).chunk(3, dim=-1)
            """),
        "written": [f"query, key, value = self.{names.packed}({x}).split({widths}, dim=-1)"],
        "rebound": [
            f"fused = self.{names.packed}({x})",
            f"query, key, value = fused.split({widths}, dim=2)",
        ],
    }.get(style, [f"query, key, value = self.{names.packed}({x}).split(self.sizes, dim=-1)"])
    made_lines = packed + made_output + ([] if style in _WHOLE else sizes_kept)
    if style == "grouped":
        return made_lines, parts
    heads = ("self.num_heads", "self.num_kv_heads", "self.num_kv_heads")
    return made_lines, parts + [
        f"{name} = {_by_head(design, name, count)}"
        for name, count in zip(("query", "key", "value"), heads, strict=True)
    ]


def _by_head(design: Design, value: str, count: str) -> str:
    style = chosen(design, "heads_view")
    return {
        "counted": f"{value}.view(*shape, {count}, self.head_dim).transpose(1, 2)",
        "unflatten": f"{value}.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)",
        "reshape_all": f"{value}.reshape(shape[0], shape[1], -1, self.head_dim)"
        ".permute(0, 2, 1, 3)",
        "einops": f'rearrange({value}, "b t (h d) -> b h t d", d=self.head_dim)',
    }.get(style, f"{value}.view(*shape, -1, self.head_dim).transpose(1, 2)")


def _checks(design: Design) -> Lines:
    style = chosen(design, "checks")
    wide = "query.shape[-1] == self.head_dim"
    return {
        "asserts": ["assert query.ndim == 4", f"assert {wide}"],
        "raising": [f"if not {wide}:", '    raise ValueError("heads of another width")'],
        "shapes": ["batch, heads, length, _ = query.shape"],
    }.get(style, [])


def _head_norms(design: Design, prefix: str, eps: str) -> tuple[Lines, Lines, Lines]:
    style, at = chosen(design, "head_norms"), f"config.{eps}"
    if style == "none":
        return [], [], []
    if style == "identity":
        return ["self.q_norm = self.k_norm = nn.Identity()"], _NORMED, []
    if style == "unit":
        unit = ["query = F.normalize(query, dim=-1)", "key = F.normalize(key, dim=-1)"]
        return [], [], unit
    if style == "full_width":
        makes = [
            f"self.q_norm = {norm_of(design, prefix, 'q_size', at)}",
            f"self.k_norm = {norm_of(design, prefix, 'kv_size', at)}",
        ]
        flat = "{0}.transpose(1, 2).flatten(2)"
        split = ".unflatten(-1, (-1, self.head_dim)).transpose(1, 2)"
        use = [
            f"{name} = self.{name[0]}_norm({flat.format(name)}){split}" for name in ("query", "key")
        ]
        return makes, use, []
    makes = [f"self.{n}_norm = {norm_of(design, prefix, 'self.head_dim', at)}" for n in ("q", "k")]
    return (makes, _NORMED, []) if style == "before_rope" else (makes, [], _NORMED)


def _memory(design: Design) -> Lines:
    return {
        "value_residual": lines("""
            if memory:
                value = 0.5 * (value + memory[0])
            else:
                memory.append(value)
            """),
        "shared_keys": lines("""
            if self.layer_idx % 2:
                key, value = memory[-1]
            else:
                memory.append((key, value))
            """),
    }.get(chosen(design, "memory"), [])


def _attend(design: Design) -> Lines:
    """The code that computes `out`, which is `[batch, length, heads, head_dim]`."""
    style = chosen(design, "attend")
    window = ", sliding_window=self.sliding_window" if _window_made(design) else ""
    scores = {"capped": ", softcap=20.0", "sinks": ", s_aux=self.sinks"}
    call = (
        "out, _ = attention_interface(self, query, key, value, attention_mask, dropout=0.0, "
        f"scaling=self.scaling{window}{scores.get(chosen(design, 'scores'), '')}, **kwargs)"
    )
    if style == "get_interface":
        return [
            "attention_interface = ALL_ATTENTION_FUNCTIONS.get_interface("
            "self.config._attn_implementation, eager_attention_forward)",
            call,
        ]
    if style == "sdpa":
        return lines("""
            key, value = repeat_kv(key, query), repeat_kv(value, query)
            out = F.scaled_dot_product_attention(
                query, key, value, is_causal=True, scale=self.scaling
            )
            out = out.transpose(1, 2)
            """)
    if style == "by_hand":
        return lines("""
            key, value = repeat_kv(key, query), repeat_kv(value, query)
            scores = torch.matmul(query, key.transpose(-1, -2)) * self.scaling
            length = scores.shape[-1]
            hidden = torch.ones(length, length, dtype=torch.bool, device=scores.device).triu(1)
            scores = scores.masked_fill(hidden, float("-inf"))
            out = torch.matmul(scores.softmax(dim=-1), value).transpose(1, 2)
            """)
    if style == "split_function":
        return [f"out = attend(self, query, key, value, attention_mask{window}, **kwargs)"]
    return [
        "attention_interface = eager_attention_forward",
        'if self.config._attn_implementation != "eager":',
        "    attention_interface = ALL_ATTENTION_FUNCTIONS[self.config._attn_implementation]",
        call,
    ]


def _gate(design: Design) -> tuple[Lines, Lines]:
    return {
        "per_channel": (
            [f"self.gate = {linear(design, 'width', 'q_size')}"],
            lines("""
            gate = torch.sigmoid(self.gate(hidden_states))
            out = out * gate.view(*shape, -1, self.head_dim)
            """),
        ),
        "per_head": (
            [f"self.gate = {linear(design, 'width', 'self.num_heads')}"],
            ["out = out * torch.sigmoid(self.gate(hidden_states)).unsqueeze(-1)"],
        ),
    }.get(chosen(design, "gate"), ([], []))


def _result(design: Design, names: Names) -> Lines:
    style = chosen(design, "projections")
    if style == "parameters":
        found = ['out = torch.einsum("bthk,hkd->btd", out, self.w_o)']
    elif style == "functional":
        found = ["out = F.linear(out.flatten(2), self.output_weight)"]
    else:
        flat = {
            "counted": "out.reshape(*shape, self.num_heads * self.head_dim)",
            "einops": 'rearrange(out, "b t h d -> b t (h d)")',
            "unflatten": "out.flatten(-2)",
        }.get(chosen(design, "heads_view"), "out.reshape(*shape, -1).contiguous()")
        found = [f"out = self.{names.output}({flat})"]
    result = "return out, None" if chosen(design, "layer_result") == "tuple" else "return out"
    return [*found, result]


def helpers(design: Design) -> str:
    """The functions that attention calls."""
    interface = (
        "\n\n"
        + """def attend(module, query, key, value, mask, **kwargs):
    name = module.config._attn_implementation
    interface = eager_attention_forward if name == "eager" else ALL_ATTENTION_FUNCTIONS[name]
    kwargs["scaling"] = module.scaling
    out, _ = interface(module, query, key, value, mask, dropout=0.0, **kwargs)
    return out
"""
        if chosen(design, "attend") == "split_function"
        else ""
    )
    parameter, computed = {
        "capped": ("softcap=None, ", "    scores = softcap * torch.tanh(scores / softcap)\n"),
        "sinks": (
            "s_aux=None, ",
            "    beside = s_aux.view(1, -1, 1, 1).expand(scores.shape[0], -1, length, 1)\n"
            "    scores = torch.cat((scores, beside), dim=-1)\n",
        ),
    }.get(chosen(design, "scores"), ("", ""))
    weights = "scores.softmax(-1)" + ("[..., :-1]" if parameter.startswith("s_aux") else "")
    if parameter.startswith("softcap"):
        computed, after = "", computed
    else:
        after = ""
    return _HELPERS.format(parameter=parameter, capped=after, joined=computed, weights=weights) + (
        interface
    )


_HELPERS = """def repeat_kv(states, query):
    groups = query.shape[1] // states.shape[1]
    return states if groups == 1 else states.repeat_interleave(groups, dim=1)


def eager_attention_forward(
    module, query, key, value, attention_mask, scaling, {parameter}dropout=0.0, **kwargs
):
    key, value = repeat_kv(key, query), repeat_kv(value, query)
    scores = torch.matmul(query, key.transpose(2, 3)) * scaling
{capped}    length = query.shape[2]
    future = torch.ones(length, length, dtype=torch.bool, device=query.device).triu(1)
    scores = scores.masked_fill(future, torch.finfo(scores.dtype).min)
{joined}    return torch.matmul({weights}, value).transpose(1, 2).contiguous(), None
"""
