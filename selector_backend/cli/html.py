"""The page that `selector-backend matrix` writes: whole in itself, for a phone as for a desk."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..installing.messages import message_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..installing.decision import Decision
    from ..installing.record import Verdict
    from ..installing.table import Selector

# On a narrow screen a machine is a card, and each of its cells says which variant it is of.
_STYLE = """\
:root { color-scheme: light dark; --line: #8886; --good: #1a7f37; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --good: #4ac26b; --bad: #ff8a80; } }
body { font: 1rem/1.45 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 80rem; }
h1 { font-size: 1.4rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid var(--line); padding: .4rem .6rem; text-align: left;
  vertical-align: top; overflow-wrap: break-word; }
th { font-weight: 600; }
thead th { position: sticky; top: 0; background: Canvas; }
small { display: block; opacity: .8; font-weight: 400; }
.other b { font-weight: 400; }
.chosen { border-left: .3rem solid var(--good); }
.chosen b { color: var(--good); }
.refuses b, summary { color: var(--bad); }
details { font-weight: 400; }
details small { white-space: pre-wrap; }
@media (max-width: 55rem) {
  table, tbody, tr, th, td { display: block; overflow-wrap: anywhere; }
  thead { display: none; }
  tr { margin: 0 0 1rem; }
  td { border-top: 0; }
  td::before { content: attr(data-variant) ": "; font-weight: 600; }
}
"""


def page(selector: Selector, rows: Sequence[tuple[str, str, Sequence[str], Decision]]) -> str:
    """Return the page: for each machine its name, what it is after, and a cell for each variant."""
    title = escape(f"{selector.project} {selector.version}: which machine gets what")
    head = "".join(f'<th scope="col">{escape(one.name)}</th>' for one in selector.variants)
    body = "\n".join(_row(*row) for row in rows)
    install = escape(f"pip install {selector.project}")
    last = [one.name for one in selector.variants if one.refuse is None][-1:]
    forced = "".join(
        f" To have another, name it: <code>{escape(selector.variable)}={escape(name)} {install}"
        "</code>."
        for name in last
    )
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{_STYLE}</style>
</head>
<body>
<h1>{title}</h1>
<p><code>{install}</code> installs what is chosen, the first variant that fits.{forced}</p>
<table>
<thead><tr><th scope="col">machine</th>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table>
</body>
</html>
"""


def _row(name: str, after: str, outcomes: Sequence[str], decision: Decision) -> str:
    cells = "".join(map(_cell, outcomes, decision.verdicts))
    texts = f"{escape(name)}<small>{escape(after)}</small>"
    problem = message_of(decision)
    if problem is not None:
        texts += (
            '<details class="nothing"><summary>installing stops here</summary>'
            f"<small>{escape(problem)}</small></details>"
        )
    return f'<tr><th scope="row">{texts}</th>{cells}</tr>'


def _cell(outcome: str, verdict: Verdict) -> str:
    word = "does not fit" if outcome == "-" else outcome
    kind = outcome if outcome in ("chosen", "refuses") else "other"
    return (
        f'<td class="{kind}" data-variant="{escape(verdict.variant)}">'
        f"<b>{word}</b><small>{escape(verdict.reason)}</small></td>"
    )
