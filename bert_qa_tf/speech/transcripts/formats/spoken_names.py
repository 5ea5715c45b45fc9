"""Takes the names that begin captions as those of speakers, where a file begins most of them with a name and a colon.

Zoom writes its captions so. In other files a name here or there is text, which cleaning removes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_MIN_NAMED_SHARE = 0.5
_MIN_CAPTIONS = 3
# A name is used again: at least two captions for each.
_MIN_CAPTIONS_A_NAME = 2
_NAME = re.compile(r"\s*([^\s:<>][^:<>\n]{0,59}):(?!//)\s+(?=\S)")


def split_names(texts: Sequence[str]) -> list[tuple[str | None, str]]:
    """Splits the text of each caption into its speaker and what is said.

    Args:
      texts: of all captions of a file, without tags.

    Returns:
      Each text with no speaker, unless most of them begin with a name.
    """
    matches = [_NAME.match(text) for text in texts]
    labels = Counter(match[1].strip() for match in matches if match)
    names = [match[1].strip() for match in matches if match and _is_name(match[1])]
    enough = len(names) >= max(_MIN_CAPTIONS, _MIN_NAMED_SHARE * len(texts))
    if not enough or len(set(names)) * _MIN_CAPTIONS_A_NAME > len(names):
        return [(None, text) for text in texts]
    return [
        # Among names, a label in small letters that is used again is one too.
        (match[1].strip(), text[match.end() :])
        if match and (_is_name(match[1]) or labels[match[1].strip()] > 1)
        else (None, text)
        for match, text in zip(matches, texts, strict=True)
    ]


def _is_name(text: str) -> bool:
    """Returns whether it may be one: it begins with a letter that is no small one, and has few words."""
    return text[0].isalpha() and not text[0].islower() and len(text.split()) <= 6
