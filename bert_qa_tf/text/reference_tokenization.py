"""Implements BERT's original tokenization simply and slowly, as the reference for `tokenization.py`.

A text is cut into the word pieces of a vocabulary, each with its place in the text.

The rules are those of google-research/bert's `tokenization.py` (`BasicTokenizer`, then `WordpieceTokenizer`), rewritten
to track the place of every character:

  1. drop NUL, U+FFFD and control characters (categories Cc and Cf, but tab, newline and return are spaces),
  2. set CJK ideographs apart, split at white space,
  3. if `do_lower_case`: lower each word, decompose it (NFD) and drop the accents (category Mn),
  4. set punctuation apart (category P*, and every ASCII symbol),
  5. cut each word into the longest pieces of the vocabulary, from the left; `[UNK]` if that fails or if the word
     has more than 200 characters.

    "Café, 北!"  ->  cafe [0, 4)   , [4, 5)   北 [6, 7)   ! [7, 8)

The original has no offsets. Here, a piece starts at its first source character. It ends after its last one and any
accents dropped right after that, so that slicing a text written as `e` + U+0301 keeps the accent. Pieces that share one
source character (the letters of a decomposed Hangul syllable) all cover that character.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Collection, Iterable
from typing import NamedTuple

MAX_CHARS_PER_WORD = 200
UNKNOWN = "[UNK]"
CONTINUATION = "##"

# The blocks that the original treats as Chinese. Hangul, Hiragana and Katakana are not among them, and go to WordPiece
# as whole words.
_CJK_RANGES = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class Piece(NamedTuple):
    """A word piece and the code points `[start_char, end_char)` it came from."""

    text: str
    start_char: int
    end_char: int


class _Char(NamedTuple):
    """A character of a word being processed, with the code points of the text that it comes from."""

    char: str
    start_char: int
    end_char: int


@functools.cache
def is_space(char: str) -> bool:
    """Whether the character separates words."""
    # The original turns Zs and three control characters into spaces and then calls `str.split`, which also cuts at
    # the line and paragraph separators U+2028 and U+2029.
    return char in " \t\n\r" or unicodedata.category(char) in ("Zs", "Zl", "Zp")


@functools.cache
def is_dropped(char: str) -> bool:
    """Whether the character is removed before all other rules."""
    if char in "\t\n\r":
        return False
    return char in "\0\ufffd" or unicodedata.category(char) in ("Cc", "Cf")


@functools.cache
def is_punctuation(char: str) -> bool:
    """Whether the character is a word of its own: category P*, and ASCII symbols such as `$` or `^`."""
    if char.isascii():
        return char.isprintable() and not char.isalnum() and char != " "
    return unicodedata.category(char).startswith("P")


@functools.cache
def is_cjk(char: str) -> bool:
    """Whether the character is an ideograph that gets spaces around it."""
    return any(first <= ord(char) <= last for first, last in _CJK_RANGES)


@functools.cache
def is_accent(char: str) -> bool:
    """Whether accent stripping removes the (decomposed) character."""
    return unicodedata.category(char) == "Mn"


def tokenize(text: str, vocab: Collection[str], do_lower_case: bool) -> list[Piece]:
    """Cuts a text into word pieces.

    Args:
      text: any string; a lone surrogate counts as U+FFFD, as it does in any UTF-8 file.
      vocab: the pieces, a set for speed; word-internal pieces begin with `##`.
      do_lower_case: whether to lower the text and strip its accents.

    Returns:
      The pieces in order, with code-point offsets into `text`.
    """
    return [piece for word in basic_tokenize(text, do_lower_case) for piece in _word_pieces(word, vocab)]


def basic_tokenize(text: str, do_lower_case: bool) -> list[list[_Char]]:
    """Applies steps 1 to 4 above: returns the words of a text, as characters with their places."""
    chars = _clean(text)
    if do_lower_case:
        chars = _cover_accents(chars)
    words: list[list[_Char]] = []
    for word in _split_at_spaces(chars):
        if do_lower_case:
            word = _strip_accents(_lower(word))
        words.extend(_split_punctuation(word))
    return words


def _clean(text: str) -> list[_Char]:
    """Drops control characters, and replaces every kind of space by " "."""
    return [
        _Char(" " if is_space(char) else char, index, index + 1)
        for index, char in enumerate(text)
        if not (is_dropped(char) or 0xD800 <= ord(char) <= 0xDFFF)
    ]


def _cover_accents(chars: list[_Char]) -> list[_Char]:
    """Extends each letter to include the accents that follow it directly and will be stripped."""
    covered: list[_Char] = []
    letter = -1
    for char in chars:
        covered.append(char)
        if not all(is_accent(part) for part in unicodedata.normalize("NFD", char.char)):
            letter = len(covered) - 1
        # A letter does not extend across a dropped control character.
        elif letter >= 0 and char.start_char == covered[letter].end_char:
            covered[letter] = covered[letter]._replace(end_char=char.end_char)
    return covered


def _split_at_spaces(chars: Iterable[_Char]) -> list[list[_Char]]:
    """Splits at spaces, and before and after every ideograph."""
    words: list[list[_Char]] = [[]]
    for char in chars:
        if char.char == " ":
            words.append([])
        elif is_cjk(char.char):
            words += [[char], []]
        else:
            words[-1].append(char)
    return [word for word in words if word]


def _lower(word: list[_Char]) -> list[_Char]:
    """Lower-cases a whole word by `str.lower`, which handles the final sigma and makes two characters of U+0130."""
    lowered = "".join(char.char for char in word).lower()
    sources = [source for source in word for _ in source.char.lower()]
    if len(sources) != len(lowered):
        raise AssertionError(f"lowering {word!r} as a word and by character gives different lengths")
    return [source._replace(char=char) for char, source in zip(lowered, sources, strict=True)]


def _strip_accents(word: list[_Char]) -> list[_Char]:
    """Decomposes (NFD) and drops the accents."""
    return [char for char in _decompose(word) if not is_accent(char.char)]


def _decompose(word: list[_Char]) -> list[_Char]:
    """Decomposes canonically: each character by itself, then sorts runs of combining marks in canonical order."""
    decomposed = [source._replace(char=part) for source in word for part in unicodedata.normalize("NFD", source.char)]
    ordered: list[_Char] = []
    marks: list[_Char] = []
    for char in decomposed:
        if unicodedata.combining(char.char):
            marks.append(char)
            continue
        ordered += sorted(marks, key=lambda mark: unicodedata.combining(mark.char))
        marks = []
        ordered.append(char)
    return ordered + sorted(marks, key=lambda mark: unicodedata.combining(mark.char))


def _split_punctuation(word: list[_Char]) -> list[list[_Char]]:
    words: list[list[_Char]] = []
    inside_word = False
    for char in word:
        if inside_word and not is_punctuation(char.char):
            words[-1].append(char)
        else:
            words.append([char])
        inside_word = not is_punctuation(char.char)
    return words


def _word_pieces(word: list[_Char], vocab: Collection[str]) -> list[Piece]:
    """Cuts a word into pieces by greedy longest match from the left."""
    whole = _piece(UNKNOWN, word)
    if len(word) > MAX_CHARS_PER_WORD:
        return [whole]
    text = "".join(char.char for char in word)
    pieces: list[Piece] = []
    start = 0
    while start < len(word):
        prefix = CONTINUATION if start else ""
        end = next((end for end in range(len(word), start, -1) if prefix + text[start:end] in vocab), None)
        if end is None:
            return [whole]
        pieces.append(_piece(prefix + text[start:end], word[start:end]))
        start = end
    return pieces


def _piece(text: str, chars: list[_Char]) -> Piece:
    # Not simply those of the first and last characters, because canonical ordering may have moved marks.
    return Piece(text, min(char.start_char for char in chars), max(char.end_char for char in chars))
