"""Numbers in words."""

import pytest

from bert_qa_tf.text import number_words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (105, "one hundred five"),
        (1_000, "one thousand"),
        (70_001, "seventy thousand one"),
        (2_000_000, "two million"),
        (1_234_567_890_123, "one trillion two hundred thirty four billion five hundred sixty seven million eight "
         "hundred ninety thousand one hundred twenty three"),
        (10**15, "one" + 15 * " zero"),
        (-3, "minus three"),
    ],
)  # fmt: skip
def test_counts(number, words):
    assert " ".join(number_words.cardinal(number)) == words


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "first"), (2, "second"), (3, "third"), (5, "fifth"), (8, "eighth"), (9, "ninth"), (12, "twelfth"),
     (14, "fourteenth"), (20, "twentieth"), (21, "twenty first"), (100, "one hundredth"), (1000, "one thousandth")],
)  # fmt: skip
def test_places(number, word):
    assert " ".join(number_words.ordinal(number)) == word


@pytest.mark.parametrize(
    ("number", "words"),
    [(1066, "one thousand sixty six"), (1492, "fourteen ninety two"), (1800, "eighteen hundred"),
     (1907, "nineteen oh seven"), (2000, "two thousand"), (2008, "two thousand eight"), (2010, "twenty ten"),
     (9876, "ninety eight seventy six")],
)  # fmt: skip
def test_years(number, words):
    assert " ".join(number_words.year(number)) == words


def test_decades_are_plural():
    assert number_words.decade(1980, True) == ["nineteen", "eighties"]
    assert number_words.decade(90, False) == ["nineties"]
    assert number_words.decade(2010, True) == ["twenty", "tens"]


@pytest.mark.parametrize("text", ["0", "007", "1234", "9" * 15, "1" + "0" * 14])
def test_digits_of_a_number_are_said_as_the_number(text):
    assert number_words.cardinal_of(text) == number_words.cardinal(int(text))
    assert number_words.ordinal_of(text) == number_words.ordinal(int(text))


def test_a_number_of_thousands_of_digits_is_said_digit_by_digit():
    assert number_words.cardinal_of("0" * 5000 + "12" * 3000) == ["one", "two"] * 3000
    assert number_words.ordinal_of("1" * 5000)[-2:] == ["one", "first"]
