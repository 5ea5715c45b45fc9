import sys

import pytest

from bert_qa_tf.asr_simulation.recognizer_vocabulary import RecognizerVocabulary, load_vocabulary
from bert_qa_tf.errors import InputError
from bert_qa_tf.text.verbalization import VerbalizedWord
from tests.asr_simulation.tiny_recognizer import tiny_vocabulary


def test_a_word_needs_a_pronunciation_and_a_probability_to_be_recognised():
    vocabulary = tiny_vocabulary()
    assert "cat" in vocabulary
    assert "mitten" not in vocabulary  # no probability
    assert "skyfall" not in vocabulary  # neither


def test_words_are_written_as_they_are_verbalized():
    vocabulary = tiny_vocabulary()
    written = dict(zip(vocabulary.words, vocabulary.written, strict=True))
    assert (written["a."], written["cats'"], written["cat"]) == ("a", "cats", "cat")
    assert "u.s." not in written


def test_the_name_of_a_letter_is_another_entry_than_the_word():
    vocabulary = tiny_vocabulary()
    assert vocabulary.entry(VerbalizedWord("a", 0, 1, True)) == "a."
    assert vocabulary.entry(VerbalizedWord("a", 0, 1)) == "a"


@pytest.fixture(scope="module")
def vocabulary() -> RecognizerVocabulary:
    pytest.importorskip("pocketsphinx", reason="pip install -r requirements/speech.txt")
    return load_vocabulary()


def test_the_recognisers_own_words_are_read(vocabulary):
    assert len(vocabulary.words) > 70_000
    assert {"carolina", "norman", "schools"} <= set(vocabulary.words)
    assert "beyonce" not in vocabulary
    assert vocabulary.frequent[0] == "the"


def test_its_language_model_knows_what_follows_what(vocabulary):
    after_united = vocabulary.log_probability(["states", "united"])
    assert vocabulary.log_probability(["states"]) < after_united < 0


def test_sound_alikes_of_real_words(vocabulary):
    def alike(word: str) -> list[str]:
        return [vocabulary.words[i] for i in vocabulary.alike.nearest(vocabulary.pronunciations.phones(word)).indices]

    assert "skills" in alike("schools")
    assert alike("carolina")[:2] == ["carolina", "caroline"]


def test_without_pocketsphinx_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    load_vocabulary.cache_clear()
    with pytest.raises(InputError, match=r"pip install -r requirements/speech\.txt"):
        load_vocabulary()
