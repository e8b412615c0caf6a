"""How pages look: phone and print, dark and light; nothing is said by colour alone."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --rule: #c8c8c8; --soft: #585858; --red: #b00020;
  --blue: #0b57d0; --band: #f4f4f4; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --paper: #141414; --rule: #4a4a4a; --soft: #b4b4b4;
  --red: #ff8a80; --blue: #8ab4f8; --band: #1f1f1f; } }
body { color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 72rem; padding: 1rem; }
/* A place of its own for what is hidden in it, or that would widen the page. */
.scroll { overflow-x: auto; margin: 1rem 0 .5rem; position: relative; }
.scroll:focus-visible, a:focus-visible, summary:focus-visible, pre:focus-visible, input:focus-visible {
  outline: 3px solid var(--blue); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; position: sticky; left: 0; max-width: 90vw; }
th, td { padding: .15rem .5rem; text-align: right; white-space: nowrap; }
th[scope=row], th[scope=rowgroup], th.head { text-align: left; font-weight: 400; vertical-align: top; }
tbody:has(th[scope=rowgroup]) th[scope=row] { position: sticky; left: 0; background: var(--paper); }
thead th { border-bottom: 2px solid var(--ink); }
tr.ours > * { border-top: 1px solid var(--rule); }
tr:not(.ours) > * { color: var(--soft); }
td a { color: inherit; text-decoration-color: var(--rule); }
.red { color: var(--red) !important; font-style: italic; } .bold { font-weight: 700; }
.blue, .blue a { color: var(--blue) !important; text-decoration: underline solid 2px var(--blue); }
.note { color: var(--soft); font-size: .875em; overflow-wrap: anywhere; } .note p, .note ul { margin: .25rem 0; }
div.note { margin-bottom: 2rem; }
.said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); user-select: none; }
input + label { font-size: .875rem; padding: .5rem .25rem; }
.each { display: none; } input:checked + label + .scroll span.each { display: inline; }
input:checked + label + .scroll tr.each { display: table-row; }
@media (max-width: 30rem) { table { font-size: .8rem; } th, td { padding: .15rem .25rem; } }
@media print { body { max-width: none; } .scroll { overflow: visible; } table { font-size: .6rem; }
  th, td { padding: .1rem .2rem; } input:checked + label + .scroll table { font-size: .5rem; }
  input, input + label { display: none; } caption { break-after: avoid; }
  tr, tbody:has(th[scope=rowgroup]) { break-inside: avoid; } }
"""
