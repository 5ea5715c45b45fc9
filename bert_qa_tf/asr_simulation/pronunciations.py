"""Tells how words sound: their phones, and the distances between phones.

Phones are `bytes`, one byte a phone, so that they can be compared, joined and used as keys. Words are looked up in the
recogniser's own dictionary. A word that it lacks is put together from pieces that it has ("skyfall" from "sky" and
"fall") and, where there are none, from letters.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable

import numpy as np

from bert_qa_tf.errors import InputError

# ARPAbet, as CMU's dictionary writes it. Vowels: height (0 high to 4 low) and backness (0 front to 4 back) where they
# begin and where they end, and whether they are rhotic. Consonants: place (0 lips to 7 throat), manner, voice.
_VOWELS = {
    "IY": (0.0, 0.0, 0.0, 0.0, 0), "IH": (1.0, 1.0, 1.0, 1.0, 0), "EH": (2.5, 1.0, 2.5, 1.0, 0),
    "AE": (3.5, 1.0, 3.5, 1.0, 0), "AH": (2.5, 2.5, 2.5, 2.5, 0), "AA": (4.0, 3.5, 4.0, 3.5, 0),
    "AO": (3.0, 4.0, 3.0, 4.0, 0), "UH": (1.0, 3.0, 1.0, 3.0, 0), "UW": (0.0, 4.0, 0.0, 4.0, 0),
    "ER": (2.0, 2.5, 2.0, 2.5, 1), "EY": (2.0, 0.5, 0.5, 0.5, 0), "AY": (4.0, 2.5, 1.0, 1.0, 0),
    "OY": (3.0, 4.0, 1.0, 1.0, 0), "AW": (4.0, 2.5, 1.0, 3.5, 0), "OW": (2.0, 4.0, 1.0, 3.5, 0),
}  # fmt: skip
_CONSONANTS = {
    "P": (0, "stop", 0), "B": (0, "stop", 1), "T": (3, "stop", 0), "D": (3, "stop", 1), "K": (6, "stop", 0),
    "G": (6, "stop", 1), "CH": (4, "affricate", 0), "JH": (4, "affricate", 1), "F": (1, "fricative", 0),
    "V": (1, "fricative", 1), "TH": (2, "fricative", 0), "DH": (2, "fricative", 1), "S": (3, "sibilant", 0),
    "Z": (3, "sibilant", 1), "SH": (4, "sibilant", 0), "ZH": (4, "sibilant", 1), "HH": (7, "fricative", 0),
    "M": (0, "nasal", 1), "N": (3, "nasal", 1), "NG": (6, "nasal", 1), "L": (3, "liquid", 1), "R": (4, "liquid", 1),
    "W": (1, "glide", 1), "Y": (5, "glide", 1),
}  # fmt: skip
PHONES: tuple[str, ...] = (*_VOWELS, *_CONSONANTS)
_CODE = {phone: index + 1 for index, phone in enumerate(PHONES)}  # 0 is padding
# Distances are integers: the same sounds are chosen on every machine.
GAP_COST = 7  # of a phone too many or too few
_MANNERS = {  # how far apart manners are; what is not named is 6
    frozenset(("stop", "affricate")): 2, frozenset(("affricate", "sibilant")): 2,
    frozenset(("fricative", "sibilant")): 2, frozenset(("liquid", "glide")): 2, frozenset(("stop", "fricative")): 3,
    frozenset(("stop", "nasal")): 3, frozenset(("nasal", "liquid")): 3, frozenset(("stop", "sibilant")): 4,
}  # fmt: skip


def _phone_distance(one: str, other: str) -> int:
    if one == other:
        return 0
    if one in _VOWELS and other in _VOWELS:
        (*first, rhotic), (*second, other_rhotic) = _VOWELS[one], _VOWELS[other]
        apart = sum(abs(a - b) for a, b in zip(first, second, strict=True)) / 2
        return min(8, 1 + round(1.2 * apart) + 2 * (rhotic != other_rhotic))
    if one in _CONSONANTS and other in _CONSONANTS:
        (place, manner, voice), (other_place, other_manner, other_voice) = _CONSONANTS[one], _CONSONANTS[other]
        apart = 0 if manner == other_manner else _MANNERS.get(frozenset((manner, other_manner)), 6)
        return min(9, 1 + apart + min(abs(place - other_place), 4) + (voice != other_voice))
    # "Y" is nearly a vowel, and so are "W" and "R".
    near = {frozenset(pair) for pair in (("Y", "IY"), ("Y", "IH"), ("W", "UW"), ("W", "UH"), ("R", "ER"), ("W", "OW"))}
    return 4 if frozenset((one, other)) in near else 11


@functools.cache
def phone_distances() -> np.ndarray:
    """What it costs to hear one phone for another, `<int16>[40, 40]`; row and column 0 are padding.

    Two gaps cost 14, so that no pair is dearer than leaving one phone out and putting the other in.
    """
    table = np.zeros((len(PHONES) + 1, len(PHONES) + 1), np.int16)
    for one, row in _CODE.items():
        for other, column in _CODE.items():
            table[row, column] = _phone_distance(one, other)
    return table


def encode(phones: Iterable[str]) -> bytes:
    """Phones by their names as one byte each.

    >>> encode(["K", "AE", "T"]).hex()
    '14041a'
    """
    return bytes(_CODE[phone] for phone in phones)


def decode(phones: bytes) -> list[str]:
    """The names of encoded phones."""
    return [PHONES[code - 1] for code in phones]


def sound_distance(one: bytes, other: bytes) -> int:
    """The least cost of turning one phone sequence into another: 0 where they sound the same."""
    table = phone_distances()
    row = list(range(0, GAP_COST * (len(other) + 1), GAP_COST))
    for phone in one:
        costs = table[phone]
        diagonal, row[0] = row[0], row[0] + GAP_COST
        for column, heard in enumerate(other, 1):
            best = min(diagonal + int(costs[heard]), row[column] + GAP_COST, row[column - 1] + GAP_COST)
            diagonal, row[column] = row[column], best
    return row[-1]


# How letters sound where nothing better is known; the longest that fits is taken.
_LETTERS = {
    "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH", "k": "K",
    "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH", "v": "V",
    "w": "W", "x": "K S", "y": "IY", "z": "Z", "ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "ck": "K", "ng": "NG",
    "qu": "K W", "ee": "IY", "ea": "IY", "oo": "UW", "ou": "AW", "ow": "OW", "ai": "EY", "ay": "EY", "oi": "OY",
    "oy": "OY", "au": "AO", "aw": "AO", "ie": "IY", "ei": "EY", "er": "ER", "ir": "ER", "ur": "ER", "ar": "AA R",
    "or": "AO R", "kn": "N", "wr": "R", "gh": "G", "ll": "L", "ss": "S", "tt": "T", "nn": "N", "mm": "M", "pp": "P",
    "bb": "B", "dd": "D", "ff": "F", "gg": "G", "rr": "R", "zz": "Z", "cc": "K",
}  # fmt: skip
_LETTER_PHONES = {letters: encode(phones.split()) for letters, phones in _LETTERS.items()}
_ALTERNATIVE = re.compile(r"\(\d+\)$")
_PLURAL = {True: encode(["S"]), False: encode(["Z"])}
_VOICELESS_ENDS = encode(["P", "T", "K", "F", "TH"])
# A piece of a word costs this and its letters are free: few long pieces win over many short ones.
_PIECE_COST, _LETTERS_COST, _SHORTEST_PIECE = 3, 4, 3


class Pronunciations:
    """A pronunciation dictionary in CMU's form, and a guess at what it lacks.

    Args:
      entries: spelled word → phones, the dictionary's first pronunciation.
    """

    def __init__(self, entries: dict[str, bytes]) -> None:
        self.entries = entries
        self._guesses: dict[str, bytes] = {}

    def __contains__(self, word: str) -> bool:
        return word in self.entries

    def phones(self, word: str) -> bytes:
        """How `word` sounds; b"" where it has no letter that sounds."""
        known = self.entries.get(word)
        if known is not None:
            return known
        guess = self._guesses.get(word)
        if guess is None:
            guess = self._guesses[word] = self._guess(word)
        return guess

    def _guess(self, word: str) -> bytes:
        if word.endswith("'s") and len(word) > 2:
            stem = self.phones(word[:-2])
            return stem + _PLURAL[stem[-1:] in [bytes([code]) for code in _VOICELESS_ENDS]]
        letters = "".join(character for character in word.lower() if "a" <= character <= "z")
        # best[i]: the cheapest way to sound the first i letters, and its phones.
        best: list[tuple[int, bytes]] = [(0, b"")]
        for end in range(1, len(letters) + 1):
            ways = []
            for start in range(max(0, end - 16), end):
                cost, before = best[start]
                piece = letters[start:end]
                whole = self.entries.get(piece) if len(piece) >= _SHORTEST_PIECE else None
                if whole is not None:
                    ways.append((cost + _PIECE_COST, before + whole))
                if piece in _LETTER_PHONES:
                    ways.append((cost + _LETTERS_COST, before + _LETTER_PHONES[piece]))
            best.append(min(ways))
        return best[-1][1]


def read_dictionary(path: str | os.PathLike[str]) -> Pronunciations:
    """Reads a dictionary in CMU's form: `word phone phone …`, further pronunciations as `word(2) …`.

    Raises:
      InputError: the file cannot be read, or a line of it has another form.
    """
    entries: dict[str, bytes] = {}
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                word, *phones = line.split() or [""]
                if not word or word.startswith(";;;") or _ALTERNATIVE.search(word):
                    continue
                try:
                    entries[word] = encode(phones)
                except KeyError as error:
                    raise InputError(f"{path}: line {number}: {error.args[0]!r} is no phone of ARPAbet") from error
    except OSError as error:
        raise InputError(f"{path}: cannot read this dictionary ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}, expected a dictionary") from error
    return Pronunciations(entries)
