"""Normalizes answers as SQuAD does, to tell whether two of them count as the same.

Text is put in lower case, without ASCII punctuation, without the articles a, an and the, and with single spaces. These
are the rules of the official evaluation scripts, v1.1 and v2.0 alike (Rajpurkar et al. 2016, 2018); scores can equal
theirs only if this does, so its quirks stay: punctuation goes first, so `don't` is `dont` and `co-op` is `coop`; other
scripts' punctuation stays.
"""

from __future__ import annotations

import re
import string

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_DELETE_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalized_tokens(text: str) -> list[str]:
    """The words of `text` that scoring compares.

    The rules never look across white space, so the tokens of a text are those of its white-space separated words one
    after the other; a word may give no token (`the`, `--`), one, or several (`x—the—y`).

    >>> normalized_tokens("The Cat's  hat -- an old one.")
    ['cats', 'hat', 'old', 'one']
    """
    return _ARTICLES.sub(" ", text.lower().translate(_DELETE_PUNCTUATION)).split()


def normalize_answer(text: str) -> str:
    """`text` as scoring compares it.

    >>> normalize_answer(" An  apple, a Day!")
    'apple day'
    """
    return " ".join(normalized_tokens(text))
