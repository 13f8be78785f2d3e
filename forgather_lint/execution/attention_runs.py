"""Attention modules that run more than once in one forward.

vLLM keeps one KV cache for each attention module, and every call of it writes the same slots: the
first of two calls reads what the second wrote for the tokens before (vllm/model_executor/models/
transformers/base.py, `create_attention_instances`: one `Attention` for each layer number).
"""

from __future__ import annotations

from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Value, ValueId


@record
class Repeated:
    """A module whose attention ran twice, and the place of its second call."""

    module: Instance
    where: Place


@record(frozen=False)
class _AttendingCall:
    """A call that has not returned yet; `attended` counts the attention calls before it.

    `directly`: its own forward calls the attention.
    """

    where: Place
    attended: int
    directly: bool = False


@record
class _Attending:
    """A remembered answer of a module in whose run attention was called."""

    answer: Value
    directly: bool


@record(frozen=False)
class AttentionRuns:
    """Follows the calls of one forward. What runs below an undecided condition does not count."""

    first: Repeated | None = None
    _attended: int = 0
    _undecided: int = 0
    _open: list[_AttendingCall] = field(default_factory=list)
    _runs: set[tuple[Instance, ValueId | None]] = field(default_factory=set)
    _attending: list[_Attending] = field(default_factory=list)

    def attends(self) -> None:
        """The engine's attention is called."""
        if self._open and not self._undecided:
            self._attended += 1
            self._open[-1].directly = True

    def entered(self, where: Place) -> None:
        self._open.append(_AttendingCall(where, self._attended))

    def left(self, module: Instance, answer: Value) -> None:
        """`module` has returned `answer`: it attended if attention was called since it began."""
        done = self._open.pop()
        if self._attended > done.attended:
            attending = _Attending(answer, done.directly)
            self._attending.append(attending)
            self._ran(module, attending, done.where)

    def abandoned(self) -> None:
        self._open.pop()

    def answered(self, module: Instance, answer: Value, where: Place) -> None:
        """`module` was not run: it got `answer`, that of a run of a module like it."""
        attending = next((each for each in self._attending if each.answer is answer), None)
        if attending is not None and not self._undecided:
            self._attended += 1
            self._ran(module, attending, where)

    def undecided(self) -> None:
        self._undecided += 1

    def decided(self) -> None:
        self._undecided -= 1

    def _ran(self, module: Instance, attending: _Attending, where: Place) -> None:
        """Count the run of `module` and of the modules that it called, as `attending` tells.

        Two runs with one answer called the same inner modules, though modules around them may
        differ.
        """
        run = (module, None if attending.directly else ValueId(attending.answer))
        if run in self._runs and self.first is None:
            self.first = Repeated(module, where)
        self._runs.add(run)
