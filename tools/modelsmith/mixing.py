"""State that is carried along the sequence outside attention."""

from __future__ import annotations

from tools.modelsmith.design import Design, chosen
from tools.modelsmith.text import Lines, class_of, lines, method

_PARTS = {
    "shift": (
        "self.mix = nn.Parameter(torch.full((width,), 0.5))",
        """
        before = F.pad(x, (0, 0, 1, -1))
        return x + self.mix * (before - x)
        """,
    ),
    "convolution": (
        "self.conv = nn.Conv1d(width, width, 3, groups=width, padding=2, bias=False)",
        "return x + self.conv(x.transpose(1, 2))[..., : x.shape[1]].transpose(1, 2)",
    ),
    "cumulative": (
        "",
        """
        steps = torch.arange(1, x.shape[1] + 1, device=x.device, dtype=x.dtype)
        return 0.5 * x + 0.5 * x.cumsum(dim=1) / steps[None, :, None]
        """,
    ),
    "recurrence": (
        "self.decay = nn.Parameter(torch.full((width,), 0.6))",
        """
        state, found = torch.zeros_like(x[:, 0]), []
        for step in range(x.shape[1]):
            state = self.decay * state + x[:, step]
            found.append(state)
        return torch.stack(found, dim=1)
        """,
    ),
    "roll": ("", "return 0.8 * x + 0.2 * torch.roll(x, 1, dims=1)"),
}


def mixing_class(design: Design, prefix: str) -> str:
    """The class that mixes; empty where the design has none."""
    style = chosen(design, "mixing")
    if style == "none":
        return ""
    made, compute = _PARTS[style]
    return class_of(
        f"class {prefix}Mixer(nn.Module):",
        method("def __init__(self, width):", ["super().__init__()"], lines(made)),
        method("def forward(self, x):", lines(compute)),
    )


def mixer(design: Design, prefix: str, width: str) -> tuple[Lines, Lines]:
    """The code for it in a layer's constructor and in its forward, where it takes `normed`."""
    if chosen(design, "mixing") == "none":
        return [], []
    return [f"self.mixer = {prefix}Mixer({width})"], ["normed = self.mixer(normed)"]
