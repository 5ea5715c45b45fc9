import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bert_qa_tf.speech.transcripts.cues import cut_into_cues
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word


def spoken(text: str, *, secs_per_word: float = 0.25, pauses: dict[str, float] | None = None) -> Transcript:
    """Words one after the other; behind those in `pauses` nothing is said for so long."""
    words, clock = [], 0.0
    for token in text.split():
        words.append(Word(token, clock, clock + secs_per_word))
        clock += secs_per_word + (pauses or {}).get(token, 0.0)
    return Transcript(tuple(words))


def lines(transcript: Transcript) -> list[list[str]]:
    return [[" ".join(word.text for word in line) for line in cue.lines] for cue in cut_into_cues(transcript)]


def test_a_stop_ends_a_cue_and_a_breath_does_not():
    transcript = spoken("hi this is nora call me", pauses={"hi": 0.3, "nora": 1.0})
    assert lines(transcript) == [["hi this is nora"], ["call me"]]


def test_two_lines_of_about_the_same_length():
    assert lines(spoken("one two three four five six seven eight nine ten")) == [
        ["one two three four five", "six seven eight nine ten"]
    ]


def test_a_full_cue_is_cut_behind_a_sentence():
    text = "please bring the blue folder and the signed forms. thank you and see you on monday at noon then goodbye"
    assert lines(spoken(text)) == [
        ["please bring the blue", "folder and the signed forms."],
        ["thank you and see you on", "monday at noon then goodbye"],
    ]


def test_a_full_cue_without_punctuation_is_cut_at_its_longest_pause():
    text = "please bring the blue folder and the signed forms thank you and see you on monday at noon then goodbye"
    assert [cue[-1] for cue in lines(spoken(text, pauses={"forms": 0.4, "thank": 0.2}))] == [
        "folder and the signed forms",
        "monday at noon then goodbye",
    ]


def test_no_cue_takes_more_than_seven_seconds_unless_one_word_does():
    cues = cut_into_cues(spoken("a b c d e", secs_per_word=3.0))
    assert [(cue.start_secs, cue.end_secs) for cue in cues] == [(0, 6), (6, 12), (12, 15)]
    [cue] = cut_into_cues(Transcript((Word("uuuuh", 1.0, 20.0),)))
    assert (cue.start_secs, cue.end_secs) == (1.0, 20.0)


def test_a_word_longer_than_a_line_has_one_to_itself():
    assert lines(spoken(f"see {'x' * 50} now")) == [["see"], ["x" * 50], ["now"]]


def test_a_short_cue_stays_a_second_where_nothing_follows():
    transcript = Transcript((Word("yes", 1.0, 1.25), Word("no", 2.0, 2.2), Word("ok", 5.0, 5.2)))
    assert [(cue.start_secs, cue.end_secs) for cue in cut_into_cues(transcript)] == [(1, 2), (2, 3), (5, 6)]
    close = Transcript((Word("yes", 1.0, 1.1), Word("no", 1.85, 3.0)))
    assert [(cue.start_secs, cue.end_secs) for cue in cut_into_cues(close)] == [(1, 1.85), (1.85, 3)]


def test_words_without_times_go_with_their_neighbours():
    transcript = Transcript((Word("room"), Word("24", 1.0, 1.5), Word("please")), 3.0)
    [cue] = cut_into_cues(transcript)
    assert (cue.start_secs, cue.end_secs) == (0.0, 3.0)
    assert [word.times_estimated for word in cue.words] == [True, False, True]


@pytest.mark.parametrize("transcript", [Transcript(()), Transcript((), 3.0)])
def test_nothing_said_is_no_cue(transcript):
    assert cut_into_cues(transcript) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.text("ab.", min_size=1, max_size=60), st.none() | st.floats(0, 99), st.floats(0, 9)), max_size=40
    )
)
def test_cues_hold_every_word_once_and_keep_their_limits(entries):
    words = [Word(text, start, None if start is None else start + lasts) for text, start, lasts in entries]
    cues = cut_into_cues(Transcript(tuple(words)))
    assert [word.text for cue in cues for word in cue.words] == [word.text for word in words]
    for cue, following in itertools.pairwise(cues):
        assert cue.start_secs <= following.start_secs
    for cue in cues:
        assert cue.end_secs > cue.start_secs
        assert 1 <= len(cue.lines) <= 2
        for line in cue.lines:
            assert len(line) == 1 or len(" ".join(word.text for word in line)) <= 42
        spoken_secs = max(word.end_secs for word in cue.words) - min(word.start_secs for word in cue.words)
        assert len(cue.words) == 1 or spoken_secs <= 7


def test_a_cue_has_one_speaker():
    words = [Word("hello", 0.0, 0.5, speaker="Dana"), Word("yes", 0.5, 1.0, speaker="Ben"), Word("so", 1.0, 1.5)]
    assert lines(Transcript(tuple(words))) == [["hello"], ["yes"], ["so"]]
