"""Passwords in addresses: a run, a model folder and a message go to others, and the password of a store does not."""

from __future__ import annotations

import re

_IN_ADDRESS = re.compile(r"(://[^/\s:@'\"]*):[^/\s@'\"]+@")


def hidden(text: str) -> str:
    """A text in which `://user:password@host` reads `://user:***@host`."""
    return _IN_ADDRESS.sub(r"\1:***@", text)
