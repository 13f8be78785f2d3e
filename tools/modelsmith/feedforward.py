"""Feed-forwards: gates, packed gates, experts and routers."""

from __future__ import annotations

from tools.modelsmith.design import Design, chosen
from tools.modelsmith.making import Entry, Linear, bases, made
from tools.modelsmith.names import NAMES_OF_LLAMA, fields_of, names_of
from tools.modelsmith.text import Lines, class_of, lines, method

_EXPERTS = ("experts", "stack", "shared_expert")
_GATED = ("gated", "chunked", "swapped", "dense_first")
"""Feed-forwards with a layer for the gate and one beside it."""


def entries(design: Design) -> list[Entry]:
    """The entries of a correct plan for the feed-forward."""
    names, style = names_of(design), chosen(design, "feedforward")
    below = names.feedforward
    if style in _EXPERTS:
        return []
    if style == "llama":
        names = NAMES_OF_LLAMA
    if style in ("packed", "function"):
        first = [Entry("gate", f"{below}.{names.both}", "colwise")]
    elif style == "sequential":
        return [
            Entry("gate", f"{below}.net.0", "colwise"),
            Entry("down", f"{below}.net.2", "rowwise"),
        ]
    elif style in (*_GATED, "llama"):
        first = [Entry("gate", f"{below}.{name}", "colwise") for name in (names.gate, names.up)]
    else:
        first = [Entry("gate", f"{below}.{names.up}", "colwise")]
    return [*first, Entry("down", f"{below}.{names.down}", "rowwise")]


def feedforward_class(design: Design, prefix: str) -> str:
    """The classes of the feed-forward."""
    style = chosen(design, "feedforward")
    if style in _EXPERTS:
        return _experts(design, prefix, style)
    if style == "llama":
        return f"class {prefix}MLP(LlamaMLP):\n    pass\n"
    fields = fields_of(design)
    start = [
        "super().__init__()",
        f"width, inner = config.{fields.width}, config.{fields.inner}",
    ]
    before = _ACTIVATIONS if chosen(design, "activation") == "table" else ""
    before += _SWIGLU if style == "function" else ""
    if style == "dense_first":
        before += f"{_experts(design, prefix, 'experts', 'Experts')}\n\n"
    return before + class_of(
        f"class {prefix}MLP({bases(design)}):",
        method("def __init__(self, config):", start, _layers(design)),
        method(
            "def forward(self, x: torch.Tensor) -> torch.Tensor:"
            if chosen(design, "hints") == "hinted"
            else "def forward(self, x):",
            _checks(design),
            _compute(design),
        ),
    )


def feedforward_of(design: Design, prefix: str) -> str:
    """The expression that makes the feed-forward of a layer."""
    if chosen(design, "feedforward") == "dense_first":
        return f"{prefix}MLP(config) if layer_idx < 1 else {prefix}Experts(config)"
    return f"{prefix}MLP(config)"


_ACTIVATIONS = """ACTIVATIONS = {"silu": F.silu, "gelu": F.gelu, "relu": F.relu}


"""
_SWIGLU = """def swiglu(x):
    x = torch.chunk(x, 2, dim=-1)
    return F.silu(x[0]) * x[1]


"""


def _checks(design: Design) -> Lines:
    return {
        "asserts": ['assert x.dim() == 3, "batch, length, width"'],
        "shapes": ["batch, length, width = x.shape"],
        "raising": ["if x.shape[-1] == 0:", '    raise ValueError("empty")'],
        "prints": ["if x.shape[1] > 100000:", '    print("long")'],
    }.get(chosen(design, "checks"), [])


def _activation(design: Design, value: str) -> str:
    made_by = {
        "own": "self.act_fn",
        "module": "self.act",
        "table": "self.act_fn",
        "gelu": 'F.gelu({0}, approximate="tanh")',
        "silu": "F.silu",
    }
    style = made_by[chosen(design, "activation")]
    return style.format(value) if "{" in style else f"{style}({value})"


def _layers(design: Design) -> Lines:
    names, style = names_of(design), chosen(design, "feedforward")
    biased = style == "biased"
    table = {
        "own": ["self.act_fn = ACT2FN[config.hidden_act]"],
        "module": ["self.act = nn.SiLU()"],
        "table": ["self.act_fn = ACTIVATIONS[config.hidden_act]"],
    }.get(chosen(design, "activation"), [])
    down = Linear(names.down, "inner", "width", biased)
    if style in ("packed", "function"):
        return [
            *made(design, [Linear(names.both, "width", "2 * inner")]),
            *made(design, [down]),
            *table,
        ]
    if style == "sequential":
        return lines("""
            self.net = nn.Sequential(
                nn.Linear(width, inner, bias=False), nn.GELU(), nn.Linear(inner, width, bias=False)
            )
            """)
    up = Linear(names.up, "width", "inner", biased)
    both = [Linear(names.gate, "width", "inner"), up] if style in _GATED else [up]
    return [*made(design, both), *made(design, [down]), *table]


