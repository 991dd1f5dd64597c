"""Buttons, notices and links of a web page that stand among its paragraphs and are no part of the article."""

from __future__ import annotations

import re

_THIS = r"(?: (?:this|the|our))?(?: (?:article|story|page|post|news))?"
# Whole blocks of a page, in lower case, without the marks around them. Each is what a page says of itself, never what an article reports.
_PATTERNS = (
    r"(?:add|post|leave|write|view|show|see|read|hide|load|join)(?: (?:a|an|your|all|the|more))*(?: \d+)?"
    r" (?:comments?|reply|replies|responses?)",
    r"(?:be the first to comment|no comments(?: yet)?|comments?(?: are closed)?|\d+ comments?|comments? ?\(?\d+\)?)",
    rf"(?:share|print|e-?mail|tweet|save|like|bookmark){_THIS}(?: (?:on|via|with|to) [\w ,]{{1,40}})?",
    r"(?:advertisements?|sponsored(?: content)?|promoted|(?:story|article) continues(?: below)?(?: (?:this )?advertisement)?)",
    r"(?:subscribe|sign up|register|log in|sign in)(?: (?:now|here|today|free))?"
    r"(?: (?:to|for) [\w' -]{1,40}(?:newsletters?|updates|alerts?|account))?",
    r"click here(?: (?:to|for)(?: [\w'’-]+){1,6})?",
    r"(?:follow|find|like) us(?: on [\w ,]{1,40})?",
    r"related(?: (?:articles?|stories|story|news|topics?|content|links))?",
    r"(?:most|more) (?:read|popular|viewed|commented|shared|stories|news)|(?:trending|recommended)(?: (?:now|stories|for you))?",
    r"read (?:more|next|also|on|the full (?:story|article))(?:: ?.{1,120})?|see also(?:: ?.{1,120})?|more on this(?: story)?",
    r"skip to (?:main )?content|back to (?:the )?top|loading|menu|search|next|previous|close",
    # With a year, the sign, or its rights: articles report on copyright, and (c) is an item of a list.
    r"(?:copyright:?(?: ©| \(c\))?|©|\(c\)) ?(?:19|20)\d\d\b.{0,100}|(?:copyright )?©.{1,100}|copyright .{1,80}\ball rights reserved",
    r"all rights reserved",
)
_BOILERPLATE = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS))
# Around them; a hyphen is what the text of a list item begins with.
_MARKS = " \t.:!…»›>|·•*-–"
# What follows the last sentence of a paragraph without an end mark of its own, as a link does.
_AFTER_LAST = re.compile(r"""(?<=[.!?"'”’)])\s+([^.!?"”]{1,60})$""")


def without_boilerplate(block: str) -> str:
    """A paragraph or heading of a page without what is no part of the article; empty when nothing is left."""
    if _is_boilerplate(block):
        return ""
    after = _AFTER_LAST.search(block)
    return block[: after.start()] if after and _is_boilerplate(after[1]) else block


def _is_boilerplate(text: str) -> bool:
    return _BOILERPLATE.fullmatch(" ".join(text.lower().split()).strip(_MARKS)) is not None
