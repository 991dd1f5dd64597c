"""W3C Web Annotation (https://www.w3.org/TR/annotation-model/) as JSON-LD: one annotation for each sentence with labels."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, UUID, uuid5

from pactag.outputs.base import Maker, rounded
from pactag.outputs.utf16 import utf16_offsets
from pactag.tagging import TaggedArticle

# The vocabulary has no word for a score, nor for places in UTF-16 units.
CONTEXT = [
    "http://www.w3.org/ns/anno.jsonld",
    {name: f"urn:pactag:{name}" for name in ("score", "startUtf16", "endUtf16")},
]
_IRI = re.compile(r"(https?://|urn:)\S+")
_QUOTED_AROUND = 32


def write(articles: Iterable[TaggedArticle], path: Path, maker: Maker) -> int:
    """One AnnotationPage. The same articles and model give the same bytes: ids are drawn from the content."""
    count = 0
    ids = hashlib.sha256(maker.model_id.encode())
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f'{{"@context": {json.dumps(CONTEXT)},\n"type": "AnnotationPage",\n"items": [')
        separator = "\n"
        for article in articles:
            for annotation in article_annotations(article, maker):
                file.write(separator + json.dumps(annotation, ensure_ascii=False))
                ids.update(annotation["id"].encode())
                separator = ",\n"
            count += len(article.sentences)
        file.write(f'\n],\n"id": "{uuid5(NAMESPACE_URL, ids.hexdigest()).urn}"}}\n')
    return count


def article_annotations(article: TaggedArticle, maker: Maker) -> Iterator[dict[str, Any]]:
    """The annotations of one article, without their context.

    The source is the id of the article: an address as it is, any other id as a relative one. `start` and `end` of the position count code
    points, as the standard asks; `startUtf16` and `endUtf16` count UTF-16 code units.
    """
    source = article.id if _IRI.fullmatch(article.id) else quote(article.id, safe="")
    space: UUID = uuid5(NAMESPACE_URL, f"{maker.model_id} {article.id} {hashlib.sha256(article.text.encode()).hexdigest()}")
    labelled = [(index, sentence) for index, sentence in enumerate(article.sentences) if sentence.labels]
    units = iter(utf16_offsets(article.text, [place for _, sentence in labelled for place in (sentence.start, sentence.end)]))
    for index, sentence in labelled:
        start, end = sentence.start, sentence.end
        scores = rounded(sentence)
        yield {
            "id": uuid5(space, str(index)).urn,
            "type": "Annotation",
            "motivation": "classifying",
            "generator": {"id": f"urn:pactag:{maker.model_id}", "type": "Software", "name": "pactag"},
            "body": [{"type": "TextualBody", "purpose": "classifying", "value": name, "score": scores[name]} for name in sentence.labels],
            "target": {
                "source": source,
                "selector": [
                    {"type": "TextPositionSelector", "start": start, "end": end, "startUtf16": next(units), "endUtf16": next(units)},
                    {
                        "type": "TextQuoteSelector",
                        "exact": sentence.text,
                        "prefix": article.text[max(0, start - _QUOTED_AROUND) : start],
                        "suffix": article.text[end : end + _QUOTED_AROUND],
                    },
                ],
            },
        }
