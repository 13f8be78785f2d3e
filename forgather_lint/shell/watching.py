"""`check --watch`: checks again whenever something that an answer rests on has changed.

The disk is polled: it is known what a check has looked at, and these are few files.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

from forgather_lint.linting.registry import builtin_rules, names
from forgather_lint.linting.report import FixNotice, Run
from forgather_lint.session.session import Session
from forgather_lint.shell.configuration import Groups
from forgather_lint.shell.contained import workers_for
from forgather_lint.shell.say import say

SECONDS = 0.5
"""The time between two looks at the disk."""
_CLEARED = "\x1b[2J\x1b[H"


def watched(groups: Groups, tell: Callable[[Run], None], *, quiet: bool) -> None:
    """Check and call `tell` with the result, again after each change, until Ctrl-C."""
    with ExitStack() as stack:
        sessions = []
        for settings, paths in groups.items():
            settings.require_known((rule.code for rule in builtin_rules()), names())
            workers = stack.enter_context(workers_for(settings))
            sessions.append(Session(paths, settings, workers))
        unsafe = next(iter(groups)).unsafe_fixes
        try:
            while True:
                reports = [report for session in sessions for report in session.check()]
                if sys.stdout.isatty():
                    sys.stdout.write(_CLEARED)
                tell(Run(tuple(reports), FixNotice(unsafe)))
                if not quiet:
                    now = time.strftime("%H:%M:%S")
                    say(f"[{now}] watching for changes, Ctrl-C ends it", err=True)
                sys.stdout.flush()
                while all(session.is_current() for session in sessions):
                    time.sleep(SECONDS)
        except KeyboardInterrupt:
            return
