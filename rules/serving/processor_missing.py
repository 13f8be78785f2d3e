"""A config with a config for text inside, and no processor.

## What it does
Reports a composite config (`get_text_config` returns a part of it) in a folder with a tokenizer
where neither `auto_map` nor a file names a processor.

## Why is this bad?
vLLM serves every model with a composite config as one of several modalities, and asks for its
processor. AutoProcessor finds none, and returns the tokenizer.

## Example
```json
{
  "auto_map": {"AutoConfig": "configuration_x.XConfig", "AutoModel": "modeling_x.XModel"},
  "text_config": {"num_attention_heads": 8}
}
```

## Use instead
```json
{
  "auto_map": {
    "AutoConfig": "configuration_x.XConfig",
    "AutoModel": "modeling_x.XModel",
    "AutoProcessor": "processing_x.XProcessor"
  },
  "text_config": {"num_attention_heads": 8}
}
```

## What you see at run time
`TypeError: Invalid type of HuggingFace processor. Expected type: <class
'transformers.processing_utils.ProcessorMixin'>, but found type: <class '...TokenizersBackend'>`
(measured on 0.32).
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
from forgather_lint.facts.causes.config import ProcessorMissing
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule("FGL552", "processor-missing", Severity.ERROR, explains=ProcessorMissing)
def check(problem: ServingProblem) -> Iterator[Finding]:
    yield finding(
        problem,
        "vLLM takes a config with a text config inside for a multimodal model, and no processor is "
        "named",
        label="the text config inside",
        help='name a processor: `"AutoProcessor"` in `auto_map`, or processor_config.json',
    )
