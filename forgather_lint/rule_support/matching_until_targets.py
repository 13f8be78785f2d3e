"""Stands in for `forgather_lint.targets.matching` until that is there."""

from __future__ import annotations

import re

from forgather_lint.rule_support.tree import folded


def vllm_match(pattern: str, name: str) -> bool:
    try:
        return re.match(f"model.{pattern}", f"model.{name}") is not None
    except re.error:
        return False


def transformers_match(pattern: str, name: str) -> bool:
    return folded(name) == pattern
