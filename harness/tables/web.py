"""Grids as HTML that a keyboard, a screen reader, a phone and a printer get along with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from html import escape

from harness.tables.grid import Grid
from harness.tables.render import ABSENT, INTERVALS, LOOKS, SOURCES, Line, lines, reasons, senses, title
from harness.tables.style import STYLE

Link = Callable[[str], tuple[str, str] | None]
"""A cell's key -> the address behind it and what is there, or None."""
_NONE = f'<span aria-hidden="true">{ABSENT}</span><span class="said">none</span>'


def html_table(grid: Grid, link: Link = lambda key: None, brief: bool = False) -> str:
    """A ``table`` element with its legend; intervals that the grid does not show are behind a checkbox above it."""
    heads = "".join(f'<th scope="col" class="head">{escape(h)}</th>' for h in (*grid.heads, "Source"))
    columns = "".join(f'<th scope="col">{escape(c)}</th>' for c in grid.columns)
    whole = grid if brief else grid.with_intervals()
    rows = "\n".join(_row(grid, lines(replace(whole, rows=(row,)), brief), link) for row in grid.rows)
    name, notes = escape(title(grid)), _notes(grid)
    switch = _switch(grid) if 'class="each"' in rows else ""
    described = f' aria-describedby="{grid.stem}-notes"' if notes else ""
    return (
        f'{switch}<div class="scroll" role="region" aria-label="{name}" tabindex="0" id="{grid.stem}"{described}>\n'
        f"<table><caption>{name}</caption>\n<thead><tr>{heads}{columns}</tr></thead>\n{rows}\n</table></div>\n{notes}"
    )


def _switch(grid: Grid) -> str:
    """Shows the hidden intervals without a script: by mouse, finger and keyboard, on screen and in print."""
    label = f"95 % intervals in every cell of {escape(title(grid).split('.')[0])}"
    return f'<input type="checkbox" id="{grid.stem}-each"><label for="{grid.stem}-each">{label}</label>\n'


def _notes(grid: Grid) -> str:
    """Below a table: whose numbers these are, its marks in words, and why cells are empty."""
    said = " ".join(f'<span class="{m}">{LOOKS[m]}</span>: {escape(meaning)}.' for m, meaning in senses(grid).items())
    why = "".join(f"<li>{escape(line)}</li>" for line in reasons(grid))
    parts = [f"<p>{escape(grid.note)}</p>" * bool(grid.note), f"<p>{said}</p>" * bool(said)]
    parts.append(f"<p>Empty or without all seeds:</p><ul>{why}</ul>" if why else "")
    return f'<div class="note" id="{grid.stem}-notes">{"".join(parts)}</div>\n' if any(parts) else ""


def _row(grid: Grid, printed: list[Line], link: Link) -> str:
    """The lines of a row; its heads span them, so that a screen reader names them on every line."""
    heads = [f'<th scope="rowgroup" rowspan="{len(printed)}">{escape(h)}</th>' for h in printed[0].head]
    body = [_line(grid, line, link, heads if number == 0 else []) for number, line in enumerate(printed)]
    return "<tbody>" + "\n".join(body) + "</tbody>"


def _line(grid: Grid, line: Line, link: Link, heads: list[str]) -> str:
    out = [*heads, f'<th scope="row">{escape(line.kind)}</th>']
    hidden = [line.kind in INTERVALS and not grid.shows_spread(column) for column in grid.columns]
    alone = all(hide or not text for hide, text in zip(hidden, line.texts, strict=True))
    meaning = senses(grid)
    for text, mark, key, hide in zip(line.texts, line.marks, line.keys, hidden, strict=True):
        shown = _NONE if text == ABSENT else escape(text)
        if line.kind == "ours" and text != ABSENT and (target := link(key)):
            address, there = map(escape, target)
            shown = f'<a href="{address}" aria-label="{shown}, {there}">{shown}</a>'
        if hide and text and not alone:
            shown = f'<span class="each">{shown}</span>'
        said = f'<span class="said">, {escape(meaning[mark])}</span>' if mark else ""
        out.append(f'<td class="{mark}">{shown}{said}</td>' if mark else f"<td>{shown}</td>")
    kind = "ours" if line.kind == "ours" else "each" if alone else ""
    return f'<tr class="{kind}">{"".join(out)}</tr>' if kind else f"<tr>{''.join(out)}</tr>"


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
    about = f'<p class="note">{escape(SOURCES)}</p>\n'
    return page(name, f"<main>\n<h1>{escape(name)}</h1>\n{about}{tables}<p>{escape(foot)}</p>\n</main>")
