"""Positions: tables of cosines and sines, and how heads are turned by them."""

from __future__ import annotations

from tools.modelsmith.design import Design, chosen
from tools.modelsmith.names import fields_of
from tools.modelsmith.text import Lines, class_of, lines, method

ROTARY = ("half", "half_buffer", "interleaved", "partial", "complex", "cached", "own")
"""The position schemes that turn queries and keys."""


def given(design: Design) -> str:
    """What a layer is handed of positions: its attention may have a table of its own."""
    return "position_ids" if chosen(design, "positions") == "own" else "position_embeddings"


def rotary_of(prefix: str) -> str:
    """The expression that makes the module with the table."""
    return f"{prefix}Rotary(config)"


def rotary(design: Design, prefix: str) -> str:
    """The module for cosines and sines, and the function that rotates; empty where unused."""
    style = chosen(design, "positions")
    if style not in ROTARY:
        return ""
    fields = fields_of(design)
    wide = f'getattr(config, "head_dim", None) or config.{fields.width} // config.{fields.heads}'
    half = " // 2" if style == "partial" else ""
    start = [
        "super().__init__()",
        f"size = ({wide}){half}",
        "steps = torch.arange(0, size, 2, dtype=torch.int64).float()",
    ]
    made, found = _table(style, f"config.{fields.length}")
    module = class_of(
        f"class {prefix}Rotary(nn.Module):",
        method("def __init__(self, config):", start, made),
        method("def forward(self, x, position_ids):", found),
    )
    rotate = {"interleaved": _PAIRS, "complex": _COMPLEX}.get(style, _HALVES)
    if chosen(design, "decorators") == "scripted" and style != "complex":
        typed = ", ".join(f"{name}: torch.Tensor" for name in ("x", "cos", "sin"))
        rotate = f"@torch.jit.script\n{rotate.replace('x, cos, sin', typed, 1)}"
    return f"{rotate}\n\n{module}"


def _table(style: str, length: str) -> tuple[Lines, Lines]:
    """The code that makes the table, and the code that reads what belongs to `position_ids`."""
    doubled = "torch.cat((freqs, freqs), dim=-1)"
    if style == "interleaved":
        doubled = "freqs.repeat_interleave(2, dim=-1)"
    if style == "cached":
        return lines(f"""
            inverse = 1.0 / config.rope_theta ** (steps / size)
            freqs = torch.outer(torch.arange({length}).float(), inverse)
            turns = {doubled}
            self.register_buffer("cos_cached", turns.cos(), persistent=False)
            self.register_buffer("sin_cached", turns.sin(), persistent=False)
            """), lines("""
            cos, sin = self.cos_cached[position_ids], self.sin_cached[position_ids]
            return cos.to(x.dtype).unsqueeze(1), sin.to(x.dtype).unsqueeze(1)
            """)
    if style in ("half_buffer", "own"):
        made = [
            "inverse = 1.0 / config.rope_theta ** (steps / size)",
            'self.register_buffer("inv_freq", inverse, persistent=False)',
        ]
        inverse = ["inv_freq = self.inv_freq"]
    else:
        made = ["self.size, self.theta = size, config.rope_theta"]
        inverse = [
            "steps = torch.arange(0, self.size, 2, dtype=torch.float32, device=x.device)",
            "inv_freq = 1.0 / self.theta ** (steps / self.size)",
        ]
    freqs = [*inverse, "freqs = position_ids[..., None].float() * inv_freq"]
    if style == "complex":
        return made, [*freqs, "return torch.polar(torch.ones_like(freqs), freqs).unsqueeze(1)"]
    return made, [
        *freqs,
        f"turns = {doubled}",
        "return turns.cos().to(x.dtype).unsqueeze(1), turns.sin().to(x.dtype).unsqueeze(1)",
    ]


_HALVES = """def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin
"""
_PAIRS = """def rotate(x, cos, sin):
    first, second = x[..., ::2], x[..., 1::2]
    return x * cos + torch.stack((-second, first), dim=-1).flatten(-2) * sin
"""
_COMPLEX = """def rotate(x, turns):
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turns).flatten(3).type_as(x)
"""


def rotated(design: Design) -> Lines:
    """The code with which an attention turns its queries and keys."""
    style = chosen(design, "positions")
    if style not in ROTARY:
        return []
    if style == "complex":
        return lines("""
            query = rotate(query, position_embeddings)
            key = rotate(key, position_embeddings)
            """)
    if style == "partial":
        return lines("""
            cos, sin = position_embeddings
            rotary = cos.shape[-1]
            query = torch.cat((rotate(query[..., :rotary], cos, sin), query[..., rotary:]), dim=-1)
            key = torch.cat((rotate(key[..., :rotary], cos, sin), key[..., rotary:]), dim=-1)
            """)
    table = "self.rotary_emb(value, position_ids)" if style == "own" else "position_embeddings"
    return [f"cos, sin = {table}", "query, key = rotate(query, cos, sin), rotate(key, cos, sin)"]


def embedded(design: Design) -> Lines:
    """The code with which the model says where tokens are, before its layers."""
    style = chosen(design, "positions")
    found = [] if given(design) == "position_ids" else ["position_embeddings = None"]
    if style in ROTARY and found:
        return ["position_embeddings = self.rotary_emb(hidden_states, position_ids)"]
    if style == "learned":
        found.append("hidden_states = hidden_states + self.positions(position_ids)")
    elif style == "sinusoidal":
        found.append("hidden_states = hidden_states + self.table[position_ids]")
    elif style == "alibi":
        found += lines(f"""
            slopes = 2.0 ** -torch.arange(1, self.config.{fields_of(design).heads} + 1).float()
            distance = position_ids[:, None, :] - position_ids[:, :, None]
            bias = slopes[:, None, None] * distance[:, None].float()
            attention_mask = bias.masked_fill(distance[:, None] > 0, float("-inf"))
            """)
    return found


def made(design: Design, prefix: str, width: str) -> Lines:
    """What a model's constructor makes for its positions."""
    style, length = chosen(design, "positions"), f"config.{fields_of(design).length}"
    if style == "learned":
        return [f"self.positions = nn.Embedding({length}, {width})"]
    if style == "sinusoidal":
        table = f"sinusoids({length}, {width})"
        return [f'self.register_buffer("table", {table}, persistent=False)']
    shared = style in ROTARY and given(design) == "position_embeddings"
    return [f"self.rotary_emb = {rotary_of(prefix)}"] if shared else []


SINUSOIDS = """def sinusoids(length, width):
    angles = torch.arange(length)[:, None] / 10000 ** (torch.arange(0, width, 2) / width)
    return torch.cat((angles.sin(), angles.cos()), dim=-1)
"""
