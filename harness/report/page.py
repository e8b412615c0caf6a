"""The report as one HTML page that needs nothing from elsewhere: phone, print, dark and light, keyboard, screen reader."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from harness.report import beside
from harness.report.again import ABOUT as ABOUT_AGAIN
from harness.report.again import HEADS as AGAIN
from harness.report.content import (
    ABOUT_COSTS,
    ABOUT_DIAGNOSIS,
    ABOUT_ORDER,
    ABOUT_TWINS,
    COSTS,
    MAIN_HEADS,
    NUMBERS,
    Report,
    about_claims,
    grouped,
    main_claims,
    numbers_of,
    part_of,
)
from harness.report.diagnosis import HEADS
from harness.report.order import HEADS as ORDER
from harness.report.views import ABOUT as ABOUT_VIEWS
from harness.report.views import HEADS as VIEWS
from harness.tables.render import SOURCES
from harness.tables.style import STYLE
from harness.tables.web import html_table, page

_MORE = """
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0; }
.skip { position: absolute; left: -999rem; } .skip:focus { position: static; }
h1 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--rule); }
a { color: var(--blue); }
figure { margin: 1rem 0 2rem; } figure img { max-width: 100%; height: auto; background: #fff; }
figcaption { font-size: .875rem; color: var(--soft); }
details { border: 1px solid var(--rule); padding: .25rem .75rem; margin: .5rem 0; }
details > div:target { outline: 3px solid var(--blue); }
pre { overflow-x: auto; font-size: .75rem; background: var(--band); padding: .5rem; }
td.text, th.text { text-align: left; white-space: normal; min-width: 8rem; }
.verdict { font-weight: 600; white-space: nowrap; }
.big { font-size: 1.125rem; }
@media print { nav, .skip { display: none; } h2 { break-after: avoid; } figure { break-inside: avoid; }
  td.text, th.text { min-width: 0; } details { border: 0; } a { color: inherit; text-decoration: none; } }
"""
_SIGNS = {"supported": "✓", "refuted": "✗", "undecided": "?", "not run": "–"}


def html(report: Report) -> str:
    slips = _table("Contradictions", ("where", "printed", "what follows from the rest"), report.slips)
    choices = _table("Choices where the paper is silent", ("key", "in use", "alternatives"), report.decisions)
    made_with = _table("What the runs were made with", ("what", "which"), list(report.environment.items()))
    parts = {
        "headline": ("Headline", _summary(report)),
        "claims": ("Claims", _claims(report)),
        "order": ("Order of the methods", _order(report)),
        **({"views": ("Views", _views(report))} if report.views else {}),
        **({"beside": (f"Beside suite {report.beside.preset}", _beside(report.beside))} if report.beside else {}),
        "diagnosis": ("Diagnosis", _diagnosis(report)),
        "tables": ("Tables", _tables(report)),
        "figures": ("Figures", _figures(report)),
        **({"again": ("Computed once more", _again(report))} if report.again else {}),
        "cost": ("Cost", f"<p>{escape(ABOUT_COSTS)}</p>\n" + _table("Training time", COSTS, report.costs)),
        "slips": ("The paper against itself", slips),
        "decisions": ("Decisions", choices),
        "environment": ("Environment", made_with + _table("Digests of the inputs", ("what", "digest"), report.digests)),
        "runs": ("Runs", _runs(report)),
    }
    links = "".join(f'<li><a href="#{key}">{escape(name)}</a></li>' for key, (name, _) in parts.items())
    sections = "".join(
        f'<section id="{key}" aria-labelledby="h-{key}">\n<h2 id="h-{key}">{escape(name)}</h2>\n{body}\n</section>\n'
        for key, (name, body) in parts.items()
    )
    body = (
        f'<a class="skip" href="#main">Skip to the content</a>\n<header><h1>{escape(report.title)}</h1></header>\n'
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n<main id="main">\n{sections}</main>'
    )
    return page(report.title, body, STYLE + _MORE)


def _linker(report: Report):
    def link(key: str) -> tuple[str, str] | None:
        group = report.links.get(key)
        return (f"#run-{group}", f"runs {group}") if group else None

    return link


def _tables(report: Report) -> str:
    return f'<p class="note">{escape(SOURCES)}</p>\n' + "".join(
        html_table(g.filled(), _linker(report)) for g in report.grids[1:]
    )


def _summary(report: Report) -> str:
    stale = ""
    if report.stale:
        stale = f"<p><strong>{len(report.stale)} records are stale</strong>: their inputs changed since (see Runs).</p>"
    mlflow = f'<p><a href="{escape(report.mlflow)}">Compare the runs in MLflow</a></p>' if report.mlflow else ""
    first, *more = report.findings
    listed = "".join(f"<li>{escape(sentence)}</li>" for sentence in more)
    return (
        f'<p class="big"><strong>{escape(first)}</strong></p>\n<ul>{listed}</ul>\n'
        + (_table("The main claims", MAIN_HEADS, rows, short=True) if (rows := main_claims(report.claims)) else "")
        + html_table(report.grids[0].filled(), _linker(report), brief=True)
        + f"<p>{escape(report.headline)}</p>\n<p>{escape(report.cost)} {escape(report.again_said)}</p>\n{stale}{mlflow}"
    )


def _claims(report: Report) -> str:
    tables = "".join(_claims_table(title, claims) for title, claims in grouped(report.claims) if claims)
    return f"<p>{escape(about_claims(report.claims))}</p>\n{tables}"


def _claims_table(title: str, claims: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for c in claims:
        mark = f'<span class="verdict"><span aria-hidden="true">{_SIGNS[c["verdict"]]} </span>{escape(c["verdict"])}</span>'
        rows.append(
            f'<tr class="ours"><th scope="row" class="text"><strong>{escape(c["claim"])}</strong><br>{escape(c["says"])}<br>'
            f'<span class="note">{"<br>".join(escape(note) for note in (c["where"], part_of(c)) if note)}</span></th>'
            f'<td class="text">{mark}<br>'
            f'<span class="note">{escape(c["reason"])}</span></td>'
            + "".join(f"<td>{escape(text)}</td>" for text in numbers_of(c))
            + "</tr>"
        )
    heads = ("claim", "verdict", *NUMBERS)
    head = "".join(f'<th scope="col" class="{"text" if i < 2 else ""}">{h}</th>' for i, h in enumerate(heads))
    return (
        f'<div class="scroll" role="region" aria-label="{escape(title)}" tabindex="0"><table>'
        f"<caption>{escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _views(report: Report) -> str:
    return f"<p>{escape(ABOUT_VIEWS)}</p>\n" + _table("Rank-1 over the probe's views", VIEWS, report.views)


def _again(report: Report) -> str:
    return f"<p>{escape(ABOUT_AGAIN)}</p>\n" + _table("Runs beside their repetition", AGAIN, report.again)


def _order(report: Report) -> str:
    return f"<p>{escape(ABOUT_ORDER)}</p>\n" + _table(
        "Methods from the lowest mean to the highest", ORDER, report.order
    )


def _beside(b: beside.Beside) -> str:
    return (
        f"<p>{escape(b.about)}</p>\n<p><strong>{escape(b.found)}</strong></p>\n"
        + _table("What differs in the settings", beside.CHANGED, b.changed)
        + f"<p>There: {escape(b.cost)}</p>\n"
        + _table("Every method here and there", beside.MEANS, b.means)
        + f"<p>{escape(beside.ABOUT_CLAIMS)}</p>\n"
        + _table("Claims here and there", beside.CLAIMS, b.claims)
    )


def _diagnosis(report: Report) -> str:
    parts = [f"<p>{escape(ABOUT_DIAGNOSIS)}</p>"]
    for place, rows in report.pseudo_labels.items():
        parts.append(_table(f"Pseudo-labels: {place}", HEADS, rows))
        if said := report.diagnosis.get(place):
            parts.append(_table(f"What follows: {place}", ("question", "answer"), said))
    if report.twins:
        same = [(", ".join(names),) for names in report.twins]
        parts.append(f"<p>{escape(ABOUT_TWINS)}</p>" + _table("Runs with the same weights", ("runs",), same))
    return "\n".join(parts)


def _figures(report: Report) -> str:
    out = []
    for d in report.drawings:
        source = "data:image/svg+xml;base64," + base64.b64encode(d.render("svg")).decode()
        caption = escape(d.caption)
        out.append(
            f'<figure id="figure-{d.name}"><img src="{source}" alt="{escape(d.instead)}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    out += [f"<p>{escape(name)} is not there: {escape(why)}</p>" for name, why in report.missing.items()]
    return "\n".join(out)


def _table(name: str, heads: Sequence[str], rows: Sequence[Sequence[str]], short: bool = False) -> str:
    """A table with its name as caption; it scrolls by itself where it is too wide, by keyboard too.

    short: cells after the first are numbers and words that need no room.
    """
    if not rows:
        return "<p>Nothing.</p>"
    look = "" if short else ' class="text"'
    first, *others = heads
    head = f'<th scope="col" class="text">{escape(first)}</th>'
    head += "".join(f'<th scope="col"{look}>{escape(h)}</th>' for h in others)
    body = "".join(
        '<tr class="ours">'
        + f'<th scope="row" class="text">{escape(row[0])}</th>'
        + "".join(f"<td{look}>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" role="region" aria-label="{escape(name)}" tabindex="0"><table>'
        f"<caption>{escape(name)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _runs(report: Report) -> str:
    stale = {line["record"]: line["problem"] for line in report.stale}
    out = []
    for group, runs in report.runs.items():
        ids = ", ".join(str(run["run_id"]) for run in runs.values())
        body = ""
        for stem, run in runs.items():
            note = f"<p><strong>{escape(stale[stem])}</strong></p>" if stem in stale else ""
            text = escape(json.dumps(run, indent=1, ensure_ascii=False))
            body += f'<h3>{escape(stem)}</h3>{note}<pre tabindex="0" role="region" aria-label="Provenance of {escape(stem)}">{text}</pre>'
        # The target lies inside: browsers open what holds the target of a link.
        inner = f'<div id="run-{escape(group)}" tabindex="-1">{body}</div>'
        out.append(f"<details><summary>{escape(group)}: {escape(ids)}</summary>{inner}</details>")
    listed = "".join(f"<li>{escape(k)}: {escape(v)}</li>" for k, v in stale.items() if k not in _stems(report))
    return (f"<ul>{listed}</ul>" if listed else "") + "\n".join(out)


def _stems(report: Report) -> set[str]:
    return {stem for runs in report.runs.values() for stem in runs}
