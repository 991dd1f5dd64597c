"""The page of the demo, and what its buttons do. All that is remembered is in the session of the browser tab."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pactag.articles import Article
from pactag.demo import markup, style
from pactag.demo.session import MOST_ARTICLES, Session, explained, judgements, opened, pasted
from pactag.errors import MissingExtraError, PactagError
from pactag.inputs import read_articles
from pactag.schema import Schema
from pactag.tagging import Tagger
from pactag.whole_files import write_whole

HOST, PORT = "127.0.0.1", 7860
_DOWNLOAD = "corrections.jsonl"
_HOW_TO = "`pactag data add corrections.jsonl --to CORPUS --readers 1` takes them; with corrections only, add `--partial`"


def build(tagger: Tagger) -> Any:
    """The page as a `gradio.Blocks`, not yet started.

    :raises MissingExtraError: when Gradio is not installed.
    """
    folder = tempfile.TemporaryDirectory(prefix="pactag-demo-")
    # Read when Gradio is imported, and later: it reports nothing to anybody, and what is uploaded and downloaded goes with the page.
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": os.path.realpath(folder.name)}
    try:
        import gradio as gr
    except ModuleNotFoundError:
        folder.cleanup()
        raise MissingExtraError("The demo", "demo") from None
    acts = Actions(gr, tagger, folder)
    names = list(tagger.schema.names)
    with gr.Blocks(title="pactag", analytics_enabled=False) as page:
        session, place = gr.State(Session()), gr.State((0, 0, None))
        gr.Markdown(f"# pactag\n{markup.literal(tagger.schema.title)}: the sentences of an article that carry one of {len(names)} labels.")
        with gr.Tabs():
            with gr.Tab("Text"):
                title = gr.Textbox(label="Title, if any", max_lines=1, elem_id="title")
                text = gr.Textbox(label="Article", lines=6, max_lines=10, placeholder="Paste an article", elem_id="text")
                with gr.Row():
                    tag_text = gr.Button("Tag", variant="primary", elem_id="tag-text")
                    example = gr.Button("Fill in an example", elem_id="example")
            with gr.Tab("Address"):
                address = gr.Textbox(label="Address of a page", placeholder="https://", max_lines=1, elem_id="address")
                tag_address = gr.Button("Fetch and tag", variant="primary", elem_id="tag-address")
            with gr.Tab("File"):
                file = gr.File(label="Text, HTML, JSONL, CSV or Parquet", type="filepath", elem_id="file")
                tag_file = gr.Button("Tag", variant="primary", elem_id="tag-file")
        status = gr.Markdown(elem_classes="status", elem_id="status", latex_delimiters=[])
        with gr.Row(visible=False) as result:
            with gr.Column(scale=3, min_width=200):
                which = gr.Dropdown(label="Article", visible=False, elem_id="which")
                article = gr.HTML(js_on_load=style.SENTENCE_KEYS, elem_id="article", padding=False, apply_default_css=False)
                with gr.Row(visible=False) as pages:
                    before = gr.Button("Earlier sentences", elem_id="before")
                    after = gr.Button("Later sentences", elem_id="after")
            with gr.Column(scale=2, min_width=200, elem_classes="side"):
                details = gr.HTML(acts.advice, elem_classes="details", elem_id="details", padding=False, apply_default_css=False)
                labels = gr.CheckboxGroup(names, label="Correct its labels", visible=False, elem_id="labels")
                with gr.Accordion("Download corrections", open=False):
                    annotator = gr.Textbox(label="Your name", max_lines=1, elem_id="annotator")
                    all_read = gr.Checkbox(
                        label="I have read every sentence: download all labels, not only corrections", elem_id="all-read"
                    )
                    save = gr.Button("Prepare the file", elem_id="save")
                    download = gr.DownloadButton("Download", visible=False, elem_id="download")
                    gr.Markdown(_HOW_TO)
        shown = [session, place, status, result, which, article, pages, details, labels, download]
        gr.on([tag_text.click, title.submit], acts.tag_text, [session, text, title], shown)
        example.click(lambda: acts.example, None, [text], show_progress="hidden")
        gr.on([tag_address.click, address.submit], acts.tag_address, [session, address], shown)
        tag_file.click(acts.tag_file, [session, file], shown)
        moved = [place, article, pages, details, labels]
        which.input(acts.go_to, [session, which], moved)
        before.click(acts.earlier, [session, place], moved)
        after.click(acts.later, [session, place], moved)
        # Hidden: a veil over the article would take the focus from whoever reads with the keyboard.
        article.select(_with_event(acts.choose, gr.EventData), [session, place], [place, details, labels], show_progress="hidden").then(
            None, None, None, js=style.SHOW_DETAILS
        )
        labels.input(acts.correct, [session, place, labels], [session, article, status, download], show_progress="hidden")
        save.click(acts.save, [session, annotator, all_read], [session, download, status])
    return page


def serve(tagger: Tagger, *, host: str = HOST, port: int = PORT, open_browser: bool = False, wait: bool = True) -> Any:
    """Start the demo; by default only this machine reaches it. Never a public link.

    :param wait: until it is stopped; else the running page is returned, to `close()`.
    :raises PactagError: when the port is taken, or the host is none of this machine.
    """
    page = build(tagger)
    import gradio as gr
    import httpx

    # Fonts of the system: nothing is fetched from anywhere.
    fonts = ["system-ui", "Segoe UI", "Roboto", "sans-serif"]
    theme = gr.themes.Base(font=fonts, font_mono=["ui-monospace", "monospace"])
    try:
        with _no_proxies():
            page.queue(default_concurrency_limit=1).launch(
                server_name=host,
                server_port=port,
                share=False,
                inbrowser=open_browser,
                prevent_thread_lock=True,
                quiet=True,
                footer_links=[],
                ssr_mode=False,
                theme=theme,
                css=style.CSS,
                show_error=True,
            )
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as bad:
        page.close(verbose=False)
        fix = "Choose another with --port, or another address of this machine with --host"
        raise PactagError(f"port {port} of {host}", f"cannot be used ({bad})", fix) from None
    if wait:
        page.block_thread()
    return page


@contextmanager
def _no_proxies() -> Iterator[None]:
    """Gradio asks itself whether it is there, and a proxy of the environment does not know this machine."""
    names = ("NO_PROXY", "no_proxy")
    before = {name: os.environ[name] for name in names if name in os.environ}
    os.environ |= dict.fromkeys(names, "*")
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name)
        os.environ |= before


class Actions:
    """What happens at each event; every method returns the new values of the components that it is wired to."""

    advice = "<p>Choose a sentence with the mouse, or with Tab, the arrows and Enter, to see its scores and to correct it.</p>"

    def __init__(self, gr: Any, tagger: Tagger, folder: tempfile.TemporaryDirectory[str]) -> None:
        """:param folder: for downloads; it is removed with this object, at the latest when the process ends."""
        self._gr = gr
        self._tagger = tagger
        self._schema: Schema = tagger.schema
        self._folder = folder
        self.example = " ".join(rule.example for label in self._schema.labels for rule in (*label.rules_in[:1], *label.rules_out[:1]))

    def tag_text(self, before: Session, text: str, title: str) -> list[Any]:
        """Pasted text."""
        return self._open(before, lambda: iter([pasted(text or "", title or "")]))

    def tag_address(self, before: Session, address: str) -> list[Any]:
        """A page of the public web; `pactag.inputs` refuses every other address."""
        if not (address or "").strip().lower().startswith(("http://", "https://")):
            return self._open(before, lambda: _refuse("address", "does not begin with http:// or https://", "Give that of a page"))
        return self._open(before, lambda: read_articles([address.strip()]))

    def tag_file(self, before: Session, file: str | None) -> list[Any]:
        """An uploaded file of any kind that `pactag tag` reads."""
        if not file:
            return self._open(before, lambda: _refuse("file", "is none", "Choose one"))
        return self._open(before, lambda: read_articles([Path(file)]))

    def _open(self, before: Session, articles: Callable[[], Iterator[Article]]) -> list[Any]:
        """Other articles. What was corrected is not lost by a slip: an error changes the status alone, and a first try is asked back."""
        gr = self._gr
        if not before.kept:
            told = f"**{len(before.corrections)} corrected sentences would be lost.** Prepare their file below, or press again to go on"
            return [replace(before, kept=True), gr.skip(), told, *(gr.skip() for _ in range(7))]
        try:
            session, more = opened(articles(), self._tagger)
        except PactagError as error:
            return [gr.skip(), gr.skip(), _told(error), *(gr.skip() for _ in range(7))]
        found = [sentence for article in session.articles for sentence in article.sentences]
        acts = sum(bool(sentence.labels) for sentence in found)
        status = f"{acts} of {len(found)} sentences carry a label" + (f"; only the first {MOST_ARTICLES} articles are here" if more else "")
        choices = [(f"{number + 1}. {article.title or article.id}"[:80], number) for number, article in enumerate(session.articles)]
        which = gr.update(choices=choices, value=0, visible=len(choices) > 1)
        place, article, pages, details, labels = self._at(session, 0, 0)
        return [session, place, status, gr.update(visible=True), which, article, pages, details, labels, gr.update(visible=False)]

    def go_to(self, session: Session, number: int) -> list[Any]:
        """Another article."""
        return self._at(session, number, 0)

    def earlier(self, session: Session, place: tuple[int, int, int | None]) -> list[Any]:
        """The sentences before those shown."""
        return self._at(session, place[0], max(0, place[1] - markup.SENTENCES_AT_ONCE))

    def later(self, session: Session, place: tuple[int, int, int | None]) -> list[Any]:
        """The sentences after those shown."""
        number, first, _ = place
        further = first + markup.SENTENCES_AT_ONCE
        return self._at(session, number, further if further < len(session.articles[number].sentences) else first)

    def _at(self, session: Session, number: int, first: int) -> list[Any]:
        gr = self._gr
        content = markup.article(session, number, self._schema, first=first)
        many = len(session.articles[number].sentences) > markup.SENTENCES_AT_ONCE
        return [(number, first, None), content, gr.update(visible=many), self.advice, gr.update(visible=False)]

    def choose(self, session: Session, place: tuple[int, int, int | None], event: Any) -> list[Any]:
        """A sentence was chosen: its scores, its words, its labels."""
        number, first, _ = place
        index = int(event.index)
        words = explained(session, (number, index), self._tagger)
        details = markup.details(session, (number, index), words, self._tagger.manifest.thresholds, self._schema)
        labels = self._gr.update(value=list(session.labels((number, index))), visible=True)
        return [(number, first, index), details, labels]

    def correct(self, session: Session, place: tuple[int, int, int | None], labels: list[str]) -> list[Any]:
        """Other labels for the chosen sentence. A file that was prepared before is out of date."""
        number, first, index = place
        if index is not None:
            session = session.corrected((number, index), labels, self._schema)
        content = markup.article(session, number, self._schema, first=first, chosen=index)
        return [session, content, f"{len(session.corrections)} sentences corrected", self._gr.update(visible=False)]

    def save(self, session: Session, annotator: str, all_read: bool) -> list[Any]:
        """Write the corrections where the browser can fetch them."""
        gr = self._gr
        try:
            found = judgements(session, self._schema, annotator=annotator or "", all_read=all_read)
        except PactagError as error:
            return [session, gr.update(visible=False), _told(error)]
        path = Path(tempfile.mkdtemp(dir=self._folder.name)) / _DOWNLOAD
        write_whole(path, "".join(one.to_json() + "\n" for one in found))
        return [replace(session, kept=True), gr.update(value=str(path), visible=True), f"{len(found)} judgements are ready to download"]


def _with_event(method: Callable[..., Any], kind: type) -> Callable[..., Any]:
    """Gradio gives the event to a parameter that is annotated so; its classes are known only once it is imported."""

    def chosen(session: Session, place: tuple[int, int, int | None], event: Any) -> Any:
        return method(session, place, event)

    chosen.__annotations__ = {"event": kind}
    return chosen


def _refuse(where: str, found: str, fix: str) -> Iterator[Article]:
    raise PactagError(where, found, fix)


def _told(error: PactagError) -> str:
    """Every problem on a line of its own, as Markdown that shows it to the letter."""
    return "\n\n".join(f"**error** {markup.literal(str(problem) if problem.found else problem.where)}" for problem in error.problems[:10])
