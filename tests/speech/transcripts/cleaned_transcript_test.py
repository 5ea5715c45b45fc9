import pytest

from bert_qa_tf import odd_items
from bert_qa_tf.config import CleaningConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.cleaned_transcript import CleanedTranscript, Said, TranscriptReader
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word
from bert_qa_tf.text.timed_text import TimedText
from tests.testing import TESTDATA

MESSAGE = Transcript(
    (
        Word("SPEAKER_00:", 0.0, 0.0),
        Word("on", 0.5, 0.7),
        Word("monday", 0.7, 1.2),
        Word("um,", 1.3, 1.5),
        Word("the", 1.6, 1.7),
        Word("ninth", 1.7, 2.1, times_estimated=True),
    )
)


def test_a_span_of_the_cleaned_text_is_what_was_said_and_when():
    cleaned = CleanedTranscript.of(MESSAGE, CleaningConfig())
    assert cleaned.text == "on monday the ninth"
    assert cleaned.said(3, 9) == Said("monday", 15, 21, 0.7, 1.2, False)
    assert cleaned.said(3, 19) == Said("monday um, the ninth", 15, 35, 0.7, 2.1, True)
    assert cleaned.said(0, 0) == Said("", 12, 12, None, None, False)


def test_without_rules_it_is_the_transcripts_own_text():
    cleaned = CleanedTranscript.of(MESSAGE, CleaningConfig.of(("none",)))
    assert cleaned.text == MESSAGE.text
    assert cleaned.said(0, 2).text == "SP"


def test_words_without_times_have_none():
    assert CleanedTranscript.of(Transcript((Word("hi"),)), CleaningConfig()).said(0, 2) == Said(
        "hi", 0, 2, None, None, False
    )


def test_it_is_what_questions_are_asked_about():
    cleaned: TimedText = CleanedTranscript.of(MESSAGE, CleaningConfig())
    assert cleaned.said(0, 2).start_secs == 0.5


def test_a_file_is_read_once_and_told_of(tmp_path):
    path = tmp_path / "call.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\nJohn: um, hi [Music]\n", encoding="utf-8")
    told = []
    read = TranscriptReader(report=told.append)
    assert read(str(path)).text == "hi"
    assert read(str(path)) is read(str(path))
    assert told == [
        f"{path}: srt, 4 words; 4 with estimated times; cleaned of speaker labels (1), sound notes (1), fillers (1)"
    ]


def test_a_file_that_is_read_again_is_told_of_and_counted_once(tmp_path):
    paths = [tmp_path / f"{number}.srt" for number in range(40)]
    for path in paths:
        path.write_text("1\n00:00:03,000 --> 00:00:02,000\nHi\n", encoding="utf-8")
    told = []
    read = TranscriptReader(report=told.append)
    with odd_items.collect() as odd:
        for _ in range(2):  # as for a file of questions, which is counted first
            assert {read(str(path)).text for path in paths} == {"Hi"}
    assert odd.counts() == {"untimed_captions": 40}
    assert len(told) == 40


def test_a_plain_text_keeps_its_lines_by_which_labels_are_known(tmp_path):
    path = tmp_path / "call.txt"
    path.write_text("0:05\nAnn: the key\nBen Osei: is here\n", encoding="utf-8")
    cleaned = TranscriptReader()(str(path))
    assert cleaned.text == "the key\nis here\n"
    start, end = cleaned.said(0, 7)[1:3]
    assert path.read_text(encoding="utf-8")[start:end] == "the key"


def test_format_recording_and_rules_are_passed_on(tmp_path):
    path = tmp_path / "calls.ctm"
    path.write_text("a 1 0.0 1.0 hi\nb 1 0.0 1.0 um\n", encoding="utf-8")
    read = TranscriptReader("ctm", "b", CleaningConfig.of(("none",)))
    assert read(str(path)).text == "um"
    with pytest.raises(InputError, match="expected WEBVTT"):
        TranscriptReader("vtt")(str(path))


@pytest.mark.parametrize(
    ("name", "speaker"), [("call.vtt", "Ben Osei"), ("call.whisper.json", None), ("call.google_v1.json", None)]
)
def test_an_answer_in_a_real_format_has_its_seconds(name, speaker):
    cleaned = TranscriptReader()(str(TESTDATA / "transcripts" / name))
    start = cleaned.text.index("Tuesday")
    assert cleaned.said(start, start + len("Tuesday"))[3:] == (3603.5, 3604.0, False, speaker)


def test_a_span_has_a_speaker_if_all_its_words_have_the_same():
    words = (
        Word("hi", 0, 1, speaker="Ana"),
        Word("nora", 1, 2, speaker="Ana"),
        Word("yes", 2, 3, speaker="Ben"),
        Word("no"),
    )
    said = CleanedTranscript.of(Transcript(words), CleaningConfig()).said
    assert [said(*span).speaker for span in ((0, 2), (0, 7), (3, 11), (8, 14), (12, 14))] == [
        "Ana",
        "Ana",
        None,
        None,
        None,
    ]
