"""Replaces lone surrogates, which JSON can spell and UTF-8 cannot, by U+FFFD.

The length of the text stays, so offsets do.
"""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def replace_surrogates(text: str) -> str:
    """Replaces each surrogate by U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)
