"""Expressions of torch code as in models, with the shapes of their operands.

Shapes are those of the whole model. `B` and `S` stand for sizes of the input: numbers to torch,
symbols to the linter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

SYMBOLS = {"B": 2, "S": 10}


class Operand(NamedTuple):
    """A tensor of random numbers: floats, `positive` ones, integers below `below`, or a `mask`."""

    shape: tuple[int | str, ...]
    kind: str = "float"
    below: int = 0


@dataclass(frozen=True)
class Case:
    text: str
    operands: dict[str, Operand]

    def __str__(self) -> str:
        return self.text


def case(text: str, **operands: tuple[int | str, ...] | Operand) -> Case:
    given = {
        name: each if isinstance(each, Operand) else Operand(each)
        for name, each in operands.items()
    }
    return Case(text, given)


def positive(*shape: int | str) -> Operand:
    return Operand(shape, "positive")


def digits(*shape: int | str) -> Operand:
    """Floats that are -1, 0 or 1."""
    return Operand(shape, "digits")


def index(below: int, *shape: int | str) -> Operand:
    return Operand(shape, "index", below)


def mask(*shape: int | str) -> Operand:
    return Operand(shape, "mask")


def each(text: str, names: str, **operands: tuple[int | str, ...] | Operand) -> list[Case]:
    """One case for every one of `names`, which replaces `NAME` in the text."""
    return [case(text.replace("NAME", name), **operands) for name in names.split()]


X = ("B", "S", 24)
HEADS = ("B", 4, "S", 6)
KV = ("B", 2, "S", 6)
SCORES = ("B", 4, "S", "S")

LINEAR = [
    case("F.linear(x, w)", x=X, w=(32, 24)),
    case("F.linear(x, w, b)", x=X, w=(32, 24), b=(32,)),
    case("F.linear(x, w)", x=X, w=(24,)),
    case("F.linear(x, w)", x=X, w=(32, 12)),
    case("F.linear(x, w, b)", x=X, w=(32, 24), b=(16,)),
    case("x @ w", x=X, w=(24, 32)),
    case("x @ w", x=X, w=(24,)),
    case("x @ w", x=(24,), w=(24,)),
    case("x @ w", x=(24,), w=(12,)),
    case("x @ w", x=(24,), w=(24, 8)),
    case("x @ w", x=X, w=(12,)),
    case("x @ w", x=X, w=(12, 8)),
    case("torch.matmul(q, k.transpose(2, 3))", q=HEADS, k=HEADS),
    case("torch.matmul(q, k.transpose(-1, -2)) * 0.5", q=HEADS, k=("B", 1, "S", 6)),
    case("q @ k.mT", q=HEADS, k=KV),
    case("q @ k", q=HEADS, k=("B", 4, 3, "S")),
    case("p.matmul(v)", p=SCORES, v=HEADS),
    case("torch.bmm(x, y)", x=("B", "S", 6), y=("B", 6, 4)),
    case("torch.bmm(x, y)", x=("B", "S", 6), y=(4, 6, 4)),
    case("torch.bmm(x, y)", x=("B", "S", 6), y=("B", 4, 6)),
    case("torch.bmm(x, y)", x=("S", 6), y=("B", 6, 4)),
    case("torch.mm(x, y)", x=("S", 24), y=(24, 8)),
    case("torch.addmm(b, x, w)", b=(8,), x=("S", 24), w=(24, 8)),
    case("torch.addmm(b, x, w)", b=(4,), x=("S", 24), w=(24, 8)),
    case("torch.baddbmm(b, x, y)", b=("B", "S", 4), x=("B", "S", 6), y=("B", 6, 4)),
    case(
        "torch.linalg.solve_triangular(a, x, upper=False, unitriangular=True)",
        a=("B", 4, 4),
        x=("B", 4, 6),
    ),
    case("torch.outer(t, f)", t=("S",), f=(6,)),
    case("torch.outer(t, f)", t=("S", 2), f=(6,)),
    case("torch.dot(x, y)", x=(24,), y=(24,)),
    case("torch.einsum('bsf,of->bso', x, w)", x=X, w=(32, 24)),
    case("torch.einsum('bhqd,bhkd->bhqk', q, k)", q=HEADS, k=HEADS),
    case("torch.einsum('bhqk,bhkd->bqhd', p, v)", p=SCORES, v=HEADS),
    case("torch.einsum('i,j->ij', t, f)", t=("S",), f=(6,)),
    case("torch.einsum('...f,fo->...o', x, w)", x=X, w=(24, 32)),
    case("torch.einsum('bsf,bsf->bs', x, y)", x=X, y=X),
    case("torch.einsum('ij', x)", x=("S", 6)),
    case("torch.einsum('ij,jk', x, y)", x=("S", 6), y=(6, 4)),
    case("torch.einsum('bij,bjk->bik', x, y)", x=("B", 4, 6), y=("B", 3, 4)),
    case("torch.einsum('bij,bjk->bik', x, y)", x=(4, 6), y=("B", 6, 4)),
]

VIEWS = [
    case("x.view(*x.shape[:-1], -1, 6)", x=X),
    case("x.view(x.shape[0], x.shape[1], -1, 6)", x=X),
    case("x.view(x.shape[0], x.shape[1], 4, 6)", x=X),
    case("x.view(x.shape[0], x.shape[1], 4, -1)", x=X),
    case("x.view(x.shape[0], x.shape[1], x.shape[2] // 6, 6)", x=X),
    case("x.view(x.shape[0], x.shape[1], -1, 5)", x=X),
    case("x.view((x.size(0), x.size(1), -1, 6))", x=X),
    case("x.view(-1, x.shape[-1])", x=X),
    case("x.view(-1, 24)", x=X),
    case("x.view(x.shape[0] * x.shape[1], 4, 6)", x=X),
    case("x.view(x.shape[0], -1)", x=X),
    case("x.view(-1)", x=X),
    case("x.view(-1, -1, 24)", x=X),
    case("x.view(x.shape[0], 2, -1, x.shape[2])", x=X),
    case("x.view(x.shape[0], x.shape[1], 2, 2, 6)", x=X),
    case("x.view(x.shape[0], x.shape[1], -1, 2, 6)", x=X),
    case("x.view(x.shape[0], x.shape[1], -1, 2, 2)", x=X),
    case("x.view(1, x.shape[0], x.shape[1], 1, -1)", x=X),
    case("x.view(x.shape[0], x.shape[1], -1, 1)", x=X),
    case("x.transpose(1, 2).reshape(x.shape[0], x.shape[2], -1)", x=HEADS),
    case("x.transpose(1, 2).reshape(x.shape[0], x.shape[2], 24)", x=HEADS),
    case("x.transpose(1, 2).reshape(x.shape[0], x.shape[2], 4, 6)", x=HEADS),
    case("x.reshape(x.shape[0], x.shape[1], -1)", x=HEADS),
    case("x.reshape(-1, x.shape[2], x.shape[3])", x=HEADS),
    case("x.reshape(x.shape[0], 2, -1, x.shape[2], x.shape[3])", x=HEADS),
    case("x.reshape(x.shape[0], -1, 2, x.shape[2], x.shape[3])", x=HEADS),
    case("x.view(2, 48)", x=(4, 24)),
    case("x.view(-1, 48)", x=(4, 24)),
    case("x.view(8, 12)", x=(4, 24)),
    case("x.view(-1, 12)", x=(4, 24)),
    case("x.view(2, 2, 24)", x=(4, 24)),
    case("x.view(6, 4, 4)", x=(4, 24)),
    case("x.view(y.shape[0], -1)", x=(4, 24), y=(8,)),
    case("x.view_as(y)", x=("B", "S", 24), y=("B", "S", 4, 6)),
    case("x.reshape(y.shape)", x=("B", "S", 24), y=("B", "S", 4, 6)),
    case("torch.reshape(x, (2, -1))", x=(4, 24)),
    case("x.flatten(1)", x=HEADS),
    case("x.flatten(0, 1)", x=X),
    case("x.flatten(2, 3)", x=("B", "S", 4, 6)),
    case("torch.flatten(x, start_dim=-2)", x=("B", "S", 4, 6)),
    case("x.flatten()", x=X),
    case("x.flatten(2, 1)", x=X),
    case("x.unflatten(-1, (-1, 6))", x=X),
    case("x.unflatten(-1, (4, 6))", x=X),
    case("x.unflatten(2, (4, -1))", x=X),
    case("x.unflatten(-1, (-1, 5))", x=X),
    case("x.squeeze(1)", x=("B", 1, 24)),
    case("x.squeeze(-1)", x=("B", 2, 2)),
    case("x.squeeze()", x=("S", 1, 1)),
    case("x.squeeze()", x=("S", 2, 1)),
    case("x.squeeze(4)", x=X),
    case("x.unsqueeze(1)", x=X),
    case("x.unsqueeze(-1)", x=X),
    case("x.unsqueeze(5)", x=X),
    case("torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))", x=HEADS),
    case("torch.view_as_real(torch.view_as_complex(x))", x=("S", 4, 2)),
    case("x.contiguous()", x=X),
]

EXPANSION = [
    case("x.expand(y.shape[0], -1, -1)", x=(1, "S", 24), y=("B",)),
    case("x.expand(-1, -1, 3, -1)", x=("B", 4, 1, 6)),
    case("x.expand(-1, y.shape[1], -1, -1)", x=("B", 1, "S", 6), y=HEADS),
    case("x.expand(-1, 4, -1, -1)", x=("B", 1, "S", 6)),
    case("x.expand(-1, 4, -1, -1)", x=("B", 2, "S", 6)),
    case("x.expand(4, 24)", x=(24,)),
    case("x.expand(12)", x=(24,)),
    case("x.expand(24)", x=(4, 24)),
    case("x.expand(-1, 24)", x=(24,)),
    case("x.expand_as(y)", x=(1, "S", 1), y=X),
    case("torch.broadcast_to(x, (4, 24))", x=(24,)),
    case("x.repeat(2, 1, 1)", x=X),
    case("x.repeat(1, 1, 2)", x=X),
    case("x.repeat(3, 1, 1, 1)", x=X),
    case("x.repeat(y.shape[0], 1)", x=("S", 6), y=(4,)),
    case("x.repeat(2, 1)", x=X),
    case("x.tile((1, 2))", x=("S", 6)),
    case("x.repeat_interleave(2, dim=1)", x=KV),
    case("torch.repeat_interleave(x, 2, dim=-1)", x=("S", 6)),
    case("x.repeat_interleave(2)", x=("S", 6)),
    case("x.repeat_interleave(q.shape[1] // x.shape[1], dim=1)", x=KV, q=HEADS),
    case("x.repeat_interleave(q.shape[1] // x.shape[1], dim=1)", x=("B", 1, "S", 6), q=HEADS),
]

PERMUTE = [
    case("x.transpose(1, 2)", x=HEADS),
    case("torch.transpose(x, -1, -2)", x=HEADS),
    case("x.transpose(1, 4)", x=HEADS),
    case("x.permute(0, 2, 1, 3)", x=HEADS),
    case("x.permute((2, 0, 3, 1))", x=HEADS),
    case("x.permute(0, 2, 1)", x=HEADS),
    case("x.permute(0, 1, 1, 2)", x=HEADS),
    case("x.t()", x=("S", 6)),
    case("x.t()", x=X),
    case("x.T", x=("S", 6)),
    case("x.mT", x=HEADS),
    case("x.mT", x=(6,)),
    case("x.movedim(1, -1)", x=HEADS),
    case("torch.movedim(x, (0, 1), (2, 0))", x=HEADS),
    case("x.flip(-1)", x=X),
    case("torch.flip(x, dims=(1,))", x=X),
    case("torch.roll(x, 1, 1)", x=X),
    case("x.roll(1)", x=("S", 6)),
]

SPLIT = [
    case("a, b = x.chunk(2, dim=-1); a * b", x=X),
    case("a, b = x.chunk(2, -1); F.silu(a) * b", x=X),
    case("a, b = torch.chunk(x, 2); b", x=(4, 24)),
    case("torch.chunk(x, 3, dim=1)[2]", x=(4, 8)),
    case("x.chunk(0, -1)", x=X),
    case("x.split(12, dim=-1)[1]", x=X),
    case("x.split((12, 6, 6), dim=-1)[1]", x=X),
    case("torch.split(x, [6, 12], dim=-1)[0]", x=X),
    case("torch.split(x, 5, dim=-1)[-1]", x=X),
    case("x.split(x.shape[-1] // 2, -1)[1]", x=X),
    case("x.split((x.shape[-1],), -1)[0]", x=X),
    case("x.tensor_split(5, dim=-1)[1]", x=X),
    case("x.tensor_split((6, 18), dim=-1)[1]", x=X),
    case("x.unbind(1)[0]", x=HEADS),
    case("x.unbind(-1)[3]", x=HEADS),
    case("a, b = torch.unbind(x); a", x=(2, "S", 6)),
    case("x.unbind(4)", x=HEADS),
    case("torch.cat((x, y), dim=-1)", x=X, y=("B", "S", 8)),
    case("torch.cat((x, y), dim=-1)", x=X, y=X),
    case("torch.cat([x, y])", x=X, y=("B", "S", 24)),
    case("torch.cat((x, y), dim=-1)", x=X, y=("B", 4, 24)),
    case("torch.cat((x, y), dim=1)", x=X, y=("S", 24)),
    case("torch.cat((x,), dim=-1)", x=X),
    case("torch.cat((), dim=-1)"),
    case("torch.stack((x, y), dim=-1)", x=X, y=X),
    case("torch.stack([x, y])", x=X, y=X),
    case("torch.stack([x, y], dim=1)", x=X, y=("B", "S", 12)),
    case("torch.stack((-x[..., 1::2], x[..., ::2]), dim=-1).flatten(-2)", x=HEADS),
]

INDEXING = [
    case("x[:, 0]", x=X),
    case("x[:, -1, :]", x=X),
    case("x[..., 0]", x=X),
    case("x[:, :, None, :]", x=HEADS),
    case("x[None]", x=X),
    case("x[:, 3]", x=(4, 3, 6)),
    case("x[:, -5]", x=(4, 4, 6)),
    case("x[..., 5]", x=(4, 6)),
    case("x[0, 0, 0, 0]", x=X),
    case("x[:, :, :12]", x=X),
    case("x[..., x.shape[-1] // 2 :]", x=X),
    case("x[..., : x.shape[-1] // 2]", x=X),
    case("x[..., : x.shape[-1]]", x=X),
    case("x[..., :24]", x=X),
    case("x[..., 12:]", x=X),
    case("x[..., -4:]", x=X),
    case("x[..., ::2]", x=X),
    case("x[..., 1::2]", x=X),
    case("x[..., ::7]", x=X),
    case("x[..., 2:10:3]", x=X),
    case("x[..., ::-1]", x=X),
    case("x[:, :-1]", x=X),
    case("x[..., :-1, :]", x=X),
    case("x[:, -1:, :]", x=X),
    case("x[:, :, :, : k.shape[-2]]", x=("B", 1, "S", "S"), k=HEADS),
    case("x[: k.shape[1]]", x=(4, 24), k=HEADS),
    case("x[: k.shape[2]]", x=(16, 24), k=HEADS),
    case("x[k.shape[1] - 1]", x=(4, 24), k=HEADS),
    case("x[i]", x=(16, 6), i=index(2, "B", "S")),
    case("x[i]", x=(16, 6), i=index(2, 3)),
    case("x[:, i]", x=X, i=index(4, 3)),
    case("x[i, j]", x=(16, 4, 6), i=index(4, 3), j=index(2, 3)),
    case("x[i[:, None], j]", x=(16, 4, 6), i=index(4, 4), j=index(2, 3)),
    case("x[i, :, j]", x=(16, 4, 6), i=index(4, 4), j=index(2, 4)),
    case("x[i, j]", x=(16, 4, 6), i=index(4, 4), j=index(2, 3)),
    case("x[[0, 2]]", x=(16, 6)),
    case("x[:, [0, 2], 1]", x=(8, 16, 6)),
    case("x[m]", x=("S", 6), m=mask("S")),
    case("x[m]", x=("S", 6), m=mask("S", 6)),
    case("x[m]", x=(4, 6), m=mask(3)),
    case("x.select(1, 2)", x=X),
    case("x.select(2, 30)", x=X),
    case("x.narrow(-1, 0, 12)", x=X),
    case("x.narrow(-1, 0, x.shape[-1])", x=X),
    case("x.narrow(-1, 20, 12)", x=X),
    case("x.unfold(-1, 4, 1)", x=X),
    case("x.unfold(1, 3, 2)", x=X),
    case("x.unfold(-1, 30, 1)", x=X),
    case("F.pad(x.transpose(1, 2), (3, 0)).unfold(-1, 4, 1)", x=X),
    case("(F.pad(x.transpose(1, 2), (3, 0)).unfold(-1, 4, 1) * w).sum(-1)", x=X, w=(24, 1, 4)),
    case("x[:, 0] = 0.0; x", x=X),
    case("x[..., 0] = y; x", x=X, y=("B", "S")),
    case("x[:, 1:] = y; x", x=("B", 4, 24), y=("B", 3, 24)),
    case("x[:, :, :4] = y; x", x=X, y=("B", "S", 4)),
    case("x[:, :, :4] = y; x", x=X, y=("B", "S", 6)),
    case("x[:, 0] = y; x", x=X, y=(24,)),
    case("x[:, 0] = y; x", x=X, y=(2, 1, 24)),
    case("x[m] = 0.0; x", x=X, m=mask("B", "S")),
    case("x[m] = 1.0; x", x=X, m=mask("B", "S", 24)),
    case("x[i] = y; x", x=(16, 6), i=index(16, 3), y=(3, 6)),
    case("x[i] = y; x", x=(16, 6), i=index(16, 3), y=(4, 6)),
    case("torch.gather(x, -1, i)", x=X, i=index(12, "B", "S", 3)),
    case("x.gather(1, i)", x=(4, 8), i=index(4, 2, 8)),
    case("x.gather(1, i)", x=(4, 8), i=index(4, 6, 8)),
    case("x.gather(1, i)", x=(4, 8), i=index(4, 6)),
    case("torch.take_along_dim(x, i, dim=-1)", x=X, i=index(12, "B", "S", 3)),
    case("torch.take_along_dim(x, i, dim=1)", x=(4, 8), i=index(4, 1, 3)),
    case("torch.index_select(x, 1, i)", x=X, i=index(4, 3)),
    case("x.index_select(1, i)", x=X, i=index(4, 3, 2)),
    case("x.scatter(1, i, 1.0)", x=(4, 8), i=index(4, 4, 2)),
    case("x.scatter_(-1, i, y)", x=(4, 8), i=index(4, 4, 2), y=(4, 2)),
    case("x.scatter_add(0, i, y)", x=(4, 8), i=index(2, 6, 8), y=(6, 8)),
    case("x.scatter_add(1, i, y)", x=(4, 8), i=index(2, 6, 8), y=(6, 8)),
    case("x.index_add(0, i, y)", x=(4, 8), i=index(2, 6), y=(6, 8)),
    case("x.index_add_(0, i, y)", x=(4, 8), i=index(2, 6), y=(3, 8)),
    case("x.index_add(0, i, y)", x=(4, 8), i=index(2, 6), y=(6, 4)),
    case("torch.zeros(4, 8, dtype=torch.float64).index_add(0, i, y)", i=index(4, 6), y=(6, 8)),
    case("x.index_copy(0, i, y)", x=(4, 8), i=index(2, 1), y=(1, 8)),
    case("x.index_fill(1, i, 0.0)", x=(4, 8), i=index(4, 2)),
    case("x.masked_fill(m, 0.0)", x=SCORES, m=mask("S", "S")),
    case("x.masked_fill(m, -1e9)", x=SCORES, m=mask("B", 1, "S", "S")),
    case("x.masked_fill(m, -1e9)", x=SCORES, m=mask(4, 1, 1)),
    case("x.masked_fill(m, torch.finfo(x.dtype).min)", x=SCORES, m=mask(3, 1, 1)),
    case("x.masked_fill_(m, 0.0)", x=("S", "S"), m=mask(4, "S", "S")),
    case("torch.where(m, x, y)", m=mask("S", 1), x=X, y=X),
    case("torch.where(m, x, 0.0)", m=mask(24), x=X),
    case("torch.where(m, 0.0, -1e9)", m=mask("S", 24)),
    case("x.where(m, y)", m=mask(24), x=X, y=(24,)),
    case("torch.where(m)[0]", m=mask("S")),
    case("torch.isin(i, j)", i=index(8, "B", "S"), j=index(3, 4)),
    case("m.nonzero()", m=mask("S", 6)),
    case("x.masked_select(m)", x=X, m=mask("S", 24)),
    case("torch.tril(x)", x=SCORES),
    case("x.triu(1)", x=SCORES),
    case("x.tril()", x=(6,)),
]

_BROADCAST = [
    ("x {} y", X, X),
    ("x {} y", X, (24,)),
    ("x {} y", X, ("S", 1)),
    ("x {} y", HEADS, (4, 1, 1)),
    ("x {} y", HEADS, (8, 1, 1)),
    ("x {} y", ("B", 1, 24), ("S", 24)),
]

POINTWISE = [
    *[
        case(form.format(symbol), x=left, y=right)
        for symbol in ("+", "*", "/", "<")
        for form, left, right in _BROADCAST
    ],
    *[case(f"x {symbol} y", x=X, y=positive(24)) for symbol in ("-", "//", "%", ">=")],
    *[case(f"x {symbol} y", x=digits(*X), y=digits(24)) for symbol in ("==", "!=")],
    *[case(f"m {symbol} n", m=mask("S", 24), n=mask(24)) for symbol in ("&", "|", "^", "<")],
    *each("torch.NAME(x, y)", "add sub mul div true_divide maximum minimum", x=X, y=(24,)),
    case("torch.eq(x, y)", x=digits(*X), y=digits(24)),
    *each("x.NAME(y)", "add sub mul div add_ mul_ lt ge", x=X, y=(24,)),
    *each("torch.NAME(x)", "exp sin cos tanh sigmoid abs neg relu erf floor sign", x=X),
    *each("x.NAME()", "log sqrt rsqrt reciprocal square exp_ neg_", x=positive(*X)),
    *each("torch.NAME(x)", "isnan isfinite", x=X),
    case("torch.logical_not(x)", x=digits(*X)),
    *each("F.NAME(x)", "silu gelu relu softplus sigmoid tanh leaky_relu glu logsigmoid", x=X),
    *each("x NAME 2", "+ - * / ** // %", x=positive(*X)),
    *each("2 NAME x", "+ - * / **", x=positive(*X)),
    *each("x NAME 0", "+ - *", x=X),
    *each("x NAME None", "+ * < == != - @ /", x=X),
    case("None + x", x=X),
    case("torch.add(x, None)", x=X),
    case("~m", m=mask(*X)),
    case("-x", x=X),
    case("x ** 2.0", x=X),
    case("torch.pow(x, 2)", x=X),
    case("x.pow(2)", x=X),
    case("x.clamp(min=-0.5, max=0.5)", x=X),
    case("torch.clamp(x, y)", x=X, y=(24,)),
    case("torch.clamp(x, min=y)", x=X, y=(7,)),
    case("x.clamp_min(0.5)", x=X),
    case("x.add_(y)", x=(24,), y=X),
    case("x.div_(y)", x=X, y=(24,)),
    case("torch.div(x, y, rounding_mode='floor')", x=X, y=positive(24)),
    case("torch.addcmul(x, y, z)", x=X, y=(24,), z=X),
    case("torch.lerp(x, y, 0.5)", x=X, y=X),
    case("torch.atan2(x, y)", x=X, y=(24,)),
    case("F.dropout(x, p=0.0)", x=X),
    case("F.dropout(x, 0.5, False)", x=X),
    case("F.dropout(x, 0.5, training=False, inplace=True)", x=X),
    case("torch.dropout(x, 0.5, False)", x=X),
    case("F.dropout2d(x, 0.0)", x=(2, 4, 5, 6)),
    case("F.alpha_dropout(x, 0.5)", x=X),
    case("F.feature_alpha_dropout(x, 0.5)", x=(2, 4, 5, 6)),
    case("F.glu(x, dim=1)", x=(4, 5, 6)),
    case("x * x.shape[-1]", x=X),
    case("x + y.shape[-1]", x=X, y=X),
    case("F.linear(None, x)", x=(4, 6)),
]

REDUCTIONS = [
    *each("x.NAME(-1)", "sum mean prod amax argmax logsumexp var std", x=X),
    *each("x.NAME(dim=(1, 2), keepdim=True)", "sum mean amax var", x=X),
    *each("x.NAME()", "sum mean max min argmin norm std", x=X),
    case("x.prod()", x=(4, 6)),
    *each("x.NAME(1)[0]", "max min median cummax", x=("B", 4, 24)),
    *each("x.NAME(-1, keepdim=True).values", "max min", x=X),
    *each("x.NAME(-1)", "cumsum cumprod", x=X),
    *each("m.NAME(-1)", "sum any all cumsum", m=mask("S", 2)),
    case("m.sum()", m=mask("S", 24)),
    case("torch.sum(x, dim=0)", x=X),
    case("torch.mean(x, (0, 1))", x=X),
    case("x.sum(3)", x=X),
    case("x.sum((1, 1))", x=X),
    case("x.norm(dim=-1, keepdim=True)", x=X),
    case("torch.norm(x, 2, -1)", x=X),
    case("torch.linalg.vector_norm(x, dim=-1)", x=X),
    case("torch.max(x, y)", x=X, y=(24,)),
    case("torch.var_mean(x, dim=-1)[1]", x=X),
    case("torch.count_nonzero(m, dim=-1)", m=mask("S", 24)),
    case("x.var(-1, unbiased=False)", x=X),
    case("m.sum(0).to(torch.float64)", m=mask("S", 24)),
    case("torch.any(m, -1)", m=mask("S", 2)),
]

NORMALISATION = [
    case("F.softmax(x, dim=-1)", x=SCORES),
    case("torch.softmax(x, 1)", x=X),
    case("x.softmax(-1)", x=X),
    case("F.log_softmax(x, dim=-1)", x=X),
    case("F.softmax(x, dim=-1, dtype=torch.float32).to(x.dtype)", x=SCORES),
    case("F.softmax(x, dim=4)", x=SCORES),
    case("F.layer_norm(x, (24,), w, b)", x=X, w=(24,), b=(24,)),
    case("F.layer_norm(x, (24,))", x=X),
    case("F.layer_norm(x, (12,))", x=X),
    case("F.layer_norm(x, (x.shape[-1],), w)", x=X, w=(24,)),
    case("F.layer_norm(x, (24,), w)", x=X, w=(12,)),
    case("F.layer_norm(x, (4, 6))", x=("B", "S", 4, 6)),
    case("F.rms_norm(x, (24,), w)", x=X, w=(24,)),
    case("F.rms_norm(x, (12,))", x=X),
    case("F.rms_norm(x, (6,), w)", x=HEADS, w=(6,)),
    case("F.group_norm(x, 4, w)", x=("B", 24, 5), w=(24,)),
    case("F.group_norm(x, 5)", x=("B", 24, 5)),
    case("F.group_norm(x, x.shape[1] // 6)", x=("B", 24, 5)),
    case("F.group_norm(x, 4, w)", x=("B", 24, 5), w=(12,)),
    case("F.normalize(x, dim=-1)", x=X),
    case("F.normalize(x, p=2.0, dim=1)", x=X),
    case("F.cosine_similarity(x, y, dim=-1)", x=X, y=X),
]

LOOKUPS = [
    case("F.embedding(i, w)", i=index(8, "B", "S"), w=(16, 24)),
    case("F.embedding(i, w)", i=index(8, "B", "S"), w=(16,)),
    case("w[i]", i=index(8, "B", "S"), w=(16, 24)),
    case("x.topk(2, dim=-1).values", x=X),
    case("torch.topk(x, 2, dim=-1)[1]", x=X),
    case("torch.topk(x, 30)", x=X),
    case("x.sort(-1)[0]", x=X),
    case("torch.sort(x, dim=1, descending=True).indices", x=X),
    case("x.argsort(-1)", x=X),
    case("F.one_hot(i, num_classes=8)", i=index(8, "S", 2)),
    case("F.one_hot(i, num_classes=8).permute(2, 1, 0)", i=index(8, "S", 2)),
    case("torch.bincount(i, minlength=8)", i=index(8, "S")),
    case("torch.histc(x, bins=4, min=-4, max=4)", x=X),
    case("torch.histc(i.float(), bins=8, min=0, max=7)", i=index(8, "S", 2)),
    case("torch.histc(x, 4)", x=X),
    case("F.cross_entropy(x, i)", x=("S", 24), i=index(12, "S")),
    case("F.cross_entropy(x, i)", x=(6, 24), i=index(12, 4)),
    case("F.cross_entropy(x, i, reduction='none')", x=("S", 24), i=index(12, "S")),
    case("F.pad(x, (1, 1))", x=X),
    case("F.pad(x, (0, 0, 1, 0))", x=X),
    case("F.pad(x, (0, 0, 1, 0), value=1.0)", x=X),
    case("F.pad(x, (1, 1, 1, 1))", x=(6,)),
]

_SDPA = "F.scaled_dot_product_attention"
ATTENTION = [
    case(f"{_SDPA}(q, k, v)", q=HEADS, k=HEADS, v=HEADS),
    case(f"{_SDPA}(q, k, v, is_causal=True)", q=HEADS, k=HEADS, v=HEADS),
    case(f"{_SDPA}(q, k, v, is_causal=True, enable_gqa=True)", q=HEADS, k=KV, v=KV),
    case(f"{_SDPA}(q, k, v)", q=HEADS, k=KV, v=KV),
    case(f"{_SDPA}(q, k, v)", q=HEADS, k=("B", 1, "S", 6), v=("B", 1, "S", 6)),
    case(f"{_SDPA}(q, k, v, enable_gqa=True)", q=HEADS, k=("B", 8, "S", 6), v=("B", 8, "S", 6)),
    case(f"{_SDPA}(q, k, v, attn_mask=m)", q=HEADS, k=HEADS, v=HEADS, m=("B", 1, "S", "S")),
    case(f"{_SDPA}(q, k, v, attn_mask=m)", q=HEADS, k=HEADS, v=HEADS, m=(4, "S", "S")),
    case(f"{_SDPA}(q, k, v, attn_mask=m)", q=HEADS, k=HEADS, v=HEADS, m=mask("S", "S")),
    case(f"{_SDPA}(q, k, v, scale=0.5)", q=HEADS, k=("B", 4, 12, 6), v=("B", 4, 12, 8)),
    case(f"{_SDPA}(q, k, v)", q=HEADS, k=("B", 4, "S", 4), v=HEADS),
    case("F.softmax(q @ k.mT, dim=-1) @ v", q=HEADS, k=HEADS, v=HEADS),
]

CONVOLUTION = [
    case("F.conv1d(x, w)", x=("B", 24, 8), w=(32, 24, 3)),
    case("F.conv1d(x, w, b, padding=1)", x=("B", 24, 8), w=(32, 24, 3), b=(32,)),
    case("F.conv1d(x, w, None, 2, 1)", x=("B", 24, 8), w=(32, 24, 3)),
    case("F.conv1d(x, w, b, 1, 3, 1, 24)", x=("B", 24, "S"), w=(24, 1, 4), b=(24,)),
    case("F.conv1d(x, w, b, 1, 3, 1, x.shape[1])", x=("B", 24, "S"), w=(24, 1, 4), b=(24,)),
    case("F.conv1d(x, w, None, 1, 'same', 1, 24)", x=("B", 24, "S"), w=(24, 1, 3)),
    case("F.conv1d(x, w, None, 1, 0, 1, 4)", x=("B", 24, 8), w=(8, 6, 3)),
    case("F.conv1d(x, w)", x=(24, 8), w=(32, 24, 3)),
    case("F.conv1d(x, w)", x=("B", 24, 2), w=(32, 24, 3)),
    case("F.conv1d(x, w, b)", x=("B", 24, 8), w=(32, 24, 3), b=(16,)),
    case("F.conv2d(x, w, None, 2, 1)", x=("B", 4, 8, 6), w=(8, 4, 3, 3)),
]

CREATION = [
    *each("torch.NAME(2, 3)", "zeros ones"),
    *each("torch.NAME((2, 3), dtype=torch.bool)", "zeros ones"),
    *each("torch.NAME(x)", "zeros_like ones_like", x=X),
    *each("x.NAME(x.shape[-1], 3)", "new_zeros new_ones", x=X),
    case("torch.ones(x.shape[1], x.shape[1], dtype=torch.bool)", x=X),
    case("torch.zeros(x.shape[-1])", x=X),
    case("torch.zeros(x.shape, dtype=torch.float64) + y", x=(4, "S", 24), y=(4, "S", 24)),
    case("torch.zeros_like(x) + y", x=(4, "S", 24), y=(4, "S", 24)),
    case("torch.zeros(3, -1)"),
    case("torch.normal(0.0, 0.1, size=(2, 3)).shape[-1] * x", x=X),
    case("torch.full((2, 3), 1)"),
    case("torch.full(size=(2, 3), fill_value=1)"),
    case("torch.full_like(input=x, fill_value=0.5)", x=X),
    case("torch.full((2, x.shape[-1]), 0.5)", x=X),
    case("torch.full_like(x, 2.0)", x=X),
    case("x.new_full((2, 3), 2)", x=X),
    case("torch.arange(6)"),
    case("torch.arange(0, 24, 5)"),
    case("torch.arange(0, 2, 0.5)"),
    case("torch.arange(3, dtype=torch.float32)"),
    case("torch.arange(x.shape[1])", x=X),
    case("torch.arange(x.shape[-1])", x=X),
    case("torch.arange(0, x.shape[-1], 2)", x=X),
    case("torch.arange(3, 1)"),
    case("torch.linspace(0, 1, 5)"),
    case("torch.logspace(0, 7, x.shape[1], base=2)", x=HEADS),
    case("torch.eye(4)"),
    case("torch.tensor([1, 2, 3])"),
    case("torch.tensor([[1.0], [2.0]])"),
    case("torch.tensor(3.5)"),
    case("torch.tensor(x.shape[-1])", x=X),
    case("x.new_tensor([1, 2])", x=X),
    case("torch.meshgrid(x, y, indexing='ij')[0]", x=("S",), y=(6,)),
    case("torch.meshgrid(x, y, indexing='xy')[1]", x=("S",), y=(6,)),
    case("torch.polar(x, y)", x=X, y=X),
    case("torch.finfo(x.dtype).eps * x", x=X),
]

CASTS = [
    *each("x.NAME()", "float half double long clone detach", x=X),
    case("x.bool()", x=digits(*X)),
    case("x.to(torch.float32)", x=X),
    case("x.to(dtype=torch.int64)", x=X),
    case("x.to(y)", x=digits(*X), y=mask(3)),
    case("x.type_as(y)", x=X, y=index(3, 2)),
    case("m.to(torch.float64) * x", m=mask("S", 24), x=X),
    case("i.float() * x", i=index(8, "S", 1), x=X),
    case("i / 2", i=index(8, "S")),
    case("i * 2", i=index(8, "S")),
    case("x.copy_(y)", x=X, y=(24,)),
    case("x.fill_(1.0)", x=X),
    case("torch.real(torch.view_as_complex(x))", x=("S", 4, 2)),
    case("x.data", x=X),
]

SNIPPETS = [
    case("h = x.shape[-1] // 2; torch.cat((-x[..., h:], x[..., :h]), dim=-1)", x=HEADS),
    case(
        "y = x[:, :, None, :, :].expand(*x.shape[:2], 2, *x.shape[2:]); "
        "y.reshape(x.shape[0], x.shape[1] * 2, x.shape[2], x.shape[3])",
        x=KV,
    ),
    case("w * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))", x=X, w=(24,)),
    case("x.view(*x.shape[:-1], -1, 6).transpose(1, 2)", x=X),
    case("x.view(*x.shape[:-1], 4, 6).transpose(1, 2)", x=X),
    case("b * s.view(-1, 1, 1)", b=("S", "S"), s=(4,)),
    case("q @ k.mT + b * s.view(-1, 1, 1)", q=HEADS, k=HEADS, b=("S", "S"), s=(4,)),
    case("q @ k.mT + b * s.view(-1, 1, 1)[: q.shape[1]]", q=HEADS, k=HEADS, b=("S", "S"), s=(4,)),
    case(
        "a, b = F.linear(x, w).chunk(2, -1); F.linear(F.silu(a) * b, d)",
        x=X,
        w=(32, 24),
        d=(24, 16),
    ),
    case(
        "F.linear(F.silu(F.linear(x, g)) * F.linear(x, u), d)",
        x=X,
        g=(32, 24),
        u=(32, 24),
        d=(24, 32),
    ),
    case("x + F.linear(F.relu(F.linear(x, u)), d)", x=X, u=(32, 24), d=(24, 32)),
    case("F.linear(F.softmax(F.linear(x, u), dim=-1), d)", x=X, u=(32, 24), d=(24, 32)),
    case("x * F.sigmoid(F.linear(x, w))[..., :1]", x=X, w=(4, 24)),
    case(
        "p = F.softmax(F.linear(x, w), dim=-1); v, i = torch.topk(p, 2, dim=-1); "
        "torch.zeros_like(p).scatter_(-1, i, v / v.sum(-1, keepdim=True))",
        x=("S", 24),
        w=(8, 24),
    ),
    case("p[..., None].float() * f", p=index(16, "B", "S"), f=(3,)),
]

ALL = [
    *LINEAR,
    *VIEWS,
    *EXPANSION,
    *PERMUTE,
    *SPLIT,
    *INDEXING,
    *POINTWISE,
    *REDUCTIONS,
    *NORMALISATION,
    *LOOKUPS,
    *ATTENTION,
    *CONVOLUTION,
    *CREATION,
    *CASTS,
    *SNIPPETS,
]
