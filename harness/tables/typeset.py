"""Grids as LaTeX (booktabs) and as HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
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
th[scope=row], th[scope=rowgroup], th.head { text-align: left; font-weight: 400; vertical-align: top; }
thead th { border-bottom: 2px solid var(--ink); }
tr.ours > * { border-top: 1px solid var(--rule); }
tr:not(.ours) > * { color: var(--soft); }
td a { color: inherit; text-decoration-color: var(--rule); }
.red { color: var(--red) !important; } .blue { color: var(--blue) !important; text-decoration: underline dotted; }
.bold { font-weight: 700; }
.note { color: var(--soft); font-size: .875em; }
@media (max-width: 30rem) { table { font-size: .8rem; } th, td { padding: .15rem .25rem; } }
@media print { body { max-width: none; } .scroll { overflow: visible; } table { font-size: .6rem; }
  caption { break-after: avoid; } tr, tbody:has(th[scope=rowgroup]) { break-inside: avoid; } }
"""


_PAGE = 64
"""Lines of a float at most: more would shrink beyond reading or run off the page."""
_FIT = (
    r"\ifdim\wd0>\linewidth\sbox0{\resizebox{\linewidth}{!}{\usebox0}}\fi",
    r"\ifdim\dimexpr\ht0+\dp0\relax>.85\textheight\sbox0{\resizebox*{!}{.85\textheight}{\usebox0}}\fi",
    r"\usebox0",
)
"""Shrinks what is too wide or too high for the page, and nothing else."""


def to_tex(grid: Grid, brief: bool = False) -> str:
    """``table`` environments for booktabs, several where rows fill more than a page; needs :data:`TEX_PACKAGES`."""
    high = max((len(lines(replace(grid, rows=(row,)), brief)) for row in grid.rows), default=1)
    floats = max(1, -(-len(grid.rows) * high // _PAGE))
    each = max(1, -(-len(grid.rows) // floats))
    packages = "".join(rf"\usepackage{{{name}}}" for name in TEX_PACKAGES)
    parts = [replace(grid, rows=grid.rows[start : start + each]) for start in range(0, max(1, len(grid.rows)), each)]
    return "\n".join([f"% preamble: {packages}", *(_float(part, number, brief) for number, part in enumerate(parts))])


def _float(grid: Grid, number: int, brief: bool) -> str:
    heads = [*grid.heads, "Source"]
    body = []
    for count, line in enumerate(lines(grid, brief)):
        if line.kind == "ours" and count:
            body.append(r"\addlinespace")
        cells = [_TEX_MARK[mark] % _tex(text) for text, mark in zip(line.texts, line.marks, strict=True)]
        body.append(" & ".join([*map(_tex, line.head), _tex(line.kind), *cells]) + r" \\")
    start = (rf"\caption{{{_tex(f'{grid.title}. {grid.note}')}}}", rf"\label{{tab:{grid.stem}}}")
    again = (r"\addtocounter{table}{-1}", rf"\caption{{{_tex(grid.title)} (continued)}}")
    return "\n".join(
        [
            r"\begin{table}",
            *(again if number else start),
            r"\centering",
            rf"\sbox0{{\begin{{tabular}}{{{'l' * len(heads)}{'r' * len(grid.columns)}}}",
            r"\toprule",
            " & ".join(map(_tex, [*heads, *grid.columns])) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}}",
            *_FIT,
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
    rows = "\n".join(_html_row(replace(grid, rows=(row,)), link, brief) for row in grid.rows)
    note = f'<p class="note">{escape(grid.note)}</p>' if grid.note else ""
    name = escape(title(grid))
    return (
        f'<div class="scroll" role="region" aria-label="{name}" tabindex="0" id="{grid.stem}">\n<table>'
        f"<caption>{name}</caption>\n<thead><tr>{heads}{columns}</tr></thead>\n{rows}\n</table>\n{note}</div>\n"
    )


def _html_row(grid: Grid, link: Callable[[str], str | None], brief: bool) -> str:
    """The lines of a grid of one row; its heads span them, so that a screen reader names them on every line."""
    printed = lines(grid, brief)
    heads = [f'<th scope="rowgroup" rowspan="{len(printed)}">{escape(h)}</th>' for h in printed[0].head]
    body = [_html_line(line, link, heads if number == 0 else []) for number, line in enumerate(printed)]
    return "<tbody>" + "\n".join(body) + "</tbody>"


def _html_line(line: Line, link: Callable[[str], str | None], heads: list[str]) -> str:
    out = [*heads, f'<th scope="row">{escape(line.kind)}</th>']
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
