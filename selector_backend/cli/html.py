"""The page that `selector-backend matrix` writes: a single file, for phones and desktops.

It is a list of all machines. Where scripts run, one lets the visitor pick a machine instead, from
the attributes of the list's rows. The page forbids everything else: it loads nothing, and runs no
other script.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ..installing.messages import message_of
from .picker import picked_by, picks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.record import Verdict
    from ..model.table import Selector, Variant
    from .picker import Pick
    from .rows import Row

_LABELS = {
    "system": "System",
    "gpu": "GPU",
    "driver": "Driver",
    "machine": "Closest machine",
}


def page(selector: Selector, rows: Sequence[Row]) -> str:
    """Return the page."""
    title = escape(f"{selector.project} {selector.version}: which machine gets what")
    style, script = _text("page.css"), _text("page.js")
    policy = f"default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; \
style-src {_hash(style)}; script-src {_hash(script)}"
    head = "".join(f'<th scope="col">{escape(one.name)}</th>' for one in selector.variants)
    body = "\n".join(map(_row, rows, picks([row.of for row in rows])))
    install = escape(f"pip install {selector.project}")
    last = [one for one in selector.variants if one.refuse is None][-1:]
    forced = "".join(
        f" To get another one, name it: <code>{_forced(one, selector)[0]}</code>." for one in last
    )
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<p><code>{install}</code> installs the first variant that fits.{forced}</p>
{_picker(selector)}
<details id="list" open>
<summary>All machines ({len(rows)})</summary>
<table>
<thead><tr><th scope="col">machine</th>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table>
</details>
<script>{script}</script>
</body>
</html>
"""


def _text(file: str) -> str:
    return "\n" + Path(__file__).with_name(file).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return how a content security policy names an element's text."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _picker(selector: Selector) -> str:
    """Return what the script shows, and fills in."""
    fields = "\n".join(
        f'<label class="{name}">{_LABELS[name]}<select name="{name}"></select></label>'
        for name in picked_by(selector)
    )
    chosen = "\n".join(_chosen(one, selector) for one in selector.variants if one.refuse is None)
    return f"""\
<section id="pick" aria-labelledby="pick-title" hidden>
<h2 id="pick-title">Pick your machine</h2>
<p>These are examples: take the one that is closest to yours and not newer.</p>
<form id="picker" autocomplete="off">
{fields}
</form>
<div id="answer" role="status">
<p><small>On <span id="like"></span>:</small></p>
{chosen}
<div data-variant="" hidden><h2>Installing stops here</h2><pre class="told"></pre></div>
</div>
</section>"""


def _chosen(variant: Variant, selector: Selector) -> str:
    """Return the answer for machines that get ``variant``."""
    install = escape(f"pip install {selector.project}")
    brings = ", ".join((*selector.requires, *variant.requires)) or "nothing more"
    by_variable, by_setting = _forced(variant, selector)
    return f"""\
<div data-variant="{escape(variant.name)}" hidden>
<h2>{escape(variant.name)}</h2>
<p>Why: <span class="told"></span></p>
<pre>{install}</pre>
<p>It installs <code>{escape(brings)}</code>. To get it on any machine, name it:</p>
<pre>{by_variable}</pre>
<p>Or, in any shell, with pip 23.1 or newer:</p>
<pre>{by_setting}</pre>
</div>"""


def _forced(variant: Variant, selector: Selector) -> tuple[str, str]:
    """Return the commands that get a variant on any machine: by variable, and by setting."""
    install = f"pip install {selector.project}"
    return (
        escape(f"{selector.variable}={variant.name} {install}"),
        escape(f"{install} -C {selector.project}:variant={variant.name}"),
    )


def _row(row: Row, pick: Pick) -> str:
    chosen = next(iter(row.decision.names), "")
    picked = {**pick._asdict(), "chosen": chosen}
    attributes = "".join(f' data-{name}="{escape(text)}"' for name, text in picked.items())
    cells = "".join(map(_cell, row.outcomes, row.decision.verdicts))
    texts = f"{escape(row.of.name)}<small>{escape(row.of.after)}</small>"
    problem = message_of(row.decision)
    if problem is not None:
        texts += (
            '<details class="nothing"><summary>installing stops here</summary>'
            f"<small>{escape(problem)}</small></details>"
        )
    return f'<tr{attributes}><th scope="row">{texts}</th>{cells}</tr>'


def _cell(outcome: str, verdict: Verdict) -> str:
    word = "does not fit" if outcome == "-" else outcome
    kind = outcome if outcome in ("chosen", "refuses") else "other"
    return (
        f'<td class="{kind}" data-variant="{escape(verdict.variant)}">'
        f"<b>{word}</b><small>{escape(verdict.reason)}</small></td>"
    )
