"""The look of the HTML page, and its filters: both are style rules made from the schema."""

from __future__ import annotations

from pactag.schema import Label, Schema

_COMMON = """\
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --soft: #5a5a5a; --rule: #d5d5d5; --panel: #f5f5f3; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e6e1; --paper: #16181b; --soft: #a9a9a4; --rule: #3a3d42; --panel: #22252a; }
}
* { box-sizing: border-box; }
html { scroll-padding: 7rem 0 5rem; }
body { margin: 0 auto; max-width: 44rem; padding: 1rem 1rem 5rem; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.7 Georgia, "Times New Roman", serif; overflow-wrap: anywhere; }
h1, h2, .filters, .count, footer, details, .chip, .doubt, [data-scores]::after {
  font-family: system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
h1 { font-size: 1.25rem; line-height: 1.3; margin: .5rem 0; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.5rem 0 0; }
p { margin: 0 0 1rem; }
p:empty { display: none; }
.count, footer, details { color: var(--soft); font-size: .875rem; line-height: 1.5; }
.count { margin-bottom: .75rem; }
footer { border-top: 1px solid var(--rule); margin-top: 2.5rem; padding-top: .75rem; }
summary { cursor: pointer; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem .75rem; margin: .5rem 0; }
dt { font-weight: 600; color: var(--ink); }
dd { margin: 0; }
.filters { position: sticky; top: 0; z-index: 1; background: var(--paper); border-bottom: 1px solid var(--rule);
  padding: .6rem 0; margin-top: .5rem; font-size: .9375rem; line-height: 1.4; }
fieldset { border: 0; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
legend { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
.filters label { display: inline-flex; align-items: center; gap: .3rem; cursor: pointer; min-height: 1.75rem; }
.filters input { width: 1.05rem; height: 1.05rem; margin: 0; accent-color: var(--ink); }
.filters .chip { margin: 0; }
dt .chip { margin-inline-end: .4rem; }
.chip { display: inline-block; min-width: 1.35em; padding: 0 .3em; margin-inline-end: .3em; border: 1px solid transparent;
  border-radius: .25em; font-size: .75em; font-weight: 700; line-height: 1.5; text-align: center; vertical-align: .1em;
  user-select: none; }
.heard { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; white-space: nowrap; }
mark { color: inherit; background: var(--tint, transparent); border-bottom: 2px solid var(--line, transparent);
  padding: .1em .15em; border-radius: .15em; -webkit-box-decoration-break: clone; box-decoration-break: clone; }
/* Inline, so that no line ends between a chip and its sentence. */
mark .chip { display: none; padding-block: .1em; }
.doubt { display: none; margin-inline-start: .4em; color: var(--soft); font-size: .75em; line-height: 1.5; white-space: nowrap;
  user-select: none; }
[data-scores]:focus-visible, summary:focus-visible, input:focus-visible { outline: 2px solid var(--ink); outline-offset: 2px; }
[data-scores]:is(:hover, :focus)::after { content: attr(data-scores); position: fixed; inset: auto 0 0; z-index: 2; padding: .7rem 1rem;
  background: var(--panel); color: var(--ink); border-top: 1px solid var(--rule); text-align: center; font-size: .9375rem;
  line-height: 1.5; font-variant-numeric: tabular-nums; }
[data-scores]:hover::after { z-index: 3; }
body:has(#only:checked) :is(.plain, mark) { display: none; }
"""

_PRINT = """\
@media print {
  :root { --ink: #000; --paper: #fff; --soft: #444; --rule: #999; }
  body { max-width: none; padding: 0; font-size: 11pt; line-height: 1.5; }
  .filters { position: static; }
  .filters input, .only, details { display: none !important; }
  [data-scores]::after { content: none !important; }
  mark, .chip { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  mark .chip::after { content: "\\a0" attr(data-score); font-weight: 400; }
  h2 { break-after: avoid; }
  p { orphans: 3; widows: 3; }
}
@media (forced-colors: active) {
  mark { border-bottom-color: LinkText; }
  .chip { border-color: CanvasText; }
}
"""


def style(schema: Schema) -> str:
    """The style sheet. A sentence shows a chip for each of its labels that is switched on, the background of the first and the line of the
    last; one without a label says in words which ones that are switched on are uncertain. Filters need no script, since a rule can ask
    whether a box is ticked."""
    labels = [rule for label in schema.labels for rule in _label_rules(label)]
    # Of two rules that match, the later one wins.
    tints = [f"{_shown(label)} {{ --tint: var(--tint-{label.name}); }}" for label in reversed(schema.labels)]
    lines = [f"{_shown(label)} {{ --line: var(--line-{label.name}); }}" for label in schema.labels]
    dark = [f"  :root {{ --tint-{label.name}: {label.color}66; --line-{label.name}: {_lighter(label.color)}; }}" for label in schema.labels]
    at_night = ["@media screen and (prefers-color-scheme: dark) {", *dark, "}"]
    return _COMMON + "\n".join([*labels, *tints, *lines, *at_night, ""]) + _PRINT


def _label_rules(label: Label) -> list[str]:
    name = label.name
    return [
        f":root {{ --tint-{name}: {label.color}24; --line-{name}: {label.color}; }}",
        f".chip.is-{name} {{ background: {label.color}; color: {_readable_on(label.color)}; }}",
        f"body:has(#show-{name}:checked) mark .chip.is-{name} {{ display: inline; }}",
        f"body:has(#show-{name}:checked) .doubt.is-{name} {{ display: inline; }}",
        f"body:has(#only:checked):has(#show-{name}:checked) mark.is-{name} {{ display: block; margin: 0 0 .75rem; }}",
    ]


def _shown(label: Label) -> str:
    return f"body:has(#show-{label.name}:checked) mark.is-{label.name}"


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _lighter(color: str) -> str:
    """Halfway to white, for lines on a dark page."""
    return "#" + "".join(f"{(channel + 255) // 2:02x}" for channel in _channels(color))


def _readable_on(color: str) -> str:
    """Black or white, whichever has the greater contrast on a colour (WCAG 2.2, relative luminance)."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in (c / 255 for c in _channels(color))]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000" if (luminance + 0.05) ** 2 > 0.05 * 1.05 else "#fff"
