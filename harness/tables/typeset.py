"""Grids as LaTeX (booktabs)."""

from __future__ import annotations

from dataclasses import replace

from harness.tables.grid import BLUE, BOLD, RED, Grid
from harness.tables.render import legend, lines

_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "—": "---", "–": "--",
    "−": "$-$", "±": r"$\pm$", "°": r"$^\circ$",
}  # fmt: skip
_TEX_MARK = {
    RED: r"\textcolor{red}{\textit{%s}}", BLUE: r"\textcolor{blue}{\underline{%s}}", BOLD: r"\textbf{%s}", "": "%s",
}  # fmt: skip
TEX_PACKAGES = ("booktabs", "xcolor", "graphicx")
"""What a document must load to take the tables in."""

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
    said = f"{grid.title}. {grid.note} {legend(grid)}"
    parts = [replace(grid, rows=grid.rows[start : start + each]) for start in range(0, max(1, len(grid.rows)), each)]
    return "\n".join(
        [f"% preamble: {packages}", *(_float(part, number, brief, said) for number, part in enumerate(parts))]
    )


def tex_note(text: str) -> str:
    """A paragraph in small print, to stand below tables."""
    return f"\\par\\noindent{{\\footnotesize {_tex(text)}\\par}}\n"


def _float(grid: Grid, number: int, brief: bool, said: str) -> str:
    heads = [*grid.heads, "Source"]
    body = []
    for count, line in enumerate(lines(grid, brief)):
        if line.kind == "ours" and count:
            body.append(r"\addlinespace")
        cells = [_TEX_MARK[mark] % _tex(text) for text, mark in zip(line.texts, line.marks, strict=True)]
        body.append(" & ".join([*map(_tex, line.head), _tex(line.kind), *cells]) + r" \\")
    start = (rf"\caption{{{_tex(said)}}}", rf"\label{{tab:{grid.stem}}}")
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
