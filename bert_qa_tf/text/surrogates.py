"""Text that UTF-8 can spell.

What goes in: any Python string. What comes out: the same with each lone surrogate (JSON can spell half a pair, UTF-8
cannot) replaced by U+FFFD. The length stays, so offsets do.
"""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def replace_surrogates(text: str) -> str:
    """Replaces each surrogate by U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)
