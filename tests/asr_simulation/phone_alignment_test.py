import itertools

import pytest

from bert_qa_tf.asr_simulation.phone_alignment import Chunk, align_by_sound
from tests.asr_simulation.tiny_recognizer import tiny_vocabulary

PRONUNCIATIONS = tiny_vocabulary().pronunciations


def chunks(said: str, heard: str) -> list[tuple[str, str]]:
    one, other = said.split(), heard.split()
    found = align_by_sound([PRONUNCIATIONS.phones(w) for w in one], [PRONUNCIATIONS.phones(w) for w in other])
    return [(" ".join(one[a:b]), " ".join(other[c:d])) for a, b, c, d in found]


def test_the_same_words_are_their_own_partners():
    assert chunks("the cat sat", "the cat sat") == [("the", "the"), ("cat", "cat"), ("sat", "sat")]


def test_words_are_paired_by_sound():
    assert chunks("the cat sat on", "the hat sat on")[1] == ("cat", "hat")


def test_one_word_may_be_heard_as_two_and_two_as_one():
    assert chunks("the saturn fall", "the sat turn fall")[1] == ("saturn", "sat turn")
    assert chunks("the sat turn fall", "the saturn fall")[1] == ("sat turn", "saturn")


def test_every_word_is_in_one_chunk():
    found = align_by_sound([b"\x01\x02", b"\x03"], [b"\x09", b"\x0a", b"\x0b\x01"])
    assert found[0][0] == found[0][2] == 0
    assert (found[-1][1], found[-1][3]) == (2, 3)
    for one, other in itertools.pairwise(found):
        assert (one.said_end, one.heard_end) == (other.said_start, other.heard_start)


@pytest.mark.parametrize(
    ("said", "heard", "expected"),
    [([], [], []), ([b"\x01"], [], [Chunk(0, 1, 0, 0)]), ([], [b"\x01"], [Chunk(0, 0, 0, 1)])],
)
def test_nothing_said_or_heard_is_a_chunk_too(said, heard, expected):
    assert align_by_sound(said, heard) == expected
