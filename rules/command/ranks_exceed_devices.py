"""A command asks for more ranks than its container has devices.

## What it does
Compares tensor-parallel times pipeline-parallel size with the GPUs that the container is given:
`nvidia.com/gpu` of a Kubernetes manifest, `count` or `device_ids` of a compose file, `--gpus` of
`docker run`, and those that `CUDA_VISIBLE_DEVICES` leaves where it is set. Several nodes and Ray
count elsewhere and are left alone.

## Why is this bad?
The server does not start.

## Example
```yaml
args: ["--model", "/models/llama", "--tensor-parallel-size", "8"]
resources:
  limits:
    nvidia.com/gpu: 4
```

## Use instead
```yaml
args: ["--model", "/models/llama", "--tensor-parallel-size", "4"]
resources:
  limits:
    nvidia.com/gpu: 4
```

## What you see at run time
`ValueError: World size (8) is larger than the number of available GPUs (4) in this node.`
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Label, Severity
from forgather_lint.facts.command import RanksExceedDevices
from forgather_lint.linting.rule import rule


@rule(
    "FGL706",
    "ranks-exceed-devices",
    Severity.ERROR,
    rests_on=("vllm/command.too_few_devices",),
)
def check(fact: RanksExceedDevices) -> Iterator[Finding]:
    at, by = fact.devices_at, f" (`{fact.variable}`)" if fact.variable else ""
    devices = "1 device" if fact.devices == 1 else f"{fact.devices} devices"
    yield Finding(
        where=fact.where,
        message=f"{fact.ranks} ranks on {devices}{by}",
        related=(Label(at, "the devices"),) if at is not None else (),
        consequence=f"{fact.release}: `{fact.text}`",
        target=fact.release,
    )
