"""Makes words of what the readers of every format find: single words, segments, and pieces of words.

What does not hold together is one line that names the place. What had to be left out is counted under the names below.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.transcript import Word
from bert_qa_tf.speech.transcripts.word_times import fill_times

# How Unicode's names of their letters begin; those of their full stops begin otherwise.
_WRITTEN_WITHOUT_SPACES = ("CJK UNIFIED", "HIRAGANA", "KATAKANA")

# Why something of a file is not in its transcript.
EMPTY_WORDS = "empty_words"
CONFIDENCES_OUT_OF_RANGE = "confidences_out_of_range"
REPEATED_LINES = "repeated_lines"
REPEATED_WORDS = "repeated_words"
TIMES_OUT_OF_ORDER = "times_out_of_order"
OTHER_ALTERNATIVES = "other_alternatives"
OTHER_RECORDINGS = "words_of_other_recordings"
NON_WORDS = "non_words"
# What a stream of results said before it was sure.
PARTIAL_RESULTS = "partial_results"


def checked_word(
    place: object,
    text: str,
    start_secs: float | None,
    end_secs: float | None,
    confidence: float | None,
    counts: Counter[str],
    speaker: str | None = None,
) -> Word | None:
    """A word, its white space made single spaces; None, counted, where nothing of it is left.

    A confidence that is no share of 1 (log-likelihoods are found in its place) is left out, and counted.

    Raises:
      InputError: it ends before it starts.
    """
    if start_secs is not None and end_secs is not None and end_secs < start_secs:
        raise InputError(f"{place}: ends at {end_secs} s, before it starts at {start_secs} s")
    text = " ".join(text.split())
    if not text:
        counts[EMPTY_WORDS] += 1
        return None
    if confidence is not None and not 0 <= confidence <= 1:
        counts[CONFIDENCES_OUT_OF_RANGE] += 1
        confidence = None
    return Word(text, start_secs, end_secs, confidence, speaker=speaker)


def text_words(text: str) -> tuple[Word, ...]:
    """The words of a text without times."""
    return tuple(Word(token) for token in text.split())


def segment_words(text: str, start_secs: float, end_secs: float) -> tuple[Word, ...]:
    """The words of a stretch that has times only as a whole: they share them by their length, and say so.

    A single word has the stretch's times as its own.
    """
    words = text_words(text)
    if len(words) == 1:
        return (dataclasses.replace(words[0], start_secs=start_secs, end_secs=end_secs),)
    return fill_times(words, start_secs, end_secs)


def join_pieces(pieces: Sequence[Word]) -> Iterator[Word]:
    """Joins pieces of words, of which those that begin a word begin with white space, into words.

    Where writing has no spaces (Chinese, Japanese), each piece stays a word.

    Args:
      pieces: their text as it is in the file, white space included.
    """
    joined: list[Word] = []
    for piece in pieces:
        if joined and goes_on(joined[-1].text, piece.text):
            joined.append(piece)
            continue
        if joined:
            yield join(joined)
        joined = [piece]
    if joined:
        yield join(joined)


def goes_on(before: str, after: str) -> bool:
    """Whether `after` goes on with the word that `before` ends with; see `join_pieces`."""
    if not before or not after or before[-1].isspace() or after[0].isspace():
        return False
    return not unicodedata.name(after[0], "").startswith(_WRITTEN_WITHOUT_SPACES)


def join(pieces: Sequence[Word]) -> Word:
    """One word of its pieces, from when the first begins to when the last ends."""
    if len(pieces) == 1 and pieces[0].start_secs is not None and pieces[0].text.isascii():
        return _whole(pieces[0])
    starts = [piece.start_secs for piece in pieces if piece.start_secs is not None]
    ends = [piece.end_secs for piece in pieces if piece.end_secs is not None]
    confidences = [piece.confidence for piece in pieces if piece.confidence is not None]
    return Word(
        _spelled("".join(piece.text for piece in pieces)).strip(),
        min(starts) if starts else None,
        # Some tools let a piece end before it starts.
        max(ends + starts) if ends else None,
        # A word is no surer than its least sure piece.
        min(confidences) if confidences else None,
        any(piece.times_estimated for piece in pieces),
        pieces[0].speaker,
    )


def _whole(piece: Word) -> Word:
    """A word that is a single piece, as most are."""
    end = piece.end_secs if piece.end_secs is None else max(piece.end_secs, piece.start_secs or 0.0)
    return Word(piece.text.strip(), piece.start_secs, end, piece.confidence, piece.times_estimated, piece.speaker)


def _spelled(text: str) -> str:
    """Puts characters together whose bytes are spread over pieces (decoded with `surrogateescape`)."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # half a surrogate pair, spelled in the JSON itself
        return text
