import json

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.transcript import TimeSpan, Transcript, Word, from_json

#                         0123456789...
# text:                   "hi this is nora"
HELLO = Transcript(
    (Word("hi", 0.1, 0.3, 0.9), Word("this", 0.4, 0.6, 0.5), Word("is", 0.6, 0.7), Word("nora", 0.8, 1.25, 1.0)), 2.0
)


def test_the_text_is_the_words_with_single_spaces():
    assert HELLO.text == "hi this is nora"
    assert HELLO.start_chars == [0, 3, 8, 11]
    assert Transcript(()).text == ""


@pytest.mark.parametrize(
    ("start_char", "end_char", "expected"),
    [
        (0, 2, ["hi"]),
        (3, 10, ["this", "is"]),
        (4, 5, ["this"]),  # half a word is said with the whole of it
        (2, 4, ["this"]),  # from the space on
        (2, 3, []),  # the space alone
        (11, 15, ["nora"]),
        (0, 15, ["hi", "this", "is", "nora"]),
        (5, 5, []),
        (15, 20, []),
    ],
)
def test_a_span_touches_the_words_it_shares_a_character_with(start_char, end_char, expected):
    assert [word.text for word in HELLO.words_between(start_char, end_char)] == expected


def test_a_span_is_said_from_its_first_word_to_its_last():
    assert HELLO.time_of(3, 10) == TimeSpan(0.4, 0.7)
    assert HELLO.time_of(0, 0) is None
    assert Transcript((Word("hi"),)).time_of(0, 2) is None


def test_words_whose_time_is_not_known_leave_it_to_the_others():
    transcript = Transcript((Word("hi"), Word("nora", 0.8, 1.25), Word("here")))
    assert transcript.time_of(0, len(transcript.text)) == TimeSpan(0.8, 1.25)


def test_json_reads_back():
    text = json.dumps(HELLO.to_json())
    assert from_json(json.loads(text), "talk.json") == HELLO
    assert json.loads(text)["words"][2] == {"text": "is", "start_secs": 0.6, "end_secs": 0.7}


def test_json_keeps_speakers():
    transcript = Transcript((Word("hi", 0.1, 0.3, speaker="Nora"), Word("yes", 0.3, 0.7)))
    assert [word.get("speaker") for word in transcript.to_json()["words"]] == ["Nora", None]
    assert from_json(transcript.to_json(), "t.json") == transcript


def test_json_says_which_times_were_not_measured():
    transcript = Transcript((Word("hi", 0.1, 0.3), Word("nora", 0.3, 0.7, times_estimated=True)))
    assert [word.get("times_estimated") for word in transcript.to_json()["words"]] == [None, True]
    assert from_json(transcript.to_json(), "talk.json") == transcript


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "expected an object with `words`, a list"),
        ({"words": [{"text": " "}]}, r"words\[0\]: expected an object with a `text` that is not empty"),
        (
            {"words": [{"text": "a"}, {"text": "b", "start_secs": "1"}]},
            r"words\[1\]: expected `start_secs` as a number",
        ),
        (
            {"words": [{"text": "a", "start_secs": float("nan")}]},
            r"words\[0\]: expected `start_secs` as a number of at least 0",
        ),
        (
            {"words": [{"text": "a", "start_secs": 2, "end_secs": 1}]},
            r"words\[0\]: ends at 1 s, before it starts at 2 s",
        ),
        (
            {"words": [{"text": "a", "times_estimated": "yes"}]},
            r"words\[0\]: expected `times_estimated` as true or false, got 'yes'",
        ),
        ({"words": [{"text": "a", "speaker": 1}]}, r"words\[0\]: expected `speaker` as text, got 1"),
        ({"words": [], "duration_secs": -1}, "expected `duration_secs` as seconds, got -1"),
    ],
)
def test_another_shape_is_refused_in_one_line(value, message):
    with pytest.raises(InputError, match=f"^talk.json: {message}"):
        from_json(value, "talk.json")
