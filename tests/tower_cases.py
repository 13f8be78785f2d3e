"""Models with a vision tower, and how their heads are shared out among the ranks of an engine.

`fixtures/towers` has the tower, its processor and the whole; the text part is the model that cases
of rules start from. What vLLM made of them is in `fixtures/verdicts/towers_vllm_0.32.json`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from oracles.question import Question
from tests.cases import read_cases

FIXTURES = Path(__file__).parent.parent / "fixtures"
TEXT = FIXTURES / "rules" / "serving" / "processor_missing.md"
IMAGE, WORDS = 5, 256
_ATTENTION = {f"blocks.*.self_attn.{name}": "colwise" for name in ("q_proj", "k_proj", "v_proj")}
_MLP = {"blocks.*.mlp.fc1": "colwise", "blocks.*.mlp.fc2": "rowwise"}
WHOLE_PLAN = {**_ATTENTION, "blocks.*.self_attn.out_proj": "rowwise", **_MLP}
_OWN_SIZE = "        self.head_dim = config.hidden_size // config.heads\n"
_BY_SIZE, _BY_HEADS = "-1, self.head_dim)", "self.heads, -1)"


@dataclass(frozen=True)
class TowerCase:
    """The tower with values of its config, a plan, and its heads counted by their size or number.

    `sized`: the attention says the size of its heads, as modules of transformers do; without that a
    release takes that of the text.
    """

    vision: Mapping[str, int]
    plan: Mapping[str, str] = field(default_factory=dict)
    sized: bool = True
    by_size: bool = True
    ranks: Sequence[int] = (2,)

    def write(self, folder: Path) -> Path:
        """Write the model."""
        next(iter(read_cases(TEXT))).write(folder)
        for file in (FIXTURES / "towers").iterdir():
            shutil.copyfile(file, folder / file.name)
        config = json.loads((folder / "config.json").read_text("utf-8"))
        config["vision_config"] |= self.vision
        (folder / "config.json").write_text(json.dumps(config, indent=2), "utf-8")
        (folder / "tokenizer.json").write_text(json.dumps(_tokenizer()), "utf-8")
        code = folder / "modeling_pair.py"
        text = code.read_text("utf-8")
        if not self.sized:
            text = text.replace(_OWN_SIZE, "")
        if not (self.sized and self.by_size):
            text = text.replace(_BY_SIZE, _BY_HEADS)
        code.write_text(text, "utf-8")
        if self.plan:
            named = '    base_config_key = "vision_config"\n'
            code = folder / "configuration_pair.py"
            text = code.read_text("utf-8")
            planned = f"{named}    base_model_tp_plan = {json.dumps(self.plan)}\n"
            code.write_text(text.replace(named, planned), "utf-8")
        return folder


def _tokenizer() -> dict[str, object]:
    words = {f"t{number}": number for number in range(WORDS) if number != IMAGE} | {
        "<image>": IMAGE
    }
    image = {"id": IMAGE, "content": "<image>", "special": True}
    image |= dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [image],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": words, "unk_token": "t0"},
    }


_FOUR, _THREE, _FIVE = ({"heads": n, "hidden_size": w} for n, w in ((4, 48), (3, 48), (5, 45)))
TOWERS: Mapping[str, TowerCase] = {
    "four heads": TowerCase(_FOUR, ranks=(1, 2, 4)),
    "four heads, counted": TowerCase(_FOUR, by_size=False),
    "four heads, a plan": TowerCase(_FOUR, WHOLE_PLAN),
    "four heads, a plan, counted": TowerCase(_FOUR, WHOLE_PLAN, by_size=False),
    "three heads": TowerCase(_THREE, ranks=(1, 2)),
    "three heads, a plan": TowerCase(_THREE, WHOLE_PLAN),
    "five heads": TowerCase(_FIVE),
    "five heads, a plan": TowerCase(_FIVE, WHOLE_PLAN),
    "four heads, three of the text's size": TowerCase(
        {"heads": 4, "hidden_size": 96}, sized=False, ranks=(1, 2)
    ),
    "four heads, none of the text's size": TowerCase(_FOUR, sized=False),
    "an MLP that divides": TowerCase(_FOUR, _MLP),
    "an MLP that does not": TowerCase({**_FOUR, "intermediate": 99}, _MLP, ranks=(1, 2)),
}


def tower_questions(below: Path) -> Iterator[Question]:
    """Each case at each of its sizes; the processor needs the tokenizer, and an image room."""
    for number, (name, case) in enumerate(TOWERS.items()):
        folder = case.write(below / f"tower{number}")
        for ranks in case.ranks:
            yield Question(
                f"{ranks}x1 {name}",
                folder,
                ranks,
                arguments={
                    "skip_tokenizer_init": False,
                    "max_model_len": 256,
                    "max_num_batched_tokens": 256,
                    "limit_mm_per_prompt": {"image": 1},
                },
            )
