"""Verbalizes written English: spells out digits, abbreviations and symbols as they are spoken.

Case and punctuation are dropped, and so are words in other than Latin letters. Each word keeps the place of the
characters that it stands for. A synthesizer reads these words, and a recogniser's output is compared with them, so that
all speech engines say "nineteen ninety eight" for 1998.

    In 1998, Dr. Ng paid $3.50  →  in | nineteen ninety eight | doctor | ng | paid | three dollars fifty cents
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from bert_qa_tf.text import verbalization_tables as tables
from bert_qa_tf.text.verbalization_rules import VerbalizedWord, iter_tokens

__all__ = ["VerbalizedSentence", "VerbalizedWord", "verbalize", "verbalize_sentences"]

# Longer sentences are cut, if possible at a comma, because recognisers work on pieces of bounded length.
_MAX_SENTENCE_WORDS = 80


class VerbalizedSentence(NamedTuple):
    """The words of a sentence, or of a part of a long one.

    Attributes:
      words: the words, at least one.
      to_say: the input of a synthesizer: the words with a comma where the source has a mark, and a full stop.
    """

    words: list[VerbalizedWord]
    to_say: str


def verbalize(text: str) -> list[VerbalizedWord]:
    """Returns the words of `text` as they are spoken, in order.

    >>> [word.text for word in verbalize("The U.S. paid $2.5 million in May 1998.")]
    ['the', 'u', 's', 'paid', 'two', 'point', 'five', 'million', 'dollars', 'in', 'may', 'nineteen', 'ninety', 'eight']
    """
    folded, places = _fold(text)
    return [_at_source(word, places) for token in iter_tokens(folded) for word in token.words]


def verbalize_sentences(text: str) -> list[VerbalizedSentence]:
    """Returns the words of `verbalize(text)`, split at the ends of sentences."""
    folded, places = _fold(text)
    sentences: list[VerbalizedSentence] = []
    pending: list[tuple[VerbalizedWord, bool]] = []
    tokens = list(iter_tokens(folded))
    for token, following in itertools.zip_longest(tokens, tokens[1:]):
        gap = folded[token.end_char : len(folded) if following is None else following.start_char]
        pending += [(word, False) for word in token.words[:-1]]
        pending.append((token.words[-1], _PAUSE.search(gap) is not None))
        if following is None or _SENTENCE_END.search(gap):
            sentences += _cut(pending, places)
            pending = []
    return sentences


# A sentence ends with its mark, closing quotes and brackets, and white space or an opening bracket (of a citation). The
# dot of an abbreviation is part of its word, and so no sentence end.
_SENTENCE_END = re.compile(r"[.!?][\"')\]]*(\s|\[|$)|\n")
_PAUSE = re.compile(r"[,;:()\".!?]|\s-")


def _cut(pending: list[tuple[VerbalizedWord, bool]], places: list[int]) -> Iterator[VerbalizedSentence]:
    begin = 0
    while begin < len(pending):
        piece = pending[begin : begin + _MAX_SENTENCE_WORDS]
        if begin + _MAX_SENTENCE_WORDS < len(pending):
            pauses = [i + 1 for i in range(_MAX_SENTENCE_WORDS // 2, _MAX_SENTENCE_WORDS) if piece[i][1]]
            piece = piece[: pauses[-1]] if pauses else piece
        begin += len(piece)
        said = [_to_say(word) + ("," if pause else "") for word, pause in piece]
        said[-1] = said[-1].removesuffix(",") + "."
        yield VerbalizedSentence([_at_source(word, places) for word, _ in piece], " ".join(said))


def _to_say(word: VerbalizedWord) -> str:
    # Speech engines read a lone "a" as the article.
    return "ay" if word.is_letter and word.text == "a" else word.text


def _at_source(word: VerbalizedWord, places: list[int]) -> VerbalizedWord:
    return word._replace(start_char=places[word.start_char], end_char=places[word.end_char - 1] + 1)


# === To plain letters ===


def _fold(text: str) -> tuple[str, list[int]]:
    """Folds `text` to ASCII and the spoken signs, and returns for each character its place in the original `text`."""
    if text.isascii():
        return text, list(range(len(text)))
    folded: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        plain = character if character.isascii() else _plain(character)
        folded.append(plain)
        places += [place] * len(plain)
    return "".join(folded), places


def _plain(character: str) -> str:
    if character in tables.PLAIN:
        return tables.PLAIN[character]
    if unicodedata.combining(character):
        return ""
    decomposed = unicodedata.normalize("NFKD", character)
    if "\N{FRACTION SLASH}" in decomposed:
        return f" {decomposed.replace(chr(0x2044), '/')}"  # the space keeps 3½ from becoming 31/2
    letters = "".join(tables.PLAIN.get(c, c) for c in decomposed if not unicodedata.combining(c))
    return letters if letters and letters.isascii() else " "
