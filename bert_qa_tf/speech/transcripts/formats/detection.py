"""Tells transcripts in JSON from those in text, by what a file holds; the ending of its name is a hint."""

from __future__ import annotations

import re


def must_be_json(text: str, name: str) -> bool:
    """Whether a file is JSON or nothing: by its name, or because no transcript in text begins like this."""
    text = text.lstrip()
    if _ending(name) == "json" or text.startswith("{"):
        return not text.startswith("{\\")  # SRT's way to place a caption
    # Text may begin with [Music] or [00:01].
    return re.match(r"\[\s*[{\]]", text) is not None


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()
