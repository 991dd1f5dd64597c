"""`pactag demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from pactag.cli.models import DEFAULT_MODEL, ModelOption, StoreOption, load_tagger
from pactag.cli.show import note


def demo(
    model: ModelOption = DEFAULT_MODEL,
    host: Annotated[str, typer.Option(help="Address to listen on. Others reach the demo only when you change it.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 7860,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    tracking_uri: StoreOption = None,
) -> None:
    """Try a model in the browser: paste an article, see what carries a label and why, correct it, download the corrections."""
    tagger = load_tagger(model, tracking_uri)
    from pactag.demo.page import serve

    note(f"pactag demo on http://{host}:{port}; stop it with Ctrl-C")
    serve(tagger, host=host, port=port, open_browser=open_browser)
