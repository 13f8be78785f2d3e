"""Mutants that combine tokens outside attention, and some that only seem to.

Each is `hf_llama` with something in front of the feed-forward. Outcomes are stored by their names
in `fixtures/verdicts/vllm_0.32.json`.
"""

from __future__ import annotations

from forgather_lint.core.version import Version
from tests.mutants import LLAMA, Edit, Mutant

TOKENS_SINCE = Version(0, 32)
_MADE = "        self.act_fn = ACT2FN[config.hidden_act]\n"
_ANSWER = "        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))\n"


def _mutant(name: str, computed: str, made: str = "") -> Mutant:
    """A feed-forward that first recomputes `x`, with `made` in its constructor."""
    edits = [Edit(LLAMA, _ANSWER, f"        {computed}\n{_ANSWER}")]
    if made:
        edits.append(Edit(LLAMA, _MADE, f"{_MADE}        {made}\n"))
    return Mutant("hf_llama", f"tokens: {name}", edits=tuple(edits))


_CONVOLUTION = "self.conv = nn.Conv1d({0}, {0}, {1}, groups={0}, padding={2})".format
_WIDTH = "config.hidden_size"
TOKEN_MUTANTS = (
    _mutant("shifted by padding", "x = x + nn.functional.pad(x, (0, 0, 1, -1))"),
    _mutant(
        "shifted by zeros in front",
        "x = x + torch.cat((torch.zeros_like(x[:, :1]), x[:, :-1]), dim=1)",
    ),
    _mutant(
        "a convolution",
        "x = x + self.conv(x.transpose(1, 2))[..., : x.shape[1]].transpose(1, 2)",
        _CONVOLUTION(_WIDTH, 3, 2),
    ),
    _mutant("a running sum", "x = x + 0.1 * x.cumsum(dim=1)"),
    _mutant("turned around", "x = x + 0.5 * torch.roll(x, 1, dims=1)"),
    _mutant("the mean of all", "x = x - x.mean(dim=1, keepdim=True)"),
    _mutant("weights over all", "x = x * torch.softmax(x, dim=-2)"),
    _mutant("attention by hand", "x = x + torch.softmax(x @ x.transpose(1, 2) / 100, dim=-1) @ x"),
    _mutant(
        "a convolution of single tokens",
        "x = x + self.conv(x.transpose(1, 2)).transpose(1, 2)",
        _CONVOLUTION(_WIDTH, 1, 0),
    ),
    _mutant("room behind, cut off", "x = nn.functional.pad(x, (0, 0, 0, 3))[:, : x.shape[1]]"),
    _mutant("in two pieces", "x = torch.cat([2 * part for part in x.chunk(2, dim=1)], dim=1)"),
)  # fmt: skip
