"""From sentences to padded batches of token ids. No torch here: training, prediction and exported models share this code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from pactag.errors import ModelFolderError
from pactag.model_folder import Tokens
from pactag.sentences import SentenceInput

# A batch of long sentences holds fewer of them, so that memory stays flat.
MAX_BATCH_SENTENCES = 64
MAX_BATCH_TOKENS = 4096
# No sentence that is worth tagging has more characters; cutting here keeps a megabyte without a full stop from being tokenised whole.
_CHARACTERS_PER_TOKEN = 16
_NO_LIMIT = 100_000


@dataclass(frozen=True)
class Encoded:
    """Token ids of one input; `ids[start:end]` is the part that is pooled."""

    ids: list[int]
    start: int
    end: int


@dataclass(frozen=True)
class Batch:
    """A padded batch, arrays of shape `(sentences, tokens)`, int64: ids, attention mask, and the mask of what is pooled."""

    ids: np.ndarray
    attention: np.ndarray
    pool: np.ndarray


class SentenceTokenizer:
    """Turns `SentenceInput` into ids: `[CLS] title [SEP] context [SEP] sentence [SEP]`, absent parts left out.

    The sentence is cut last: first the context loses its oldest tokens, then the title its last ones.
    """

    def __init__(self, tokenizer: Tokenizer, settings: Tokens) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.settings = settings

    @classmethod
    def from_file(cls, path: Path, settings: Tokens) -> SentenceTokenizer:
        """Read a `tokenizer.json`.

        :raises ModelFolderError: for anything else.
        """
        return cls(read_tokenizer(path), settings)

    def cut_to(self, texts: Iterable[str]) -> tuple[SentenceTokenizer, list[int]]:
        """A tokenizer with the word pieces that texts use, and the old ids of its pieces, in the order of the new ones.

        :raises ModelFolderError: for a tokenizer of which no vocabulary can be cut.
        """
        from pactag.models.vocabulary import cut_settings, cut_tokenizer, kept_pieces, used_pieces

        kept = kept_pieces(self._tokenizer, used_pieces(self._tokenizer, texts))
        return SentenceTokenizer(cut_tokenizer(self._tokenizer, kept), cut_settings(self.settings, kept)), kept

    def save(self, path: Path) -> None:
        """Write a `tokenizer.json`."""
        # On one line: the indents of a vocabulary are a third of it.
        self._tokenizer.save(str(path), pretty=False)

    def encode(self, inputs: Sequence[SentenceInput]) -> list[Encoded]:
        """One `Encoded` per input, in order."""
        # Only a sentence without end is cut here: each text by what it is to its input, whatever it is to another one.
        cut = {part for item in inputs for part in (self._start(item.text), self._start(item.title or ""), *map(self._end, item.before))}
        ordered = sorted(cut - {""})
        encodings = self._tokenizer.encode_batch_fast(ordered, add_special_tokens=False)
        ids = {text: encoding.ids for text, encoding in zip(ordered, encodings, strict=True)}
        return [self._assemble(item, ids) for item in inputs]

    def _start(self, text: str) -> str:
        return text[: self.settings.max_tokens * _CHARACTERS_PER_TOKEN]

    def _end(self, text: str) -> str:
        """Of a context the end is what stands nearest."""
        return text[-self.settings.max_tokens * _CHARACTERS_PER_TOKEN :]

    def lengths(self, inputs: Sequence[SentenceInput]) -> np.ndarray:
        """Tokens of each input before anything is cut, shape `(len(inputs),)`."""
        uncut = SentenceTokenizer(self._tokenizer, self.settings.model_copy(update={"max_tokens": _NO_LIMIT}))
        return np.array([len(item.ids) for item in uncut.encode(inputs)], dtype=int)

    def _assemble(self, item: SentenceInput, ids: dict[str, list[int]]) -> Encoded:
        settings = self.settings
        sentence = ids.get(self._start(item.text), [])[: settings.max_tokens - 2]
        room = settings.max_tokens - 2 - len(sentence)
        before = [token for text in item.before for token in ids.get(self._end(text), [])]
        title = ids.get(self._start(item.title), []) if item.title else []
        # Each part that is there costs its separator as well.
        title = title[: max(0, room - 1)]
        room -= len(title) + bool(title)
        before = before[-(room - 1) :] if room > 1 else []
        head = [settings.cls_id]
        for part in (title, before):
            if part:
                head += [*part, settings.sep_id]
        alone = len(head) == 1
        whole = [*head, *sentence, settings.sep_id]
        if settings.pooling == "first":
            return Encoded(whole, 0, 1)
        # Alone, the sentence is pooled with its special tokens, as sentence encoders are trained; in context, without the context.
        return Encoded(whole, 0 if alone else len(head), len(whole))


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a `tokenizer.json`.

    :raises ModelFolderError: for anything else.
    """
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:
        # The library has no class of its own for what it raises.
        if type(error) is not Exception:
            raise
        found = f"is no tokenizer that can be read ({str(error)[:100]})"
        raise ModelFolderError(str(path), found, "Restore the whole folder") from None


def batches(
    encoded: Sequence[Encoded],
    pad_id: int,
    *,
    max_sentences: int = MAX_BATCH_SENTENCES,
    max_tokens: int = MAX_BATCH_TOKENS,
    same_length: bool = False,
) -> Iterator[tuple[np.ndarray, Batch]]:
    """Batches of inputs of similar length, each with the positions that its rows had in `encoded`.

    :param same_length: only inputs of exactly the same length share a batch, so that nothing is padded.
    """
    order = np.argsort([len(item.ids) for item in encoded], kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and stop - start < max_sentences:
            length = len(encoded[order[stop]].ids)
            if length * (stop - start + 1) > max_tokens or (same_length and length > len(encoded[order[start]].ids)):
                break
            stop += 1
        chosen = order[start:stop]
        yield chosen, pad([encoded[i] for i in chosen], pad_id)
        start = stop


def pad(items: Sequence[Encoded], pad_id: int) -> Batch:
    """Pad to the longest of the items."""
    shape = (len(items), max(len(item.ids) for item in items))
    ids = np.full(shape, pad_id, dtype=np.int64)
    attention = np.zeros(shape, dtype=np.int64)
    pool = np.zeros(shape, dtype=np.int64)
    for row, item in enumerate(items):
        ids[row, : len(item.ids)] = item.ids
        attention[row, : len(item.ids)] = 1
        pool[row, item.start : item.end] = 1
    return Batch(ids, attention, pool)
