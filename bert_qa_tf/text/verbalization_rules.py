"""Decides how each number, abbreviation, acronym and sign of a text is spoken.

The text is cut into tokens, each with its spoken words. Rules are tried in the order of the pattern below. Ordinary
words are not changed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bert_qa_tf.text import number_words
from bert_qa_tf.text import verbalization_tables as tables


class VerbalizedWord(NamedTuple):
    """A spoken word.

    Attributes:
      text: the word in lower-case letters, with apostrophes inside.
      start_char: the first character of the source that it stands for, in code points.
      end_char: the end of these characters, exclusive. The words of one number share its characters.
      is_letter: whether it is the name of a letter, as in "a f c", which sounds different from the article "a".
    """

    text: str
    start_char: int
    end_char: int
    is_letter: bool = False


# Repetition is bounded: a long row of groups would be tried again from each of them.
_GROUPED = r"\d{1,3}(?:,\d{3}){1,20}"
_NUMBER = rf"(?:{_GROUPED}(?!\d)|\d+)(?:\.\d+)?"
_TOKEN = re.compile(
    rf"""
      (?P<money>[$£€¥]\s?(?P<amount>{_NUMBER})(?:\s(?P<scale>hundred|thousand|million|billion|trillion)\b)?)
    | (?P<phone>(?<![\d-])(?:1-)?(?:\d{{3}}-)?\d{{3}}-\d{{4}}(?![\d-]))
    | (?P<serial>(?<![\d-])\d+(?:-\d+){{2,}}(?![\d-]))
    | (?P<time>(?<![\d:])(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?![\d:]))
    | (?P<ordinal>(?P<rank>{_GROUPED}|\d+)(?:st|nd|rd|th)\b)
    | (?P<decade>'?(?P<first_year>\d{{2}}|\d{{3}}0)'?s\b)
    | (?P<fraction>(?<![\d/.])(?P<upper>\d{{1,2}})/(?P<lower>\d{{1,3}})(?![\d/]))
    | (?P<number>{_NUMBER}|(?<!\d)\.\d+)
    | (?P<range>(?<=\d)\s?-\s?(?=\$?\d))
    | (?P<initials>(?<![A-Za-z])(?:[A-Za-z]\.){{2,}}(?:'?s\b)?|\b[B-HJ-Z]\.(?=\s[A-Z]))
    | (?P<word>[A-Za-z]+(?:'[A-Za-z]+)*)
    | (?P<dot>(?<=[A-Za-z]{{2}})\.(?=[a-z]{{2}}))
    | (?P<sign>[&@+=%°]|\#(?=\d))
    """,
    re.VERBOSE,
)
_PLURAL = re.compile(r"(?<=[A-Z])'?s$")
_ROMAN = re.compile(r"(?=[IVX])X{0,3}(IX|IV|V?I{0,3})$")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10}
# Words with the span of characters that they stand for, counted from the beginning of the match.
_SaidSpans = Iterator[tuple[list[str], int, int]]


class Token(NamedTuple):
    """A match of a rule.

    Attributes:
      words: its spoken words, at least one, with places in the folded text.
      start_char: where it starts in the folded text.
      end_char: where it ends there, exclusive.
    """

    words: list[VerbalizedWord]
    start_char: int
    end_char: int


def iter_tokens(folded: str) -> Iterator[Token]:
    """Yields the tokens of a text, in order.

    Args:
      folded: a text of ASCII characters and the signs £ € ¥ °.
    """
    shouted = _is_shouted(folded)
    previous = ""
    for match in _TOKEN.finditer(folded):
        start = match.start()
        if match["word"] is not None:
            words = list(_letters_or_word(match, folded, previous, shouted))
        else:
            kind = next(name for name in _RULES if match[name] is not None)
            spans = _RULES[kind](match)
            words = [VerbalizedWord(w, start + a, start + b, kind == "initials") for said, a, b in spans for w in said]
        # An abbreviation includes its dot.
        yield Token(words, start, max(match.end(), words[-1].end_char))
        previous = match[0]


def _is_shouted(folded: str) -> bool:
    """Whether the whole text is in capitals, so that capitals do not mark acronyms."""
    letters = sum(map(str.isalpha, folded))
    return letters > 12 and sum(map(str.isupper, folded)) > 0.8 * letters


def _say_number(text: str) -> list[str]:
    whole, point, decimals = text.replace(",", "").partition(".")
    if point:
        return [*(number_words.cardinal_of(whole) if whole else []), "point", *number_words.digits(decimals)]
    if len(whole) > 1 and whole[0] == "0":
        return ["oh", *number_words.digits(whole[1:])] if len(whole) == 2 else number_words.digits(whole)
    if len(whole) == 4 and "," not in text and int(whole) >= 1100:
        return number_words.year(int(whole))
    return number_words.cardinal_of(whole)


def _money(match: re.Match[str]) -> _SaidSpans:
    one, many, cent = tables.CURRENCIES[match["money"][0]]
    first, last = (match.start("amount") - match.start(), match.end("amount") - match.start())
    amount = match["amount"].replace(",", "")
    whole, _, decimals = amount.partition(".")
    if match["scale"]:
        yield _say_number(amount), first, last
        yield [match["scale"]], match.start("scale") - match.start(), match.end("scale") - match.start()
        yield [many], 0, 1
        return
    if len(decimals) != 2:
        yield (_say_number(amount) if decimals else number_words.cardinal_of(whole)), first, last
        yield [one if amount == "1" else many], 0, 1
        return
    significant = whole.lstrip("0")
    if significant or not int(decimals):
        yield number_words.cardinal_of(whole), first, first + len(match["amount"]) - 3
        yield [one if significant == "1" else many], 0, 1
    if int(decimals):
        yield [*number_words.cardinal(int(decimals)), cent + ("" if int(decimals) == 1 else "s")], last - 2, last


def _time(match: re.Match[str]) -> _SaidSpans:
    hour, minute = int(match["hour"]), int(match["minute"])
    yield number_words.cardinal(hour), 0, len(match["hour"])
    if minute:
        yield number_words.two_digits(minute), len(match["hour"]) + 1, len(match["time"])
    elif not re.match(r"\s?[ap]\.?m", match.string[match.end() : match.end() + 4], re.IGNORECASE):
        yield ["o'clock"], len(match["hour"]), len(match["time"])


def _fraction(match: re.Match[str]) -> _SaidSpans:
    upper, lower, length = int(match["upper"]), int(match["lower"]), len(match["fraction"])
    name = tables.FRACTIONS.get(lower) if 0 < upper < lower else None
    if name is None:
        yield number_words.cardinal(upper), 0, len(match["upper"])
        yield _say_number(match["lower"]), len(match["upper"]) + 1, length
    else:
        mixed = (
            ["and"] if re.search(r"\d\s$", match.string[max(match.start() - 2, 0) : match.start()]) else []
        )  # three and one half
        yield [*mixed, *number_words.cardinal(upper), name[min(upper, 2) - 1]], 0, length


def _whole(say: Callable[[re.Match[str]], list[str]]) -> Callable[[re.Match[str]], _SaidSpans]:
    """Makes a rule whose words all stand for the whole match."""
    return lambda match: iter([(say(match), 0, match.end() - match.start())])


def _initials(match: re.Match[str]) -> _SaidSpans:
    text = match["initials"]
    for place in range(0, len(text.rstrip("'s")) - 1, 2):
        is_last = place + 2 >= len(text.rstrip("'s"))
        plural = "'s" if is_last and text.endswith("s") else ""
        yield [text[place].lower() + plural], place, len(text) if is_last else place + 2


_RULES: dict[str, Callable[[re.Match[str]], _SaidSpans]] = {
    "money": _money,
    "phone": _whole(lambda match: number_words.digits(match["phone"].replace("-", ""))),
    "serial": _whole(lambda match: number_words.digits(match["serial"].replace("-", ""))),
    "time": _time,
    "ordinal": _whole(lambda match: number_words.ordinal_of(match["rank"].replace(",", ""))),
    "decade": _whole(lambda match: number_words.decade(int(match["first_year"]), len(match["first_year"]) == 4)),
    "fraction": _fraction,
    "number": _whole(lambda match: _say_number(match["number"])),
    "range": _whole(lambda _: ["to"]),
    "initials": _initials,
    "dot": _whole(lambda _: ["dot"]),
    "sign": _whole(lambda match: [tables.SIGNS[match["sign"]]]),
}


def _letters_or_word(match: re.Match[str], folded: str, previous: str, shouted: bool) -> Iterator[VerbalizedWord]:
    """Yields the words of an ordinary word, an acronym, a Roman numeral, an abbreviation or a unit."""
    text, start, end = match["word"], match.start(), match.end()
    dotted = folded[end : end + 1] == "."
    is_short_form = text in tables.SHORT_FORMS
    if text.islower() and len(text) > 1 and not dotted and not is_short_form and not _behind_digit(folded, start):
        yield VerbalizedWord(text, start, end)  # most words need none of the rules below
        return
    long_form = _long_form(
        text, dotted, folded[end + dotted : end + dotted + 2], _behind_digit(folded, start), previous
    )
    if long_form is not None:
        end += dotted and (text in tables.SHORT_FORMS or text.lower() in tables.ABBREVIATIONS)
        yield from (VerbalizedWord(word, start, end) for word in long_form)
        return
    if not shouted and (numeral := _roman(text, previous)):
        yield from (VerbalizedWord(word, start, end) for word in numeral)
        return
    stem = _PLURAL.sub("", text)
    is_acronym = stem.isalpha() and stem.isupper() and len(stem) > 1 and not shouted and not _is_pronounceable(stem)
    beside_digit = folded[start - 1 : start].isdigit() or folded[end : end + 1].isdigit()
    if is_acronym or (len(text) == 1 and (text in "BCDEFGHJKLMNOPQRSTUVWXYZ" or beside_digit)):
        for place, letter in enumerate(stem.lower()):
            is_last = place == len(stem) - 1
            suffix = "'s" if is_last and len(text) > len(stem) else ""
            yield VerbalizedWord(letter + suffix, start + place, end if is_last else start + place + 1, True)
        return
    yield VerbalizedWord(text.lower(), start, end)


def _behind_digit(folded: str, start: int) -> bool:
    return folded[max(start - 2, 0) : start].rstrip()[-1:].isdigit()


def _long_form(text: str, dotted: bool, rest: str, behind_digit: bool, previous: str) -> list[str] | None:
    lower = text.lower()
    if text in tables.SHORT_FORMS:
        return tables.SHORT_FORMS[text].split()
    if lower == "no" and dotted:  # "No. 5", but "He said no."
        return ["number"] if re.match(r"\s?\d", rest) else None
    if lower == "st" and dotted:
        return ["saint" if re.match(r"\s[A-Z]", rest) else "street"]
    if dotted and lower in tables.ABBREVIATIONS and not text.isupper():
        return tables.ABBREVIATIONS[lower].split()
    if behind_digit and text in tables.UNITS:
        return tables.UNITS[text].split()
    if previous == "°" and text in ("C", "F"):
        return ["celsius" if text == "C" else "fahrenheit"]
    return None


def _roman(text: str, previous: str) -> list[str] | None:
    if not _ROMAN.match(text) or not previous[:1].isupper():
        return None
    numbered, king = previous.lower() in tables.NUMBERED, previous.lower() in tables.MONARCHS
    if len(text) == 1 and not (numbered or king):
        return None
    values = [_ROMAN_DIGITS[letter] for letter in text]
    number = sum(
        -value if value < following else value for value, following in zip(values, [*values[1:], 0], strict=True)
    )
    return ["the", *number_words.ordinal(number)] if king else number_words.cardinal(number)


def _is_pronounceable(acronym: str) -> bool:
    """Whether an acronym is read as a word: if it is long, or its consonants and vowels alternate as in NATO."""
    if acronym in tables.SPELLED:
        return False
    if len(acronym) > 5 or acronym in tables.SAID_AS_WORDS:
        return True
    vowels = [letter in "AEIOU" for letter in acronym]
    return len(acronym) >= 4 and all(a != b for a, b in itertools.pairwise(vowels))
