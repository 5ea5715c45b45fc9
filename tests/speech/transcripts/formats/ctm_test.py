import pytest

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.reader import parse_transcript
from bert_qa_tf.speech.transcripts.transcript import Word

TWO_CHANNELS = """\
;; waveform channel start duration word confidence
sw7 A 1.50 0.20 yes -6.763
sw7 A 4.00 0.25 fine 0.5
sw7 B 2.00 0.50 really NA lex spk1
sw7 B 0.50 0.25 @
sw8 A 0.00 1.00 other 0.9
"""


def read(text, recording=None):
    return parse_transcript(text.encode(), "a.ctm", recording=recording)


def test_a_channel_or_all_channels_of_a_waveform_are_chosen():
    assert read(TWO_CHANNELS, "sw7/A").transcript.words == (Word("yes", 1.5, 1.7), Word("fine", 4.0, 4.25, 0.5))
    assert read(TWO_CHANNELS, "sw7").transcript.text == "yes really fine"
    assert read(TWO_CHANNELS, "sw8").transcript.words == (Word("other", 0.0, 1.0, 0.9),)


def test_what_is_left_out_is_counted():
    assert read(TWO_CHANNELS, "sw7").counts == {
        "words_of_other_recordings": 1,
        "non_words": 1,
        "confidences_out_of_range": 1,
    }


def test_several_recordings_and_no_choice_is_one_clear_line():
    expected = r"^a\.ctm: holds 3 recordings, choose one with --transcript_recording: sw7/A, sw7/B, sw8/A$"
    with pytest.raises(InputError, match=expected):
        read(TWO_CHANNELS)
    with pytest.raises(InputError, match=r"holds no recording 'sw9', expected one of sw7/A, sw7/B, sw8/A"):
        read(TWO_CHANNELS, "sw9")
    many = "".join(f"f{i} 1 0.0 1.0 a\n" for i in range(30))
    with pytest.raises(InputError, match=r"f9/1 and 20 more$"):
        read(many)


def test_of_alternatives_in_a_reference_the_first_is_taken():
    text = (
        "r A * * <ALT_BEGIN>\nr A 12.00 0.34 um\nr A * * <ALT>\nr A 12.00 0.34 uh\nr A * * <ALT_END>\nr A 13.0 1 so\n"
    )
    assert read(text).transcript.text == "um so"
    assert read(text).counts == {"other_alternatives": 1}


def test_no_record_is_no_word():
    assert read(";; nothing\n\n").transcript.words == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("r A 1.0 0.5\n", r"a\.ctm:1: expected waveform, channel, start, .* got 4 fields"),
        (";; x\nr A 1.0 0.5 a 1 lex s more\n", r"a\.ctm:2: expected waveform, .* got 9 fields"),
        ("r A one 0.5 a\n", r"a\.ctm:1: expected the start in seconds, got 'one'"),
        ("r A 1.0 -0.5 a\n", r"a\.ctm:1: expected the duration in seconds, got '-0.5'"),
        ("r A nan 0.5 a\n", r"a\.ctm:1: expected the start in seconds, got 'nan'"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text, message):
    with pytest.raises(InputError, match=f"^{message}"):
        read(text)


def test_a_bad_line_costs_itself():
    text = "r A 0.0 0.5 a 0.9 lex ann\nr A 0.5\nr A x 0.5 b\nr A 1.0 0.5 c high\n"
    with odd_items.collect() as odd:
        words = read(text).transcript.words
    assert words == (Word("a", 0.0, 0.5, 0.9, speaker="ann"), Word("b"), Word("c", 1.0, 1.5))
    assert odd.counts() == {"misshapen_lines": 1, "untimed_words": 1, "unreadable_confidences": 1}
