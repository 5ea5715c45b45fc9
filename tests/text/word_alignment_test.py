"""Pairs of said and heard words."""

import pytest

from bert_qa_tf.text.word_alignment import align_by_spelling, similarity

pytest.importorskip("rapidfuzz", reason="needs requirements/speech.txt")


def paired(said, heard):
    said, heard = said.split(), heard.split()
    pairs = align_by_spelling(said, heard)
    return [(None if a is None else said[a], None if b is None else heard[b]) for a, b in pairs]


def test_a_garbled_name_is_paired_with_what_sounds_like_it():
    assert paired("the denver broncos won", "the dinner for broncos won") == [
        ("the", "the"),
        ("denver", "dinner"),
        (None, "for"),
        ("broncos", "broncos"),
        ("won", "won"),
    ]


@pytest.mark.parametrize(
    ("said", "heard", "pairs"),
    [
        ("", "", []),
        ("a b", "", [("a", None), ("b", None)]),
        ("", "a", [(None, "a")]),
        ("one two three", "one three", [("one", "one"), ("two", None), ("three", "three")]),
        ("cat", "dog", [("cat", "dog")]),
    ],
)
def test_gaps_stand_on_either_side(said, heard, pairs):
    assert paired(said, heard) == pairs


def test_each_place_occurs_once_and_in_order():
    said, heard = list("abcdefg"), list("xaccgfe")
    pairs = align_by_spelling(said, heard)
    assert [a for a, _ in pairs if a is not None] == list(range(7))
    assert [b for _, b in pairs if b is not None] == list(range(7))


def test_similarity_does_not_mind_where_words_are_split():
    assert similarity(["health", "care"], ["healthcare"]) == 1.0
    assert similarity(["tape"], ["paid"]) == 0.25
    assert similarity(["tape"], []) == 0.0
