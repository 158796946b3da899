"""The style sheet in each card.

Text and lines take their color from the page, through the variables of JupyterLab where they are set.  The accents have
a second set of values for dark pages: JupyterLab, VS Code and Sphinx mark them, other pages follow the system.  The
doubled class makes the rules stronger than those of JupyterLab for tables.
"""

from __future__ import annotations

_LIGHT = "--bt-done:#1a7f4b;--bt-move:#2563c9;--bt-warn:#a15c00;--bt-error:#c0342b"
_DARK = "--bt-done:#4cc38a;--bt-move:#7ab0ff;--bt-warn:#e0a64b;--bt-error:#ff8a80"
_DARK_PAGES = "[data-jp-theme-light=false] .bt-card,body.vscode-dark .bt-card,[data-theme=dark] .bt-card"
_LIGHT_PAGES = "[data-jp-theme-light=true] .bt-card,body.vscode-light .bt-card,[data-theme=light] .bt-card"

STYLE = f"""<style>
.bt-card{{{_LIGHT};--bt-line:var(--jp-border-color2,rgba(128,128,128,.28));--bt-soft:rgba(128,128,128,.22);
color:var(--jp-content-font-color1,inherit);font:13px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
max-width:760px;border:1px solid var(--bt-line);border-radius:10px;padding:14px 18px 12px;margin:4px 0;text-align:left}}
@media (prefers-color-scheme:dark){{.bt-card{{{_DARK}}}}}
{_DARK_PAGES}{{{_DARK}}}
{_LIGHT_PAGES}{{{_LIGHT}}}
.bt-card.bt-card .bt-head{{display:flex;gap:10px;align-items:baseline;flex-wrap:wrap}}
.bt-card.bt-card .bt-name{{font-size:15px;font-weight:600;overflow-wrap:anywhere}}
.bt-card.bt-card .bt-badge{{font-size:11px;font-weight:600;border:1px solid;border-radius:99px;
padding:0 8px;white-space:nowrap}}
.bt-card.bt-card .bt-done{{color:var(--bt-done)}}
.bt-card.bt-card .bt-move{{color:var(--bt-move)}}
.bt-card.bt-card .bt-warn{{color:var(--bt-warn)}}
.bt-card.bt-card .bt-error{{color:var(--bt-error)}}
.bt-card.bt-card .bt-muted{{opacity:.68}}
.bt-card.bt-card .bt-bar{{height:6px;border-radius:3px;background:var(--bt-soft);overflow:hidden;margin:9px 0 7px}}
.bt-card.bt-card .bt-bar div{{height:100%;border-radius:3px;background:currentColor}}
.bt-card.bt-card td .bt-bar{{width:90px;height:5px;margin:0;display:inline-block;vertical-align:middle}}
.bt-card.bt-card .bt-facts{{display:flex;flex-wrap:wrap;gap:2px 18px;font-variant-numeric:tabular-nums}}
.bt-card.bt-card .bt-note{{margin-top:6px;overflow-wrap:anywhere}}
.bt-card.bt-card svg{{display:block;margin:12px 0 2px;max-width:100%;height:auto}}
.bt-card.bt-card svg .h0{{fill:var(--bt-soft)}}
.bt-card.bt-card svg .h1{{fill:var(--bt-done);opacity:.3}}
.bt-card.bt-card svg .h2{{fill:var(--bt-done);opacity:.5}}
.bt-card.bt-card svg .h3{{fill:var(--bt-done);opacity:.75}}
.bt-card.bt-card svg .h4{{fill:var(--bt-done)}}
.bt-card.bt-card svg .un{{fill:none;stroke:var(--bt-soft)}}
.bt-card.bt-card .bt-small{{font-size:11px}}
.bt-card.bt-card details{{margin-top:8px;border-top:1px solid var(--bt-line);padding-top:6px}}
.bt-card.bt-card summary{{cursor:pointer;font-weight:600}}
.bt-card.bt-card table{{border-collapse:collapse;border:0;width:100%;margin:4px 0 0;font-size:12px;
font-variant-numeric:tabular-nums;table-layout:auto;color:inherit}}
.bt-card.bt-card tr:nth-child(n){{background:none}}
.bt-card.bt-card th,.bt-card.bt-card td{{text-align:left;padding:2px 14px 2px 0;border:0;vertical-align:baseline;
white-space:nowrap;color:inherit;background:none}}
.bt-card.bt-card th{{font-weight:500;opacity:.68}}
.bt-card.bt-card .bt-wide{{white-space:normal;overflow-wrap:anywhere;width:50%}}
.bt-card.bt-card .bt-num{{text-align:right}}
</style>"""
"""One element, to be put into a card."""
