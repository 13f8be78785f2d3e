"""What is written in place shows under every name of the same memory, and by no name it serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgather_lint.engines.matrix import cell
from tests.cases import model_files
from tests.verdicts import V032, Static

SERVED = model_files("served")
LINE = "        return self.down_proj(self.act(self.up_proj(x)))\n"
LOGITS = "        return CausalLMOutputWithPast(logits=self.lm_head(outputs.last_hidden_state))\n"

MIXING = """\
x = x.clone(); x.copy_(x.cumsum(1))
y = x; y += x.cumsum(1)
y = x[:, 1:]; y += x[:, :-1].clone()
x[:, 1:] = x[:, :-1].clone()
x[:, 1:] += x[:, :-1].clone()
x[:, 0] = 0.0
torch.add(x, x.cumsum(1), out=x)
torch.cumsum(x, 1, out=x)
x.add_(x.cumsum(1))
x.data.add_(x.cumsum(1))
x.data = x.cumsum(1)
x.view(-1).cumsum_(0)
y = x.transpose(1, 2); y.cumsum_(2)
a, b = x.chunk(2, dim=-1); a.copy_(x[:, :1, :32])
x.select(1, 0).zero_()
y = [x]; y[0].add_(x.cumsum(1))
x[..., 0].copy_(x[..., 0].cumsum(1))
x.__iadd__(x.cumsum(1))
x.set_(x.cumsum(1))
x.detach().add_(x.cumsum(1))
y = x; y += x.mean(1, keepdim=True)
""".splitlines()
"""Each lets tokens meet, or treats them by their place, in the memory of `x`."""

HARMLESS = """\
x.mul_(2)
torch.nn.functional.relu(x, inplace=True)
x[..., :4].mul_(2)
x[..., :4] = x[..., 4:8]
x += 1; x *= 2; x /= x.shape[-1]
y = x; x += self.act(y)
y = x.view(-1, x.shape[-1]); y += 1
""".splitlines()
"""Each treats every token alike, and by itself."""

BESIDE_THE_HEAD = """\
logits = self.lm_head(hidden).masked_fill(torch.arange(256) == 7, -1e9)
logits = torch.where(torch.arange(256) < 7, -1e9, self.lm_head(hidden))
logits = self.lm_head(hidden); logits[..., 7] = 30.0
logits = self.lm_head(hidden); logits[..., 7].fill_(30.0)
logits = self.lm_head(hidden); other = logits; other += 1
logits = self.lm_head(hidden).roll(1, -1)
logits = self.lm_head(hidden)[..., torch.arange(256).flip(0)]
logits = self.lm_head(hidden)[:, 1:]
logits = self.lm_head(hidden).scatter(-1, input_ids[..., None], -1e9)
logits = self.lm_head(hidden.flip(-1))
logits = self.lm_head(torch.nn.functional.normalize(hidden, dim=-1))
logits = self.lm_head(torch.cat([hidden[..., 32:], hidden[..., :32]], -1))
logits = self.lm_head(hidden.abs())
logits = self.lm_head(hidden.sort(-1).values)
logits = self.lm_head(hidden.view(1, -1, 2, 32).transpose(2, 3).reshape(1, -1, 64))
logits = nn.functional.linear(hidden, self.lm_head.weight * 2)
logits = hidden @ self.model.embed_tokens.weight.T
""".splitlines()
"""Each computes logits that vLLM, which runs the head alone, does not."""

THE_HEAD_ALONE = """\
logits = self.lm_head(hidden).float()
logits = self.lm_head(hidden[:, slice(-0, None), :])
logits = self.lm_head(hidden[:, -1:])
logits = self.lm_head(hidden + 0) * 1.0
logits = nn.functional.linear(hidden, self.lm_head.weight)
logits = self.lm_head(hidden.to(self.lm_head.weight.dtype)).contiguous()
""".splitlines()


def verdict(folder: Path, changed: str, old: str, new: str) -> str:
    assert SERVED[changed].count(old) == 1
    for name, text in SERVED.items():
        text = text.replace(old, new) if name == changed else text
        (folder / name).write_text(f"import torch\n{text}" if name == changed else text, "utf-8")
    return cell(Static(folder, V032).examined, 1, 1).outcome.verdict.value


@pytest.mark.parametrize("line", MIXING)
def test_a_write_that_mixes_tokens_is_never_said_to_serve(line: str, tmp_path: Path) -> None:
    made = verdict(tmp_path, "layers_tiny.py", LINE, f"        {line}\n{LINE}")
    assert made in ("unknown", "wrong")


@pytest.mark.parametrize("line", HARMLESS)
def test_a_write_to_each_token_by_itself_serves(line: str, tmp_path: Path) -> None:
    assert verdict(tmp_path, "layers_tiny.py", LINE, f"        {line}\n{LINE}") == "serves"


def with_head(line: str) -> str:
    return (
        "        hidden = outputs.last_hidden_state\n"
        f"        {line}\n        return CausalLMOutputWithPast(logits=logits)\n"
    )


@pytest.mark.parametrize("line", BESIDE_THE_HEAD)
def test_other_logits_than_those_of_the_head_do_not_serve(line: str, tmp_path: Path) -> None:
    assert verdict(tmp_path, "modeling_tiny.py", LOGITS, with_head(line)) in ("unknown", "wrong")


@pytest.mark.parametrize("line", THE_HEAD_ALONE)
def test_the_logits_of_the_head_alone_serve(line: str, tmp_path: Path) -> None:
    assert verdict(tmp_path, "modeling_tiny.py", LOGITS, with_head(line)) == "serves"
