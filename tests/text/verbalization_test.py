"""What is said for what is written."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bert_qa_tf.text.verbalization import VerbalizedWord, verbalize, verbalize_sentences
from tests.testing import shared_data


def said(text):
    return " ".join(word.text for word in verbalize(text))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Don't ask -- the king's dogs' bowl!", "don't ask the king's dogs bowl"),
        ("12 of 1,234 and 1,000,000", "twelve of one thousand two hundred thirty four and one million"),
        (
            "in 1998, 1905, 1900, 2004, 2016",
            "in nineteen ninety eight nineteen oh five nineteen hundred two thousand four twenty sixteen",
        ),
        ("the 1980s, the '90s, the 1900s", "the nineteen eighties the nineties the nineteen hundreds"),
        ("1914–18 and 2-1", "nineteen fourteen to eighteen and two to one"),
        ("the 1st, 22nd and 12th-century", "the first twenty second and twelfth century"),
        ("3.14 and 0.5% and .5", "three point one four and zero point five percent and point five"),
        ("$3.50, $1, $0.99, £20", "three dollars fifty cents one dollar ninety nine cents twenty pounds"),
        ("$2.5 million, €1,000", "two point five million dollars one thousand euros"),
        ("1/2, ¾, 3½, 9/11", "one half three quarters three and one half nine eleven"),
        ("10:30 a.m., 10:00, 10:00 pm, 9:05", "ten thirty a m ten o'clock ten pm nine oh five"),
        (
            "call 555-0142 or 212-555-0142",
            "call five five five zero one four two or two one two five five five zero one four two",
        ),
        ("007", "zero zero seven"),
        ("5 km at 30 °C, 20 MB", "five kilometers at thirty degrees celsius twenty megabytes"),
        ("Mr. and Mrs. Smith vs. Dr. No", "mister and missus smith versus doctor no"),
        ("mr dashwood", "mister dashwood"),
        ("St. Louis, Main St., No. 5, oh no.", "saint louis main street number five oh no"),
        ("the U.S. Army's NFL, DVDs, BBC's", "the u s army's n f l d v d's b b c's"),
        ("NASA, NATO and UNESCO", "nasa nato and unesco"),
        ("BREAKING NEWS FROM THE FRONT", "breaking news from the front"),
        ("World War II, Henry VIII, Malcolm X, Part I", "world war two henry the eighth malcolm x part one"),
        ("MP3, B2, AC/DC", "m p three b two a c d c"),
        ("R&B @ 5 + 5 = #10", "r and b at five plus five equals number ten"),
        ("see example.com", "see example dot com"),
        ("Beyoncé, Łódź, Straße, œuvre", "beyonce lodz strasse oeuvre"),
        ("Confucius (孔子) said", "confucius said"),
        ("", ""),
        (" … — ", ""),
    ],
)
def test_is_said_as(written, expected):
    assert said(written) == expected


def test_each_word_knows_the_characters_it_stands_for():
    assert verbalize("Dr. É paid $42") == [
        VerbalizedWord("doctor", 0, 3),
        VerbalizedWord("e", 4, 5, is_letter=True),
        VerbalizedWord("paid", 6, 10),
        VerbalizedWord("forty", 12, 14),
        VerbalizedWord("two", 12, 14),
        VerbalizedWord("dollars", 11, 12),
    ]


def test_characters_that_become_several_or_none_keep_their_places():
    text = "Stra\u00dfe cafe\u0301 ok"
    words = verbalize(text)
    assert [text[word.start_char : word.end_char] for word in words] == ["Straße", "cafe", "ok"]


def test_a_letter_is_told_from_the_article():
    assert [word.is_letter for word in verbalize("a A.F.C. vitamin B")] == [False, True, True, True, False, True]


def test_sentences_end_at_marks_and_not_at_abbreviations():
    sentences = verbalize_sentences('Dr. J. Ng left the U.S. at 5 p.m. sharp. "Why?" she asked (in 1998).[a] Then\nEnd')
    assert [sentence.to_say for sentence in sentences] == [
        "doctor j ng left the u s at five p m sharp.",
        "why.",
        "she asked, in nineteen ninety eight.",
        "a then.",
        "end.",
    ]


def test_long_sentences_are_cut_at_a_comma():
    text = " ".join(["word"] * 60) + ", " + " ".join(["word"] * 60)
    assert [len(sentence.words) for sentence in verbalize_sentences(text)] == [60, 60]
    assert [len(sentence.words) for sentence in verbalize_sentences(text.replace(",", ""))] == [80, 40]


def test_words_and_sentences_agree_on_real_text():
    from bert_qa_tf.tasks.question_answering.reading.squad_reader import iter_squad

    path = shared_data("squad_style", "squad_v1.1_train_slice.json")
    contexts = {example.context: None for example, _ in zip(iter_squad(path), range(300), strict=False)}
    for context in contexts:
        words = verbalize(context)
        assert [word for sentence in verbalize_sentences(context) for word in sentence.words] == words
        assert all(0 <= word.start_char < word.end_char <= len(context) for word in words)
        assert not any(character.isdigit() or character.isupper() for word in words for character in word.text)


# What its rules look at, more often than chance would have it.
TRICKY = st.lists(
    st.sampled_from([*"aAIVXsS1205.,:;-–'’\"$€£%&@#+=°/½()[] \n", "St", "Mr", "10", "th", "é", "ß", "\u0301", "孔"])
).map("".join)


@given(TRICKY | st.text())
@settings(max_examples=300, deadline=None)
def test_any_text_is_said_in_plain_words_each_with_its_place(text):
    words = verbalize(text)
    assert [word for sentence in verbalize_sentences(text) for word in sentence.words] == words
    for word in words:
        assert re.fullmatch(r"[a-z]+('[a-z]+)*", word.text), word
        assert 0 <= word.start_char < word.end_char <= len(text)


@pytest.mark.parametrize(
    "text",
    ["9" * 5000, f"${'9' * 5000}.50", f"{'1' * 5000}th", f"0.{'1' * 5000}", "1,111" + ",111" * 5000 + "1", "7-" * 5000],
    ids=["number", "money", "ordinal", "decimals", "groups", "serial"],
)
def test_numbers_of_any_length_are_said(text):
    assert len(verbalize(text)) > 4000
