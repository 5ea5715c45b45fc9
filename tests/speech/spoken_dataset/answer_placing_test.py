"""Answers of a written text in what was heard of it."""

import pytest

from bert_qa_tf.speech.spoken_dataset.answer_placing import AnswerPlacer, Placement
from bert_qa_tf.speech.transcripts.transcript import Word
from bert_qa_tf.text.verbalization import verbalize_sentences

pytest.importorskip("rapidfuzz", reason="needs requirements/speech.txt")


def place(text, heard, answer, start=0):
    """The placement, and the heard words it points at."""
    sentences = verbalize_sentences(text)
    heard_words = [[Word(word) for word in sentence.split()] for sentence in heard.split(".")[: len(sentences)]]
    placer = AnswerPlacer([sentence.words for sentence in sentences], heard_words)
    start_char = text.index(answer, start)
    placement = placer.place(placer.said_between(start_char, start_char + len(answer)))
    if placement is None:
        return None, None
    words = [word.text for sentence in heard_words for word in sentence]
    return placement, " ".join(words[placement.first_word : placement.end_word])


def test_an_answer_that_was_heard_is_exact():
    placement, words = place("It was Carolina who lost.", "it was carolina who lost.", "Carolina")
    assert placement == Placement(2, 3, "exact", 1.0)
    assert words == "carolina"


def test_digits_are_found_as_they_are_said():
    placement, words = place("Born in 1998, he left.", "born in nineteen ninety eight he left.", "1998")
    assert (placement.alignment, words) == ("exact", "nineteen ninety eight")


def test_part_of_a_number_range_is_found():
    _, words = place("From 1914–18 on.", "from nineteen fourteen to eighteen on.", "1914")
    assert words == "nineteen fourteen"


def test_of_several_mentions_the_one_that_is_meant_is_taken():
    text, heard = "Paris won. Then Rome lost to Paris.", "paris one. then rome lost to paris."
    assert place(text, heard, "Paris")[0].first_word == 0
    assert place(text, heard, "Paris", start=5)[0].first_word == 6


def test_a_mention_elsewhere_is_told():
    placement, words = place("Paris won. Rome beat Paris.", "parents one. rome beat paris.", "Paris")
    assert words == "paris"
    assert placement.elsewhere


def test_the_article_belongs_to_the_answer_where_it_was_heard():
    assert place("In the Pope's seat.", "in the pope's seat.", "the Pope's")[1] == "the pope's"
    assert place("In the Pope's seat.", "in a pope's seat.", "the Pope's")[1] == "pope's"
    assert place("In the Pope's seat.", "in the pope's seat.", "Pope's")[1] == "pope's"


def test_a_misheard_answer_is_aligned_with_the_share_of_its_letters():
    placement, words = place("On digital tape for years.", "on digital paid for years.", "digital tape")
    assert placement.alignment == "aligned"
    assert words == "digital paid"
    assert placement.confidence == pytest.approx(8 / 11)


def test_words_without_a_partner_belong_to_it_where_they_make_it_more_alike():
    placement, words = place("He met Huntingdon there.", "he met hunting done there.", "Huntingdon")
    assert words == "hunting done"
    assert placement.confidence == pytest.approx(10 / 11)


def test_words_that_were_split_are_aligned_with_full_confidence():
    placement, words = place("Free healthcare for all.", "free health care for all.", "healthcare")
    assert (placement.alignment, placement.confidence, words) == ("aligned", 1.0, "health care")


def test_an_answer_in_whose_place_nothing_was_heard_has_no_place():
    assert place("It was Carolina.", "it was.", "Carolina") == (None, None)
    assert place("It was Carolina.", ".", "Carolina") == (None, None)


def test_what_is_not_said_has_no_words():
    text = "Confucius (孔子) said."
    placer = AnswerPlacer(
        [sentence.words for sentence in verbalize_sentences(text)], [[Word("confusion"), Word("said")]]
    )
    start = text.index("孔")
    assert not placer.said_between(start, start + 2)


def test_an_answer_that_is_an_article_is_compared_as_it_is():
    assert place("Say the now.", "say the now.", "the")[1] == "the"


def test_words_of_unknown_place_are_found_exactly_or_not_at_all():
    placer = AnswerPlacer([[]], [[Word("then"), Word("rome"), Word("won")]])
    assert placer.place_words(["rome", "won"]) == Placement(1, 3, "exact", 1.0)
    assert placer.place_words(["roam"]) is None
