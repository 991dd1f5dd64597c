"""A comparison as one page of HTML that needs nothing else: no script, no file beside it, no address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from pactag.comparison import ChangedParam, Comparison, Figure, Pair, SentenceDifference
from pactag.overwriting import check_same_kind

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --quiet: #5c6670; --line: #d9dee3; --paper: #ffffff; --mark: #2f6690; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7ea; --quiet: #9aa5b0; --line: #3a424a; --paper: #16191c; --mark: #7fb2d9; }
}
body { margin: 2rem auto; max-width: 64rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
.quiet, caption { color: var(--quiet); } code { overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.chart { width: 14rem; } svg { display: block; width: 14rem; height: 1.2rem; }
svg .zero { stroke: var(--quiet); stroke-dasharray: 2 2; } svg .range { stroke: var(--mark); stroke-width: 2; }
svg circle { fill: var(--mark); }
"""
_HEADING = "<h1>Comparison of runs</h1>"


def check_replaceable(path: Path) -> None:
    """Refuse to write a page over anything else, other pages of pactag included.

    :raises PactagError: when a file stands there that is no `comparison_page`.
    """
    check_same_kind(path, re.compile(rb"<!DOCTYPE html>.*" + re.escape(_HEADING).encode(), re.DOTALL), "comparison of runs")


def comparison_page(comparison: Comparison) -> str:
    """The page. Everything that comes from runs is escaped."""
    base = comparison.baseline
    parts = [
        _HEADING,
        f"<p>Every run against <strong>{escape(base.short)}</strong>, on {len(base.ids)} test sentences of "
        f"{len(set(base.articles))} articles (test data <code>{escape(base.digest)}</code>).</p>",
        '<p class="quiet">Intervals: 95%, paired bootstrap over articles. p: two-sided, the two systems swapped article by article; '
        "not corrected for looking at several labels or runs.</p>",
        *(_pair(pair) for pair in comparison.pairs),
    ]
    title = escape(" and ".join([base.short, *(pair.run.short for pair in comparison.pairs)]))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def _pair(pair: Pair) -> str:
    size = len(pair.run.ids)
    return "\n".join(
        [
            f"<h2>{escape(pair.run.short)}: {escape(pair.verdict)}</h2>",
            _figures(pair.figures),
            f"<p>{pair.changed} of {size} sentences changed: {pair.mended} mended, {pair.broken} broken, {pair.still_wrong} still wrong in "
            "another way.</p>",
            _params(pair.params),
            _sentences(pair.sentences),
        ]
    )


def _figures(figures: Sequence[Figure]) -> str:
    # One scale for all rows, 0 in the middle.
    reach = max([0.01, *(abs(value) for figure in figures for value in (figure.low, figure.high, figure.difference))])
    rows = (
        [
            f'<th scope="row">{escape(figure.title)}</th>',
            *(_number(text) for text in (f"{figure.baseline:.3f}", f"{figure.run:.3f}", f"{figure.difference:+.3f}")),
            _number(f"{figure.low:+.3f} to {figure.high:+.3f}"),
            _number(f"{figure.p:.3g}"),
            f'<td class="chart">{_chart(figure, reach)}</td>',
        ]
        for figure in figures
    )
    heads = ["F1", "#baseline", "#run", "#difference", "#95% interval", "#p", f"from {-reach:+.2f} to {reach:+.2f}"]
    return _table("F1 of both runs, and the difference", heads, rows)


def _chart(figure: Figure, reach: float) -> str:
    low, middle, high = (50 + 48 * value / reach for value in (figure.low, figure.difference, figure.high))
    label = f"{figure.title}: {figure.difference:+.3f}, from {figure.low:+.3f} to {figure.high:+.3f}"
    return (
        f'<svg role="img" aria-label="{escape(label)}">'
        '<line class="zero" x1="50%" x2="50%" y1="0" y2="100%"/>'
        f'<line class="range" x1="{low:.1f}%" x2="{high:.1f}%" y1="50%" y2="50%"/><circle cx="{middle:.1f}%" cy="50%" r="4"/></svg>'
    )


def _params(params: Sequence[ChangedParam]) -> str:
    if not params:
        return "<p>No parameter differs.</p>"
    rows = ([f'<th scope="row">{escape(item.name)}</th>', _value(item.baseline), _value(item.run)] for item in params)
    return _table("Changed parameters", ["parameter", "baseline", "run"], rows)


def _sentences(sentences: Sequence[SentenceDifference]) -> str:
    if not sentences:
        return "<p>Both runs give every sentence the same scores.</p>"
    rows = (
        [
            f'<td>{escape(item.text)}<br><span class="quiet">{escape(item.id)}</span></td>',
            *(f"<td>{escape(_names(names))}</td>" for names in (item.gold, item.baseline, item.run)),
            f"<td>{escape(item.label)}<br>{item.baseline_score:.2f} to {item.run_score:.2f}</td>",
            f"<td>{escape(item.change)}</td>",
        ]
        for item in sentences
    )
    heads = ["sentence", "gold", "baseline", "run", "score that moved most", "change"]
    return _table("Sentences whose scores differ most", heads, rows)


def _table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A head that begins with # stands over numbers."""
    head = "".join(
        f'<th scope="col"{" class=number" if name.startswith("#") else ""}>{escape(name.removeprefix("#"))}</th>' for name in heads
    )
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    table = f"<table><caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _number(text: str) -> str:
    return f'<td class="number">{escape(text)}</td>'


def _value(value: str | None) -> str:
    return '<td class="quiet">not set</td>' if value is None else f"<td><code>{escape(value)}</code></td>"


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