def _compute(design: Design) -> Lines:
    names, style = names_of(design), chosen(design, "feedforward")
    gate, up, down = (f"self.{name}" for name in (names.gate, names.up, names.down))
    if style == "packed":
        return [
            f"gate, up = self.{names.both}(x).chunk(2, dim=-1)",
            f"return {down}({_activation(design, 'gate')} * up)",
        ]
    if style == "sequential":
        return ["return self.net(x)"]
    if style == "squared":
        return [f"return {down}(F.relu({up}(x)).square())"]
    if style == "chunked":
        gated = _activation(design, f"{gate}(part)")
        return [
            "parts = [",
            f"    {down}({gated} * {up}(part))",
            "    for part in x.chunk(2, dim=-2)",
            "]",
            "return torch.cat(parts, dim=-2)",
        ]
    if style == "function":
        return [f"return {down}(swiglu(self.{names.both}(x)))"]
    if style == "swapped":
        return [f"return {down}({up}(x) * {_activation(design, f'{gate}(x)')})"]
    if style in ("gated", "dense_first"):
        return [f"return {down}({_activation(design, f'{gate}(x)')} * {up}(x))"]
    return [f"return {down}({_activation(design, f'{up}(x)')})"]


def _route(design: Design) -> Lines:
    """The code that computes `weights` and `index` of the experts for each row of `flat`."""
    style = chosen(design, "router")
    normed = "weights = (weights / weights.sum(dim=-1, keepdim=True)).to(x.dtype)"
    best = "torch.topk(scores, self.top_k, dim=-1)"
    return {
        "late_softmax": [
            f"weights, index = {best.replace('scores', 'self.gate(flat)')}",
            "weights = F.softmax(weights, dim=-1, dtype=torch.float).to(x.dtype)",
        ],
        "sigmoid": [
            "scores = torch.sigmoid(self.gate(flat).float())",
            f"weights, index = {best}",
            normed,
        ],
        "raw": [
            "scores = F.softmax(self.gate(flat), dim=-1, dtype=torch.float).to(x.dtype)",
            f"weights, index = {best}",
        ],
        "corrected": [
            "scores = torch.sigmoid(self.gate(flat).float())",
            "index = torch.topk(scores + self.correction, self.top_k, dim=-1).indices",
            "weights = scores.gather(1, index)",
            normed,
        ],
    }.get(
        style,
        [
            "scores = F.softmax(self.gate(flat), dim=-1, dtype=torch.float)",
            f"weights, index = {best}",
            normed,
        ],
    )


def _experts(design: Design, prefix: str, style: str, suffix: str = "MLP") -> str:
    """A router and experts: a list of them, or parameters that contain all of them."""
    stacked, shared = style == "stack", style == "shared_expert"
    fields = fields_of(design)
    start = [
        "super().__init__()",
        f"width, inner = config.{fields.width}, config.moe_intermediate_size",
        "self.num_experts, self.top_k = config.num_experts, config.num_experts_per_tok",
        "self.gate = nn.Linear(width, self.num_experts, bias=False)",
    ]
    held = (
        f"self.experts = {prefix}Experts(config)"
        if stacked
        else f"self.experts = nn.ModuleList([{prefix}Expert(width, inner) for _ in "
        "range(self.num_experts)])"
    )
    if chosen(design, "router") == "corrected":
        start.append('self.register_buffer("correction", torch.zeros(self.num_experts))')
    if shared:
        start.append(f"self.shared_expert = {prefix}Expert(width, inner)")
    route = ["flat = x.reshape(-1, x.shape[-1])", *_route(design)]
    spread = (
        ["return self.experts(flat, index, weights).reshape(x.shape)"]
        if stacked
        else lines("""
        out = torch.zeros_like(flat)
        for number, expert in enumerate(self.experts):
            share = (weights * (index == number)).sum(dim=-1, keepdim=True)
            out = out + share * expert(flat)
        """)
        + (["out = out + self.shared_expert(flat)"] if shared else [])
        + ["return out.reshape(x.shape)"]
    )
    block = class_of(
        f"class {prefix}{suffix}(nn.Module):",
        method("def __init__(self, config):", start, [held]),
        method("def forward(self, x):", route, spread),
    )
    return (
        f"{(_STACK if stacked else _EXPERT).format(prefix=prefix, width=fields.width)}\n\n{block}"
    )


_EXPERT = """class {prefix}Expert(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.w1 = nn.Linear(width, inner, bias=False)
        self.w2 = nn.Linear(inner, width, bias=False)
        self.w3 = nn.Linear(width, inner, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))
"""
_STACK = """class {prefix}Experts(nn.Module):
    def __init__(self, config):
        super().__init__()
        count, inner = config.num_experts, config.moe_intermediate_size
        self.num_experts = count
        self.gate_up_proj = nn.Parameter(torch.empty(count, 2 * inner, config.{width}))
        self.down_proj = nn.Parameter(torch.empty(count, config.{width}, inner))
        self.act_fn = nn.SiLU()

    def forward(self, hidden_states, top_k_index, top_k_weights):
        out = torch.zeros_like(hidden_states)
        for expert in range(self.num_experts):
            token, slot = torch.where(top_k_index == expert)
            gate, up = F.linear(hidden_states[token], self.gate_up_proj[expert]).chunk(2, dim=-1)
            each = F.linear(self.act_fn(gate) * up, self.down_proj[expert])
            out.index_add_(0, token, each * top_k_weights[token, slot, None])
        return out
"""
