"""What a model computes along the features serves; what it computes along the tokens does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgather_lint.core.settings import Settings
from forgather_lint.session import checking
from tests.cases import read_cases

SUITE = Path(__file__).parent.parent / "fixtures/rules/command/remote_code_not_trusted.md"
TOKENS_MEET, UNDECIDED = "FGL575", "FGL903"
HOME = "        hidden_states = inputs_embeds\n"

LOCAL = [
    "h = h / h.norm(dim=-1, keepdim=True)",
    "b, s, d = h.shape; h = h.reshape(b * s, d).softmax(1).view(b, s, d)",
    "b, s, d = h.shape; h = h.flatten(0, 1).softmax(1).unflatten(0, (b, s))",
    "b, s, d = h.shape; x = h.view(b, s, 4, 16); h = ((x @ x.mT).softmax(-1) @ x).view(b, s, d)",
    "h = h.permute(0, 2, 1).mean(1, keepdim=True).permute(0, 2, 1) + h",
    "h = torch.nn.functional.pad(h, (0, 8))[..., :64]",
    "h = torch.roll(h, 1, dims=-1).cumsum(-1).flip(-1)",
    "h = h + torch.matmul(h.unsqueeze(-1), h.unsqueeze(-2)).mean(-1)",
    "h = h - h.logsumexp(-1, keepdim=True)",
    "unread = h[:, -1:, :]",
]
PICKED = [
    "h = torch.stack([2 * h[:, 0], 3 * h[:, 1]], dim=1)",
    "h = torch.stack([h[:, t] * 2 for t in range(h.shape[1])], dim=1)",
    "h = h + h[:, 0].unsqueeze(1)",
    "h = h + h[:, :1]",
    "h = h + h[:, -1:]",
    "h = h + h.select(1, 0).unsqueeze(1)",
    "for t in range(h.shape[1]): h = h + h[:, t].unsqueeze(1)",
    "h = h + h.index_select(1, torch.tensor([0]))",
    "h = h + h.index_select(1, torch.arange(h.shape[1] - 1, -1, -1))",
    "h = h + h[:, torch.arange(h.shape[1]) - 1]",
    "h = h + h[:, [0]]",
    "h = h + h[torch.arange(h.shape[0]), -1][:, None]",
    "h = h + h.flatten(0, 1)[(torch.arange(h.shape[1]) - 1).clamp(min=0)]",
    "h = h + h.gather(1, (position_ids - 1).clamp(min=0).unsqueeze(-1).expand_as(h))",
    "h = h + h.take_along_dim(torch.zeros(1, 1, 1, dtype=torch.long), 1)",
    "h = h + torch.take_along_dim(h, torch.zeros_like(position_ids)[..., None], dim=1)",
    "h = h + h[:, input_ids[0] % 7]",
    "w, i = h.norm(dim=-1).topk(1, dim=1); h = h + h.gather(1, i[..., None].expand(-1, -1, 64))",
    "h = h + h[:, h.mean(-1).argsort(dim=1)[0]]",
]
CHOSEN = [
    "f = h.view(-1, 64); i = f[:, :4].topk(2).indices; o = torch.zeros_like(f)\n"
    "        for e in range(4):\n            t, k = torch.where(i == e)\n"
    "            o.index_add_(0, t, f[t] * 0.5)\n        h = h + o.view_as(h)",
    "f = h.view(-1, 64); i = f[:, :4].argmax(-1); o = torch.zeros_like(f)\n"
    "        for e in range(4):\n            t = (i == e).nonzero().squeeze(-1)\n"
    "            o.index_add_(0, t, f.index_select(0, t))\n        h = h + o.view_as(h)",
    "f = h.view(-1, 64); i = f[:, :4].argmax(-1); o = torch.zeros_like(f)\n"
    "        for e in range(4): o[i == e] = f[i == e] * 2\n        h = h + o.view_as(h)",
    "f = h.view(-1, 64); w, i = f[:, :4].topk(2); h = h + f.gather(1, i).sum(1).view(1, -1, 1)",
    "f = h.view(-1, 64); m = torch.nn.functional.one_hot(f[:, :4].topk(2)[1], 4).permute(2, 1, 0)\n"
    "        o = torch.zeros_like(f)\n        for e in range(4):\n"
    "            k, t = torch.where(m[e])\n            s = f[None, t].reshape(-1, 64)\n"
    "            o.index_add_(0, t, s)\n        h = h + o.view_as(h)",
]
MEETING = [
    "h = h - h.mean(dim=1, keepdim=True)",
    "h = torch.softmax(h @ h.transpose(1, 2), -1) @ h",
    "h = h.cumsum(1)",
    "h = h / h.abs().max()",
    "c, o = torch.zeros_like(h[:, 0]), []\n        for t in range(h.shape[1]):\n"
    "            c = 0.9 * c + h[:, t]\n            o.append(c)\n        h = torch.stack(o, 1)",
    "h = h + (h[:, 0] * h[:, 1])[:, None]",
]


def verdict(line: str, folder: Path) -> tuple[str, set[str]]:
    """The verdict at one rank with `line` in front of the layers, and the codes that tell it."""
    case = next(read_cases(SUITE))
    for name, text in case.files.items():
        if name == "modeling_tiny.py":
            text = "import torch\n" + text.replace(
                HOME, f"        h = inputs_embeds\n        {line}\n        hidden_states = h\n"
            )
        if name != "serve.sh":
            (folder / name).write_text(text, "utf-8")
    asked = Settings(
        target=("vllm==0.32", "transformers==5.19"), tensor_parallel_size=(1,), debug=True
    )
    (report,) = checking.check([folder], asked)
    ((_, _, word),) = report.verdicts[0].sizes
    return word, {each.code for each in report.diagnostics} & {TOKENS_MEET, UNDECIDED}


@pytest.mark.parametrize("line", LOCAL)
def test_what_stays_within_a_token_serves(line: str, tmp_path: Path) -> None:
    assert verdict(line, tmp_path) == ("serves", set())


@pytest.mark.parametrize("line", CHOSEN)
def test_what_a_router_picks_and_hands_back_serves(line: str, tmp_path: Path) -> None:
    assert verdict(line, tmp_path) == ("serves", set())


@pytest.mark.parametrize("line", PICKED)
def test_what_meets_a_token_picked_by_its_position_is_undecided(line: str, tmp_path: Path) -> None:
    assert verdict(line, tmp_path) == ("unknown", {UNDECIDED})


@pytest.mark.parametrize("line", MEETING)
def test_what_runs_along_the_tokens_is_wrong(line: str, tmp_path: Path) -> None:
    assert verdict(line, tmp_path) == ("wrong", {TOKENS_MEET})
