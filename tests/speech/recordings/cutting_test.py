"""Cutting recordings at pauses."""

import numpy as np

from bert_qa_tf.speech.recordings import cutting

RATE_HZ = 8000


def speech(secs, volume=8000):
    return (volume * np.random.default_rng(0).uniform(-1, 1, int(secs * RATE_HZ))).astype(np.int16)


def in_blocks(samples, size=50_000):
    return (samples[start : start + size] for start in range(0, len(samples), size))


def test_nothing_is_left_out_and_no_piece_is_too_long():
    samples = speech(100)
    pieces = list(cutting.cut_at_pauses(in_blocks(samples), RATE_HZ))
    np.testing.assert_array_equal(np.concatenate([piece.samples for piece in pieces]), samples)
    lengths = [len(piece.samples) / RATE_HZ for piece in pieces]
    assert all(cutting.SHORTEST_SECS <= length <= cutting.LONGEST_SECS for length in lengths[:-1])
    starts = [piece.start_secs for piece in pieces]
    np.testing.assert_allclose(starts, np.cumsum([0.0, *lengths[:-1]]))


def test_cuts_fall_into_pauses_even_when_there_is_noise():
    hum = speech(200, volume=300)
    samples = np.concatenate([np.concatenate([speech(9.5), speech(0.5, volume=0)]) for _ in range(20)])
    samples = samples + hum[: len(samples)]
    pieces = list(cutting.cut_at_pauses(in_blocks(samples), RATE_HZ))
    assert len(pieces) > 5
    for piece in pieces[1:]:
        assert 9.5 < piece.start_secs % 10 < 10


def test_where_pieces_are_cut_does_not_depend_on_the_blocks():
    samples = speech(60)
    once, again = (list(cutting.cut_at_pauses(in_blocks(samples, size), RATE_HZ)) for size in (7_777, 400_000))
    assert [piece.start_secs for piece in once] == [piece.start_secs for piece in again]


def test_no_more_than_a_piece_is_waited_for():
    taken = []

    def blocks():
        for number in range(1000):
            taken.append(number)
            yield speech(1)

    next(cutting.cut_at_pauses(blocks(), RATE_HZ))
    assert len(taken) <= cutting.LONGEST_SECS + 1


def test_short_and_empty_recordings_are_one_piece_and_none():
    assert [len(p.samples) for p in cutting.cut_at_pauses([speech(1)], RATE_HZ)] == [RATE_HZ]
    assert list(cutting.cut_at_pauses([], RATE_HZ)) == []


def test_silence_is_told_from_soft_speech():
    assert cutting.is_silent(np.zeros(RATE_HZ, np.int16), RATE_HZ)
    assert cutting.is_silent(speech(1, volume=30), RATE_HZ)
    assert cutting.is_silent(np.zeros(0, np.int16), RATE_HZ)
    assert not cutting.is_silent(speech(1, volume=200), RATE_HZ)
    assert not cutting.is_silent(np.concatenate([np.zeros(RATE_HZ, np.int16), speech(0.4)]), RATE_HZ)
