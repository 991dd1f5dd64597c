"""The look and the keys of the demo."""

from __future__ import annotations

# `--colour` comes from the schema; it is mixed with the ink and the paper of the theme, so that both themes are readable.
CSS = """
.gradio-container { max-width: 76rem !important; margin: 0 auto; }
.article { font: 1.0625rem/1.75 Georgia, "Times New Roman", serif; color: var(--body-text-color); overflow-wrap: anywhere; }
.article h2 { font-size: 1.35rem; line-height: 1.3; margin: .75rem 0; }
.article p { margin: 0 0 1rem; }
.legend { display: flex; flex-wrap: wrap; gap: .35rem 1.1rem; list-style: none; margin: 0 0 1rem; padding: 0;
  font: .9rem/1.5 system-ui, sans-serif; }
.legend li { margin: 0; }
.mark { display: inline-block; min-width: 1.5em; padding: 0 .3em; margin-inline-start: .3em; border-radius: .25em; text-align: center;
  font: 700 .75em/1.5 system-ui, sans-serif; background: var(--colour); color: #fff; vertical-align: .1em; }
.sentence { cursor: pointer; border-radius: .2em; padding: .1em .15em; border-bottom: 2px solid transparent;
  -webkit-box-decoration-break: clone; box-decoration-break: clone; }
/* Inline, so that no line ends between a sentence and its letters. */
.sentence .mark { display: inline; }
.sentence:hover { background: color-mix(in srgb, var(--body-text-color) 8%, transparent); }
.sentence.act { background: color-mix(in srgb, var(--colour) 16%, transparent); border-bottom-color: var(--colour); }
.sentence.corrected { border-bottom-style: dashed; border-bottom-color: var(--colour, var(--body-text-color)); }
.sentence.chosen, .sentence:focus-visible { outline: 2px solid var(--body-text-color); outline-offset: 1px; }
.said { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; white-space: nowrap; }
.details { color: var(--body-text-color); overflow-wrap: anywhere; --soft: color-mix(in srgb, var(--body-text-color) 72%, transparent); }
.details blockquote { margin: 0 0 .75rem; padding: 0; border: 0; font: 1.0625rem/1.7 Georgia, "Times New Roman", serif; }
.details .word { border-radius: .15em; background: color-mix(in srgb, var(--colour) calc(var(--strength) * 70% + 8%), transparent);
  border-bottom: 2px solid var(--colour); }
.details table { width: 100%; border-collapse: collapse; font-size: .9rem; line-height: 1.5; }
.details caption { text-align: start; color: var(--soft); padding-bottom: .4rem; }
.details th { text-align: start; font-weight: 600; }
.details :is(th, td) { padding: .25rem .35rem; }
.details :is(th, .number) { white-space: nowrap; }
.details th .mark { margin-inline-start: 0; }
.details tr.words td { padding: 0 .35rem .6rem; border-bottom: 1px solid var(--border-color-primary); color: var(--soft); }
.details tr.words q { color: var(--body-text-color); }
.details .number { text-align: end; font-variant-numeric: tabular-nums; }
.details td:has(.bar) { width: 40%; min-width: 2.5rem; }
.details .back { display: none; color: inherit; text-decoration: underline; }
.side { position: sticky; top: 1rem; align-self: flex-start; }
.bar { display: block; position: relative; height: .7rem; border-radius: .2rem; overflow: hidden;
  background: color-mix(in srgb, var(--body-text-color) 14%, transparent); }
.bar::before { content: ""; position: absolute; inset: 0 auto 0 0; width: calc(var(--score) * 100%); background: var(--colour); }
.bar::after { content: ""; position: absolute;
  inset: 0 auto 0 calc(var(--threshold) * 100%); width: 2px; background: var(--body-text-color); }
@media (max-width: 30rem) {
  .details :is(td:has(.bar), th:nth-child(2)) { display: none; }
  .details tr :is(th, td) { padding-inline: .2rem; }
}
/* The narrowest width at which a page must do without sideways scrolling (WCAG 2.2, 1.4.10). */
@media (max-width: 22rem) { .details table { font-size: .78rem; } .details tr :is(th, td) { padding-inline: .1rem; } }
.status:empty { display: none; }
.status p { margin: 0; }
@media (max-width: 48rem) {
  .gradio-container, .gradio-container > .main { padding: .25rem !important; max-width: 100vw; box-sizing: border-box; }
  .side { position: static; }
  .details .back { display: inline-block; padding: .5rem 0; }
}
"""

# Sentences answer to the mouse and to the keys; one of them is in the tab order, arrows go to its neighbours. A choice made by Python
# arrives as a new value: then the focus goes back to where it was.
SENTENCE_KEYS = """
let kept = false;
const all = () => [...element.querySelectorAll('[data-index]')];
const at = (target) => target.closest('[data-index]');
function choose(one) {
  for (const other of all()) {
    const same = other === one;
    other.classList.toggle('chosen', same);
    other.setAttribute('aria-pressed', same);
    other.tabIndex = same ? 0 : -1;
  }
  trigger('select', { index: Number(one.dataset.index), value: one.dataset.index });
}
element.addEventListener('click', (event) => { const one = at(event.target); if (one) choose(one); });
element.addEventListener('keydown', (event) => {
  const one = at(event.target);
  if (!one || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); choose(one); return; }
  const list = all(), here = list.indexOf(one);
  const steps = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: list.length - 1 };
  const next = steps[event.key];
  if (next === undefined || !list[next]) return;
  event.preventDefault();
  one.tabIndex = -1; list[next].tabIndex = 0; list[next].focus();
});
element.addEventListener('focusin', () => { kept = true; });
element.addEventListener('focusout', (event) => { if (event.relatedTarget) kept = false; });
watch('value', () => { if (kept) element.querySelector('[data-index][tabindex="0"]')?.focus({ preventScroll: true }); });
"""

# On a phone what there is to say stands below the article: it is brought into view.
SHOW_DETAILS = """
() => {
  if (matchMedia('(max-width: 48rem)').matches) document.getElementById('details').scrollIntoView({ block: 'start' });
}
"""
