"""Grids as LaTeX (booktabs) and as HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape

from harness.tables.grid import BLUE, BOLD, RED, Grid
from harness.tables.render import Line, lines, title

_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "—": "---", "–": "--",
    "−": "$-$", "±": r"$\pm$", "°": r"$^\circ$",
}  # fmt: skip
_TEX_MARK = {RED: r"\textcolor{red}{%s}", BLUE: r"\textcolor{blue}{%s}", BOLD: r"\textbf{%s}", "": "%s"}
TEX_PACKAGES = ("booktabs", "xcolor", "graphicx")
"""What a document must load to take the tables in."""

STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --rule: #c8c8c8; --soft: #585858; --red: #b00020;
  --blue: #0b57d0; --band: #f4f4f4; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --paper: #141414; --rule: #4a4a4a; --soft: #b4b4b4;
  --red: #ff8a80; --blue: #8ab4f8; --band: #1f1f1f; } }
body { color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 72rem; padding: 1rem; }
.scroll { overflow-x: auto; margin: 1rem 0 2rem; }
.scroll:focus-visible, a:focus-visible, summary:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; position: sticky; left: 0; max-width: 90vw; }
th, td { padding: .15rem .5rem; text-align: right; white-space: nowrap; }
th[scope=row], th.head { text-align: left; font-weight: 400; }
thead th { border-bottom: 2px solid var(--ink); }
tr.ours > * { border-top: 1px solid var(--rule); }
tr:not(.ours) > * { color: var(--soft); }
td a { color: inherit; text-decoration-color: var(--rule); }
.red { color: var(--red) !important; } .blue { color: var(--blue) !important; text-decoration: underline dotted; }
.bold { font-weight: 700; }
.note { color: var(--soft); font-size: .875rem; }
@media print { body { max-width: none; } .scroll { overflow: visible; break-inside: avoid; }
  table { font-size: .6rem; } }
"""


def to_tex(grid: Grid, brief: bool = False) -> str:
    """A ``table`` environment for booktabs; its preamble needs :data:`TEX_PACKAGES`."""
    heads = [*grid.heads, "Source"]
    body = []
    for number, line in enumerate(lines(grid, brief)):
        if line.kind == "ours" and number:
            body.append(r"\addlinespace")
        cells = [_TEX_MARK[mark] % _tex(text) for text, mark in zip(line.texts, line.marks, strict=True)]
        body.append(" & ".join([*map(_tex, line.head), _tex(line.kind), *cells]) + r" \\")
    packages = "".join(rf"\usepackage{{{name}}}" for name in TEX_PACKAGES)
    return "\n".join(
        [
            f"% preamble: {packages}",
            r"\begin{table}",
            rf"\caption{{{_tex(grid.title)}. {_tex(grid.note)}}}",
            rf"\label{{tab:{grid.stem}}}",
            r"\centering",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{{'l' * len(heads)}{'r' * len(grid.columns)}}}",
            r"\toprule",
            " & ".join(map(_tex, [*heads, *grid.columns])) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
            "",
        ]
    )


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text).strip()


def html_table(grid: Grid, link: Callable[[str], str | None] = lambda key: None, brief: bool = False) -> str:
    """A ``table`` element; ``link`` gives the address behind a cell of ours, or None."""
    heads = "".join(f'<th scope="col" class="head">{escape(h)}</th>' for h in (*grid.heads, "Source"))
    columns = "".join(f'<th scope="col">{escape(c)}</th>' for c in grid.columns)
    rows = "\n".join(_html_line(line, link) for line in lines(grid, brief))
    note = f'<p class="note">{escape(grid.note)}</p>' if grid.note else ""
    name = escape(title(grid))
    return (
        f'<div class="scroll" role="region" aria-label="{name}" tabindex="0" id="{grid.stem}">\n<table>'
        f"<caption>{name}</caption>\n<thead><tr>{heads}{columns}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>\n{note}</div>\n"
    )


def _html_line(line: Line, link: Callable[[str], str | None]) -> str:
    out = [f'<th scope="row">{escape(h)}</th>' for h in (*line.head, line.kind)]
    for text, mark, key in zip(line.texts, line.marks, line.keys, strict=True):
        target = link(key) if line.kind == "ours" else None
        shown = escape(text) if target is None else f'<a href="{escape(target)}">{escape(text)}</a>'
        out.append(f'<td class="{mark}">{shown}</td>' if mark else f"<td>{shown}</td>")
    kind = ' class="ours"' if line.kind == "ours" else ""
    return f"<tr{kind}>{''.join(out)}</tr>"


def page(name: str, body: str, style: str = STYLE) -> str:
    """A page that needs nothing from elsewhere."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(name)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def to_html(grids: Iterable[Grid], name: str, foot: str, brief: bool = False) -> str:
    """A self-contained page with the tables."""
    tables = "".join(html_table(grid, brief=brief) for grid in grids)
    return page(name, f"<main>\n<h1>{escape(name)}</h1>\n{tables}<p>{escape(foot)}</p>\n</main>")
