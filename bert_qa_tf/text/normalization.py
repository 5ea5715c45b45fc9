"""Normalizes answers as SQuAD does, to decide whether two of them count as equal.

Text is lower-cased, ASCII punctuation and the articles a, an and the are removed, and spaces are collapsed to one.
These are the rules of the official evaluation scripts, v1.1 and v2.0 alike (Rajpurkar et al. 2016, 2018). Their quirks
are kept, so that scores equal theirs: punctuation is removed first, so `don't` becomes `dont` and `co-op` becomes
`coop`, and punctuation of other scripts is kept.
"""

from __future__ import annotations

import re
import string

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_DELETE_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalized_tokens(text: str) -> list[str]:
    """Returns the words of `text` that scoring compares.

    The rules never look across white space, so the tokens of a text are those of its white-space separated words in
    order. A word may give no token (`the`, `--`), one, or several (`x—the—y`).

    >>> normalized_tokens("The Cat's  hat -- an old one.")
    ['cats', 'hat', 'old', 'one']
    """
    return _ARTICLES.sub(" ", text.lower().translate(_DELETE_PUNCTUATION)).split()


def normalize_answer(text: str) -> str:
    """Returns `text` in the form that scoring compares.

    >>> normalize_answer(" An  apple, a Day!")
    'apple day'
    """
    return " ".join(normalized_tokens(text))
