# mypy: disable-error-code="no-untyped-call, call-arg"
"""How the installed transformers merges plans in `post_init`: prints one JSON object.

    python tests/merge_truth.py

`test_targets.py` merges the plans of the same `CASES` itself. This imports transformers, so the
test runs it in a process of its own.
"""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Plan = dict[str, str]


class Case(NamedTuple):
    """A base model below a head: `class_plan` is the base's, `prefix` both `base_model_prefix`."""

    config_plan: Plan | None
    class_plan: Plan | None
    head_plan: Plan | None
    prefix: str
    tied: bool
    embedding: str


CASES = [
    Case(*values)
    for values in product(
        (None, {}, {"layers.*": "colwise"}, {"layers.*": "colwise", "embed_tokens": "rowwise"}),
        (None, {"lm_head": "colwise"}),
        (None, {"lm_head": "rowwise"}),
        ("model", "layers", ""),
        (False, True),
        ("embed_tokens", "wte"),
    )
]


def merged(case: Case) -> list[list[tuple[str, str]]]:
    """The merged tensor-parallel plans of the base and of the head, in order."""
    head = build(case)
    return [list(vars(model)["_tp_plan"].items()) for model in (head.get_submodule("model"), head)]


def build(case: Case) -> PreTrainedModel:
    """The model of `case` as transformers builds it."""
    from torch import nn
    from transformers import PretrainedConfig, PreTrainedModel

    class Config(PretrainedConfig):
        model_type = "merge_truth"
        base_model_tp_plan = case.config_plan

    class Model(PreTrainedModel):
        config_class = Config
        base_model_prefix = case.prefix

        def _init_weights(self, module: nn.Module) -> None: ...

    class Base(Model):
        def __init__(self, config: Config) -> None:
            super().__init__(config)
            setattr(self, case.embedding, nn.Embedding(8, 4))
            self.layers = nn.ModuleList([nn.Linear(4, 4)])
            self.post_init()

    class Head(Model):
        def __init__(self, config: Config) -> None:
            super().__init__(config)
            self.model = Base(config)
            self.lm_head = nn.Linear(4, 8)
            self.post_init()

    for cls, plan in ((Base, case.class_plan), (Head, case.head_plan)):
        if plan is not None:
            cls._tp_plan = dict(plan)
    return Head(Config(tie_word_embeddings=case.tied))


if __name__ == "__main__":
    import transformers

    print(json.dumps({"release": transformers.__version__, "plans": [*map(merged, CASES)]}))
