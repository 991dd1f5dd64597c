"""A smaller vocabulary: the word pieces that given texts use, and what any other text needs to be tokenised at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer

from pactag.errors import ModelFolderError
from pactag.model_folder import Tokens

_CONTINUES = "##"
_TEXTS_AT_ONCE = 1000


def used_pieces(tokenizer: Tokenizer, texts: Iterable[str]) -> set[int]:
    """The ids of the word pieces that texts are made of."""
    used: set[int] = set()
    part: list[str] = []
    for text in texts:
        part.append(text)
        if len(part) == _TEXTS_AT_ONCE:
            used |= _ids(tokenizer, part)
            part = []
    return used | _ids(tokenizer, part)


def kept_pieces(tokenizer: Tokenizer, used: set[int]) -> list[int]:
    """The ids to keep, in order: those used, special tokens, and every single character, at the start of a word and within.

    A text whose pieces are all kept is tokenised as before, since the longest piece that fits is still the same; any other is made of
    shorter ones.

    :raises ModelFolderError: for a tokenizer that is not of the kind WordPiece.
    """
    spec = json.loads(tokenizer.to_str())
    if spec["model"]["type"] != "WordPiece":
        fix = "Export without --vocabulary"
        raise ModelFolderError("its tokenizer", f"is of the kind {spec['model']['type']}, of which no vocabulary can be cut", fix)
    pieces: dict[str, int] = spec["model"]["vocab"]
    special = {int(token["id"]) for token in spec["added_tokens"]} | {pieces[spec["model"]["unk_token"]]}
    single = {number for piece, number in pieces.items() if len(piece.removeprefix(_CONTINUES)) == 1}
    return sorted(used | special | single)


def cut_tokenizer(tokenizer: Tokenizer, kept: Sequence[int]) -> Tokenizer:
    """The tokenizer with the pieces `kept` alone; piece `kept[i]` gets the id i."""
    number = {old: new for new, old in enumerate(kept)}
    spec = json.loads(tokenizer.to_str())
    spec["model"]["vocab"] = {piece: number[old] for piece, old in spec["model"]["vocab"].items() if old in number}
    for token in spec["added_tokens"]:
        token["id"] = number[token["id"]]
    # It adds special tokens, which pactag does itself, and would name them by their old ids.
    spec["post_processor"] = None
    return Tokenizer.from_str(json.dumps(spec))


def cut_settings(settings: Tokens, kept: Sequence[int]) -> Tokens:
    """The settings with the new ids of the special tokens."""
    number = {old: new for new, old in enumerate(kept)}
    return settings.model_copy(update={name: number[getattr(settings, name)] for name in ("cls_id", "sep_id", "pad_id")})


def _ids(tokenizer: Tokenizer, texts: Sequence[str]) -> set[int]:
    return {number for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False) for number in encoding.ids}
