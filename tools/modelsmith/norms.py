"""Ways to write a norm."""

from __future__ import annotations

from tools.modelsmith.design import Design, chosen
from tools.modelsmith.text import class_of, lines, method, within

_SQUARES = "x.pow(2).mean(-1, keepdim=True) + self.eps"
_COMPUTED = {
    "rms": f"x = x * torch.rsqrt({_SQUARES})",
    "rms_division": f"x = x / torch.sqrt({_SQUARES})",
    "rms_power": f"x = x * ({_SQUARES}).pow(-0.5)",
    "functional": "x = F.rms_norm(x, (x.shape[-1],), eps=self.eps)",
    "builtin": f"x = x * torch.rsqrt({_SQUARES})",
    "layer_module": f"x = x * torch.rsqrt({_SQUARES})",
    "optional": f"x = x * torch.rsqrt({_SQUARES})",
    "layer": "x = F.layer_norm(x, (x.shape[-1],), eps=self.eps)",
    "centred": f"x = x - x.mean(-1, keepdim=True)\nx = x * torch.rsqrt({_SQUARES})",
    "bare": f"x = x * torch.rsqrt({_SQUARES})",
    "one_plus": f"x = x * torch.rsqrt({_SQUARES})",
}


def norm_class(design: Design, prefix: str) -> str:
    """The norm of a model, for any width."""
    style, name = chosen(design, "norm"), chosen(design, "norm_parameter")
    if style == "llama":
        return f"class {prefix}Norm(LlamaRMSNorm):\n    pass\n"
    weight = {"bare": "", "one_plus": f"self.{name} = nn.Parameter(torch.zeros(size))"}
    learned = weight.get(style, f"self.{name} = nn.Parameter(torch.ones(size))")
    factor = {"bare": "", "one_plus": f" * (1.0 + self.{name})"}.get(style, f" * self.{name}")
    start = lines("super().__init__()\nself.eps = eps")
    compute = [
        "dtype = hidden_states.dtype",
        "x = hidden_states.float()",
        *lines(_COMPUTED[style]),
        f"return (x{factor}).to(dtype)",
    ]
    found = class_of(
        f"class {prefix}Norm(nn.Module):",
        method("def __init__(self, size, eps=1e-6):", start, lines(learned)),
        method("def forward(self, hidden_states):", compute),
    )
    if style == "optional":
        taken = f"try:\n    from apex.normalization import FusedRMSNorm as {prefix}Norm\n"
        return f"{taken}except ImportError:\n{within(found, 1)}"
    return found


def norm_of(design: Design, prefix: str, size: str, eps: str) -> str:
    """The expression that makes a norm of width `size`."""
    if chosen(design, "norm") == "builtin":
        return f"nn.RMSNorm({size}, eps={eps})"
    if chosen(design, "norm") == "layer_module":
        return f"nn.LayerNorm({size}, eps={eps}, bias=False)"
    style = chosen(design, "construction")
    if style == "factory":
        return f"build_norm(config, {size})"
    if style == "dataclass":
        return f"NormSettings({size}).build()"
    if style == "registry":
        return f'NORMS["own"]({size}, eps={eps})'
    if style == "partial":
        return f"partial({prefix}Norm, eps={eps})({size})"
    return f"{prefix}Norm({size}, eps={eps})"


def norm_helpers(design: Design, prefix: str, eps: str) -> str:
    """Further code that the construction style of `design` needs."""
    return {
        "factory": f"def build_norm(config, size):\n    return {prefix}Norm(size, eps={eps})\n",
        "dataclass": "@dataclass\nclass NormSettings:\n    size: int\n"
        "    eps: float = field(default=1e-6)\n\n"
        f"    def build(self):\n        return {prefix}Norm(self.size, eps=self.eps)\n",
        "registry": f'NORMS = {{"own": {prefix}Norm, "layer": nn.LayerNorm}}\n',
    }.get(chosen(design, "construction"), "")
