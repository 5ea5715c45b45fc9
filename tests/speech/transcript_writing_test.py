"""Transcripts as files."""

import json

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcript_writing import format_of, render
from bert_qa_tf.speech.transcripts import Transcript, Word, from_json

TRANSCRIPT = Transcript(
    (Word("call", 0.5, 0.8, 0.9), Word("r&d", 0.8, 3600.25, 0.5), Word("now", 3601.5, 3602.0)), 3700.0
)


def test_json_is_read_back():
    assert from_json(json.loads(render(TRANSCRIPT, "json")), "a.json") == TRANSCRIPT


def test_text_is_the_words():
    assert render(TRANSCRIPT, "text") == "call r&d now\n"


def test_captions_have_times_and_end_at_pauses():
    short = Transcript((Word("call", 0.5, 0.8), Word("r&d", 0.8, 1.25), Word("now", 3601.5, 3602.0)))
    assert render(short, "vtt") == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.250\ncall r&amp;d\n\n01:00:01.500 --> 01:00:02.000\nnow\n"
    )
    assert render(short, "srt") == (
        "1\n00:00:00,500 --> 00:00:01,250\ncall r&d\n\n2\n01:00:01,500 --> 01:00:02,000\nnow\n"
    )


def test_captions_stay_short():
    words = tuple(Word("abcdefghi", 0.2 * i, 0.2 * i + 0.2) for i in range(100))
    cues = render(Transcript(words), "srt").split("\n\n")
    assert max(len(cue.splitlines()[2]) for cue in cues) <= 84
    assert sum(len(cue.splitlines()[2].split()) for cue in cues) == 100


def test_nothing_heard_is_a_file_without_captions():
    assert render(Transcript((), 5.0), "vtt") == "WEBVTT\n\n"
    assert render(Transcript((), 5.0), "srt") == ""
    assert json.loads(render(Transcript((), 5.0), "json")) == {"text": "", "duration_secs": 5.0, "words": []}


@pytest.mark.parametrize(
    ("path", "name"), [("a.json", "json"), ("A.TXT", "text"), ("a.b.vtt", "vtt"), ("a.srt", "srt")]
)
def test_the_ending_names_the_format(path, name):
    assert format_of(path) == name


def test_another_ending_is_one_clear_line():
    with pytest.raises(InputError, match=r"a\.doc: no format has this ending, expected one of \.json, \.txt"):
        format_of("a.doc")
