"""Spells out numbers in American English: 1998 → nineteen ninety eight.

Words are in lower case, without hyphens and without "and". `verbalization_rules.py` decides which reading of a number
fits its context.
"""

from __future__ import annotations

_NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
)
_SMALL, _TENS = _NAMES.split()[:20], _NAMES.split()[20:]
_SCALES = ("", "thousand", "million", "billion", "trillion")
_IRREGULAR_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_LARGEST = 10 ** (3 * len(_SCALES))


def cardinal(number: int) -> list[str]:
    """Spells out a cardinal number.

    >>> cardinal(1234)
    ['one', 'thousand', 'two', 'hundred', 'thirty', 'four']
    """
    if not 0 <= number < _LARGEST:
        return (["minus"] if number < 0 else []) + digits(str(abs(number)))
    if number < 1000:
        return _below_thousand(number) or ["zero"]
    words: list[str] = []
    for power in reversed(range(len(_SCALES))):
        group = number // 1000**power % 1000
        if group:
            words += [*_below_thousand(group), *([_SCALES[power]] if power else [])]
    return words


def cardinal_of(text: str) -> list[str]:
    """Spells out a cardinal number that is given as ASCII digits, of which there may be any number.

    >>> cardinal_of("0012")
    ['twelve']
    """
    # Python reads no integer of thousands of digits, and takes long for one of hundreds.
    significant = text.lstrip("0")
    return digits(significant) if len(significant) > 3 * len(_SCALES) else cardinal(int(significant or "0"))


def ordinal_of(text: str) -> list[str]:
    """Spells out an ordinal number that is given as ASCII digits, of which there may be any number."""
    return _ordinal(cardinal_of(text))


def ordinal(number: int) -> list[str]:
    """Spells out an ordinal number.

    >>> ordinal(22), ordinal(300)
    (['twenty', 'second'], ['three', 'hundredth'])
    """
    return _ordinal(cardinal(number))


def _ordinal(said: list[str]) -> list[str]:
    *words, last = said
    if last in _IRREGULAR_ORDINALS:
        return [*words, _IRREGULAR_ORDINALS[last]]
    return [*words, f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"]


def year(number: int) -> list[str]:
    """Spells out a year of four digits, or a number that is read like one.

    >>> year(1905), year(1900), year(2004), year(2016)
    (['nineteen', 'oh', 'five'], ['nineteen', 'hundred'], ['two', 'thousand', 'four'], ['twenty', 'sixteen'])
    """
    century, rest = divmod(number, 100)
    if not 11 <= century <= 99 or (century % 10 == 0 and rest < 10):
        return cardinal(number)
    if rest == 0:
        return [*cardinal(century), "hundred"]
    return [*cardinal(century), *two_digits(rest)]


def decade(number: int, of_century: bool) -> list[str]:
    """Spells out a decade, such as the 1980s or the '80s; the 1900s are the nineteen hundreds.

    Args:
      number: the first year, with four digits, or with two if the century is left out.
      of_century: whether the century is said.
    """
    *words, last = year(number) if of_century else cardinal(number)
    return [*words, f"{last[:-1]}ies" if last.endswith("y") else f"{last}s"]


def digits(text: str) -> list[str]:
    """Spells out each digit, as in telephone numbers and after a decimal point."""
    return [_SMALL[int(digit)] for digit in text]


def two_digits(number: int) -> list[str]:
    """Spells out minutes, or the second half of a year, below 100: 5 is "oh five"."""
    return ["oh", _SMALL[number]] if number < 10 else cardinal(number)


def _below_thousand(number: int) -> list[str]:
    hundreds, rest = divmod(number, 100)
    words = [_SMALL[hundreds], "hundred"] if hundreds else []
    if rest >= 20:
        words.append(_TENS[rest // 10 - 2])
        rest %= 10
    return words + ([_SMALL[rest]] if rest else [])
