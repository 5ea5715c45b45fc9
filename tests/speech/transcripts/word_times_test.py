from hypothesis import given, settings
from hypothesis import strategies as st

from bert_qa_tf.speech.transcripts.transcript import Word
from bert_qa_tf.speech.transcripts.word_times import fill_times


def test_words_without_times_share_a_stretch_by_their_length():
    assert fill_times((Word("I"), Word("am"), Word("nora!")), 2.0, 10.0) == (
        Word("I", 2.0, 3.0, times_estimated=True),
        Word("am", 3.0, 5.0, times_estimated=True),
        Word("nora!", 5.0, 10.0, times_estimated=True),
    )


def test_measured_times_stay_and_bound_those_between_them():
    call, nora = Word("call", 0.5, 0.75, 0.9), Word("nora", 1.25, 1.5, 0.8)
    assert fill_times((call, Word("24"), Word("7", confidence=0.5), nora, Word("ok")), 0.0, 2.0) == (
        call,
        Word("24", 0.75, 0.75 + 0.5 * 2 / 3, times_estimated=True),
        Word("7", 0.75 + 0.5 * 2 / 3, 1.25, 0.5, times_estimated=True),
        nora,
        Word("ok", 1.5, 2.0, times_estimated=True),
    )


def test_a_word_of_which_one_end_is_known_reaches_to_its_neighbour():
    assert fill_times((Word("a", 1.0), Word("b", 1.5, 2.0), Word("c", None, 3.0), Word("d", 4.0)), 0.0, 9.0) == (
        Word("a", 1.0, 1.5, times_estimated=True),
        Word("b", 1.5, 2.0),
        Word("c", 2.0, 3.0, times_estimated=True),
        Word("d", 4.0, 4.0, times_estimated=True),
    )


def test_neighbours_that_overlap_leave_no_room():
    filled = fill_times((Word("a", 0.0, 2.0), Word("b"), Word("c", 1.0, 3.0)), 0.0, 3.0)
    assert filled[1] == Word("b", 2.0, 2.0, times_estimated=True)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text("ab", min_size=1), st.none() | st.floats(0, 9)), max_size=9),
    st.floats(0, 9),
    st.floats(0, 9),
)
def test_every_word_gets_times_that_do_not_run_backwards(entries, start_secs, end_secs):
    words = tuple(Word(text, start) for text, start in entries)
    filled = fill_times(words, start_secs, end_secs)
    assert [word.text for word in filled] == [text for text, _ in entries]
    assert all(word.start_secs <= word.end_secs and word.times_estimated for word in filled)
