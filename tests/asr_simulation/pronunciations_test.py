import itertools

import numpy as np
import pytest

from bert_qa_tf.asr_simulation.pronunciations import (
    GAP_COST,
    PHONES,
    Pronunciations,
    decode,
    encode,
    phone_distances,
    read_dictionary,
    sound_distance,
)
from bert_qa_tf.errors import InputError


def sounds(phones: str) -> bytes:
    return encode(phones.split())


def test_phones_come_back_from_their_bytes():
    assert decode(encode(PHONES)) == list(PHONES)


def test_the_distance_of_phones_is_symmetric_and_0_only_for_the_same():
    table = phone_distances()
    assert (table == table.T).all()
    assert (np.flatnonzero(table.diagonal()) == []).all()
    assert (table[1:, 1:] + 99 * np.eye(len(PHONES)) > 0).all()
    assert table.max() < 2 * GAP_COST


@pytest.mark.parametrize(
    ("near", "far"), [(("P", "B"), ("P", "L")), (("IH", "EH"), ("IH", "AO")), (("M", "N"), ("M", "AA"))]
)
def test_what_is_often_taken_for_each_other_is_nearer(near, far):
    one, other = (sound_distance(*map(sounds, pair)) for pair in (near, far))
    assert one < other


def test_the_distance_of_words_is_that_of_the_cheapest_changes():
    assert sound_distance(sounds("K AE T"), sounds("K AE T")) == 0
    assert sound_distance(sounds("K AE T"), sounds("K AE T S")) == GAP_COST
    assert sound_distance(sounds("K AE T"), sounds("B AE T")) == sound_distance(sounds("K"), sounds("B"))
    assert sound_distance(b"", sounds("K AE T")) == 3 * GAP_COST


def test_no_way_round_is_shorter():
    words = [sounds(word) for word in ("K AE T", "B AE T S", "S AE T ER N", "AA N")]
    for one, other, third in itertools.permutations(words, 3):
        assert sound_distance(one, third) <= sound_distance(one, other) + sound_distance(other, third) + 6


def test_a_dictionarys_first_pronunciation_is_taken(tmp_path):
    path = tmp_path / "a.dict"
    path.write_text(";;; a comment\nread R EH D\nread(2) R IY D\n\ntree T R IY\n")
    dictionary = read_dictionary(path)
    assert dictionary.entries == {"read": sounds("R EH D"), "tree": sounds("T R IY")}


@pytest.mark.parametrize(
    ("text", "message"), [("cat K QQ T\n", "line 1: 'QQ' is no phone of ARPAbet"), (None, "cannot read")]
)
def test_a_dictionary_that_is_none_is_one_line(tmp_path, text, message):
    path = tmp_path / "a.dict"
    if text:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_dictionary(path)


def test_unknown_words_are_put_together_from_known_ones_and_letters():
    entries = {"sky": sounds("S K AY"), "fall": sounds("F AO L"), "tree": sounds("T R IY"), "cat": sounds("K AE T")}
    dictionary = Pronunciations(entries)
    assert dictionary.phones("skyfall") == sounds("S K AY F AO L")
    assert dictionary.phones("shtree") == sounds("SH T R IY")
    assert dictionary.phones("tree's") == sounds("T R IY Z")
    assert dictionary.phones("cat's") == sounds("K AE T S")
    assert dictionary.phones("zzz") == sounds("Z Z")
    assert dictionary.phones("'") == b""
    assert "skyfall" not in dictionary


def test_a_dictionary_that_is_not_utf_8_is_named(tmp_path):
    (tmp_path / "words").write_bytes(b"caf\xe9 K AE F EY\n")
    with pytest.raises(InputError, match="words: not UTF-8 at byte 3, expected a dictionary"):
        read_dictionary(tmp_path / "words")
