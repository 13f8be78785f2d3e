"""The frozen records that rules may read. A rule that needs more gets a new record here."""

from __future__ import annotations

from forgather_lint.facts.model import EndKind, Model, NotBuilt, PackageMissing, Unreadable
from forgather_lint.facts.plans import (
    DuplicateKey,
    IgnoredPlan,
    NameEntry,
    Plan,
    PlanEntry,
    PlanOrigin,
    Plans,
)
from forgather_lint.facts.sizes import (
    Judged,
    NotExplained,
    SizesJudged,
    SizesUndecided,
    SizeVerdict,
)
from forgather_lint.facts.structure import (
    ClassFact,
    Module,
    Parameter,
    Structure,
    UnknownFact,
    folded,
)
from forgather_lint.facts.tool import GivenUp, RuleFailed, UnusedSuppression
from forgather_lint.facts.trace import (
    ModuleCall,
    ModuleUse,
    Signature,
    Trace,
    UndecidedBranch,
    UseKind,
)

__all__ = [
    "ClassFact",
    "DuplicateKey",
    "EndKind",
    "GivenUp",
    "IgnoredPlan",
    "Judged",
    "Model",
    "Module",
    "ModuleCall",
    "ModuleUse",
    "NameEntry",
    "NotBuilt",
    "NotExplained",
    "PackageMissing",
    "Parameter",
    "Plan",
    "PlanEntry",
    "PlanOrigin",
    "Plans",
    "RuleFailed",
    "Signature",
    "SizeVerdict",
    "SizesJudged",
    "SizesUndecided",
    "Structure",
    "Trace",
    "UndecidedBranch",
    "UnknownFact",
    "Unreadable",
    "UnusedSuppression",
    "UseKind",
    "folded",
]
