import math

import numpy as np
import pytest

from bert_qa_tf.asr_simulation.error_features import ERROR_FEATURES, error_rows, log_odds, text_features
from tests.asr_simulation.tiny_recognizer import tiny_vocabulary, weights

VOCABULARY = tiny_vocabulary()


def features(*entries: str) -> np.ndarray:
    return text_features(VOCABULARY, entries, [VOCABULARY.pronunciations.phones(entry) for entry in entries])


def column(name: str, *entries: str) -> list[float]:
    rows = error_rows(features(*entries), np.zeros(len(entries), bool))
    return rows[:, ERROR_FEATURES.index(name)].tolist()


def test_a_word_is_told_by_its_likelihood_length_and_place():
    assert column("surprisal", "the", "cat") == pytest.approx([-math.log(0.1), -math.log(0.01)])
    assert column("next_surprisal", "the", "cat")[0] == pytest.approx(-math.log(0.01))
    assert column("log_phones", "the", "cat") == pytest.approx([math.log(2), math.log(3)])
    assert column("frequent", "the", "skyfall") == [1.0, 0.0]
    assert column("first", "the", "cat", "sat") == [1.0, 0.0, 0.0]


def test_each_phone_is_counted_in_its_word():
    assert column("T", "cat", "mitten", "the") == [1.0, 1.0, 0.0]
    assert column("UW", "two", "to", "saturn") == [1.0, 1.0, 0.0]
    assert column("F", "scuffle", "fall") == [1.0, 1.0]


def test_what_is_not_known_is_as_rare_as_can_be():
    assert np.isfinite(features("mitten", "on", "mitten")).all()
    assert column("rarity", "mitten")[0] > column("rarity", "cat")[0]


def test_no_words_have_no_rows():
    assert features().shape == (0, len(ERROR_FEATURES) - 4)


def test_after_an_error_a_word_has_other_odds():
    rows = features("the", "cat")
    before, after = log_odds(rows, weights(bias=-1.0, after_error=2.0, surprisal_after_error=-0.5, surprisal=0.5))
    surprisal = np.array([-math.log(0.1), -math.log(0.01)])
    assert before == pytest.approx(-1.0 + 0.5 * surprisal)
    assert after == pytest.approx([1.0, 1.0])
