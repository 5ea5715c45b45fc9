"""Full stops where speakers pause."""

from bert_qa_tf.speech.recordings.sentence_ends import end_sentences_at_pauses
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word


def text(words, pause_secs=0.25):
    return Transcript(end_sentences_at_pauses(words, pause_secs)).text


def test_a_pause_and_the_end_of_the_recording_end_a_sentence():
    words = [Word("call", 0.0, 0.3), Word("nora", 0.4, 0.8), Word("she", 1.3, 1.5), Word("waits", 1.5, 1.9)]
    assert text(words) == "call nora. she waits."
    assert text(words, pause_secs=0.1) == "call. nora. she waits."
    assert text(words, pause_secs=0.6) == "call nora she waits."


def test_a_pause_of_just_so_many_frames_is_long_enough():
    # 0.45 - 0.2 is a little less than 0.25 in binary.
    assert text([Word("yes", 0.1, 0.2), Word("no", 0.45, 0.6)]) == "yes. no."


def test_times_and_confidence_stay():
    [word] = end_sentences_at_pauses([Word("yes", 0.1, 0.2, 0.9, True)], 0.25)
    assert word == Word("yes.", 0.1, 0.2, 0.9, True)


def test_no_words_give_none():
    assert end_sentences_at_pauses((), 0.25) == ()
