"""Loads a model in vLLM and lets it answer prompts."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forgather_lint.probes.children.reporting import Reporter
else:
    from reporting import Reporter  # beside this script, wherever it runs


def load(values: dict[str, Any]) -> Any:
    """The engine that `values["arguments"]` describe."""
    from vllm import LLM

    return LLM(**values["arguments"])


def answer(llm: Any, values: dict[str, Any]) -> list[dict[str, object]]:
    """The engine's answers to the prompts, in the same form as `checkpoint.answer`."""
    from vllm import SamplingParams

    sampling = SamplingParams(
        temperature=0.0,
        max_tokens=values["new_tokens"],
        ignore_eos=True,
        detokenize=False,
        logprobs=values["top"],
        prompt_logprobs=0 if values["prompt_logprobs"] else None,
    )
    prompts = [{"prompt_token_ids": ids} for ids in values["prompts"]]
    adapter = None
    if values.get("adapter"):
        from vllm.lora.request import LoRARequest

        adapter = LoRARequest("adapter", 1, values["adapter"])
    return [_answer(output) for output in llm.generate(prompts, sampling, lora_request=adapter)]


def stops(llm: Any, ids: list[int]) -> list[int]:
    """Those of `ids` at which the engine ends an answer, when the model is made to say them."""
    from vllm import SamplingParams

    found = []
    for each in ids:
        sampling = SamplingParams(temperature=0.0, max_tokens=3, logit_bias={each: 100.0})
        (output,) = llm.generate([{"prompt_token_ids": [4, 5, 6]}], sampling)
        if output.outputs[0].finish_reason == "stop":
            found.append(each)
    return found


def chat(llm: Any) -> str:
    """The error of asking for a chat; empty where it is answered."""
    from jinja2 import TemplateError
    from vllm import SamplingParams

    try:
        llm.chat([{"role": "user", "content": "t9"}], SamplingParams(max_tokens=1))
    except (ValueError, TemplateError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _answer(output: Any) -> dict[str, object]:
    scored = zip(output.prompt_token_ids, output.prompt_logprobs or (), strict=False)
    completion = output.outputs[0]
    return {
        "prompt": list(output.prompt_token_ids),
        "tokens": list(completion.token_ids),
        "prompt_logprobs": [found[token].logprob for token, found in scored if found is not None],
        "logprobs": [
            {token: found.logprob for token, found in step.items()} for step in completion.logprobs
        ],
    }


def main() -> None:
    """Import, load, generate; each is announced, so that the phase of an error is known."""
    reporter = Reporter()
    values = reporter.values
    reporter.phase("import")
    import vllm

    reporter.say(vllm=vllm.__version__)
    reporter.phase("load")
    llm = load(values)
    reporter.phase("generate")
    Path(values["answers"]).write_text(json.dumps(answer(llm, values)), "utf-8")
    reporter.phase("done")
    sys.stdout.flush()
    # Some releases hang or crash while they take their workers down; the answers are out.
    os._exit(0)


if __name__ == "__main__":  # workers are spawned and import this file again
    main()
