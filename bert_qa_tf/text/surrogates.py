"""Replaces lone surrogates, which JSON can represent and UTF-8 cannot, by U+FFFD.

The length of the text does not change, so offsets stay valid.
"""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def replace_surrogates(text: str) -> str:
    """Replaces each surrogate by U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)
