"""A page of HTML that needs nothing beside it: no script, no font, no address.

All text of a page may come from a model, which is hostile: `text` is the one way in which it gets
into markup. The policy in the page forbids whatever would be loaded or run all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from forgather_lint.core.paths import absolute
from forgather_lint.core.printable import printable

_CODE = re.compile(r"`([^`]+)`")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --back: #ffffff; --text: #1f2328; --faint: #59636e;
  --line: #d1d9e0; --band: #f6f8fa; --serves: #116329; --fails: #a40e26; --wrong: #8250df;
  --unknown: #7d4e00; --own: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --back: #0d1117; --text: #e6edf3; --faint: #9198a1;
  --line: #3d444d; --band: #151b23; --serves: #4ac26b; --fails: #ff7b72; --wrong: #d2a8ff;
  --unknown: #e3b341; --own: #79c0ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem; max-width: 75rem; background: var(--back);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0; overflow-wrap: anywhere; }
.faint { color: var(--faint); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .3rem .7rem; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
thead th { background: var(--band); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; }
ul { padding-left: 1.2rem; }
li { overflow-wrap: anywhere; }
.serves { color: var(--serves); } .fails { color: var(--fails); } .wrong { color: var(--wrong); }
.unknown { color: var(--unknown); } .own { color: var(--own); }
.verdict { font-weight: 600; }
@media (max-width: 40rem) { th, td { padding: .3rem .5rem; } .cell { white-space: normal; }
  .cell span { display: block; white-space: nowrap; } }
"""


def name_at(path: Path) -> str:
    """What a page calls the model at `path`."""
    return Path(absolute(str(path))).name


def text(of_model: object) -> str:
    """Text for the content of an element or a quoted attribute."""
    return escape(printable(str(of_model)))


def prose(of_model: str) -> str:
    """A sentence as `text`, with what stands between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", text(of_model))


def page(title: str, body: Iterable[str]) -> str:
    """The document with the lines of markup `body`; `title` is text."""
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{text(title)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            f"<h1>{text(title)}</h1>",
            *body,
            "</body>",
            "</html>",
        )
    )
