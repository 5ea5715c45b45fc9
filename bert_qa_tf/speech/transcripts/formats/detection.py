"""Tells transcripts in JSON from those in text, by what a file holds; the ending of its name is a hint."""

from __future__ import annotations

import re

# Text may begin with [Music] or [00:01].
_LIST = re.compile(r"\[\s*[{\]]")


def must_be_json(text: str, name: str) -> bool:
    """Whether a file is JSON or nothing: by its name, or because no transcript in text begins like this."""
    text = text.lstrip()
    if ending_of(name) == "json" or text.startswith("{"):
        return not text.startswith("{\\")  # SRT's way to place a caption
    return _LIST.match(text) is not None


def begins_as_json(text: str) -> bool:
    """Returns whether a text begins like a document of JSON."""
    text = text.lstrip()
    return text.startswith("{") or _LIST.match(text) is not None


def ending_of(name: str) -> str:
    """The ending of a file's name in small letters; of a compressed file, that of what is in it."""
    return name.lower().removesuffix(".gz").rpartition(".")[2]
