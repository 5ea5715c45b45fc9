"""Counting word errors."""

import pytest

from bert_qa_tf.speech.recordings.word_errors import WordErrors, count_word_errors, verbalized_text

pytest.importorskip("jiwer", reason="needs requirements/speech.txt")


def test_replaced_dropped_and_inserted_words_count():
    assert count_word_errors(["a b c d"], ["a x c d e"]) == WordErrors(2, 4)
    assert count_word_errors(["a b", "c"], ["a", "c"]) == WordErrors(1, 3)


def test_nothing_heard_and_nothing_said():
    assert count_word_errors(["a b"], [""]).rate == 1.0
    assert count_word_errors([""], ["x y"]) == WordErrors(2, 0)
    assert count_word_errors([], []).rate is None


def test_how_it_is_written_does_not_count():
    assert verbalized_text("Forty-five, at 5!") == verbalized_text("45 at five")
