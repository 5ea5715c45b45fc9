import numpy as np

from bert_qa_tf.asr_simulation import confusions
from bert_qa_tf.asr_simulation.confusions import SoundIndex
from bert_qa_tf.asr_simulation.pronunciations import PHONES, encode, sound_distance

WORDS = [encode(word.split()) for word in ("K AE T", "B AE T", "DH AH", "S AE T ER N", "AA N", "K AE T S")]


def test_the_nearest_comes_first_with_its_distance():
    found = SoundIndex(WORDS).nearest(WORDS[0])
    assert found.indices[0] == 0
    assert found.distances.tolist() == [sound_distance(WORDS[0], WORDS[index]) for index in found.indices]
    assert found.distances.tolist() == sorted(found.distances)
    assert sorted(found.indices) == [0, 1, 2, 3, 4, 5]


def test_no_more_are_found_than_asked_for():
    assert len(SoundIndex(WORDS, size=2).nearest(WORDS[0]).indices) == 2


def test_a_frequent_word_need_not_be_as_near():
    penalties = np.array([0, 50, 0, 0, 0, 0])
    assert SoundIndex(WORDS, penalties, size=2).nearest(WORDS[0]).indices.tolist() == [0, 5]


def _random_words(count: int, shortest: int = 1) -> list[bytes]:
    random = np.random.default_rng(0)
    return [bytes(random.integers(1, len(PHONES) + 1, random.integers(shortest, 9)).tolist()) for _ in range(count)]


def test_all_distances_at_once_are_those_of_each_pair():
    words = _random_words(60)
    index = SoundIndex(words, size=60)
    for query in words[:5]:
        found = index.nearest(query)
        assert found.distances.tolist() == [sound_distance(query, words[i]) for i in found.indices]


def test_a_word_is_found_among_many_though_it_is_heard_with_other_phones(monkeypatch):
    monkeypatch.setattr(confusions, "_SHORTLIST", 200)
    words = _random_words(3000, shortest=5)
    index = SoundIndex(words, size=5)
    misheard = {encode(["P"]): encode(["B"]), encode(["IH"]): encode(["EH"]), encode(["M"]): encode(["N"])}
    found = 0
    for number, word in enumerate(words[:100]):
        for one, other in misheard.items():
            word = word.replace(one, other)
        found += number in index.nearest(word[:-1]).indices  # and its end is not heard
    assert found >= 98
