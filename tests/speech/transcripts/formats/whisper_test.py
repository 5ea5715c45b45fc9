import json

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.reader import parse_transcript
from bert_qa_tf.speech.transcripts.transcript import Word


def read(value):
    return parse_transcript(json.dumps(value).encode(), "a.json", "whisper")


def words(value):
    return [(word.text, word.start_secs, word.end_secs) for word in read(value).transcript.words]


def segment(start, end, text, **more):
    return {"id": 0, "start": start, "end": end, "text": text, **more}


def test_words_of_a_segment_without_their_own_share_its_times():
    found = read({"segments": [segment(1.0, 3.0, " I am nora"), segment(4.0, 5.0, " hello")]}).transcript.words
    assert found == (
        Word("I", 1.0, 1.0 + 2 / 7, times_estimated=True),
        Word("am", 1.0 + 2 / 7, 1.0 + 6 / 7, times_estimated=True),
        Word("nora", 1.0 + 6 / 7, 3.0, times_estimated=True),
        Word("hello", 4.0, 5.0),  # the segment's times are its own
    )


def test_a_list_of_segments_as_faster_whisper_gives_them():
    dumped = [segment(0.0, 2.0, " Hi there", words=None), segment(2.0, 3.0, " you", words=[])]
    assert [text for text, _, _ in words(dumped)] == ["Hi", "there", "you"]


def test_whisperx_words_that_could_not_be_aligned_get_times_from_their_neighbours():
    value = {
        "segments": [
            {
                "start": 1.0,
                "end": 4.0,
                "text": "in 2014 we",
                "speaker": "SPEAKER_00",
                "words": [
                    {"word": "in", "start": 1.0, "end": 1.5, "score": 0.9, "speaker": "SPEAKER_00"},
                    {"word": "2014"},
                    {"word": "we", "start": 3.5, "end": 4.0, "score": 0.8},
                ],
            }
        ],
        "word_segments": [{"word": "in", "start": 1.0, "end": 1.5, "score": 0.9}],
    }
    done = read(value)
    assert done.transcript.words == (
        Word("in", 1.0, 1.5, 0.9),
        Word("2014", 1.5, 3.5, times_estimated=True),
        Word("we", 3.5, 4.0, 0.8),
    )
    assert done.counts == {"speaker_labels": 1}


def test_pieces_without_a_space_go_on_with_the_word_before_them():
    pieces = [
        {"word": " well", "start": 0.0, "end": 0.2, "probability": 0.9},
        {"word": "-known", "start": 0.2, "end": 0.5, "probability": 0.4},
        {"word": " Nora", "start": 0.5, "end": 0.9, "probability": 0.8},
        {"word": "'s", "start": 0.9, "end": 1.0, "probability": 0.7},
    ]
    assert read({"segments": [segment(0.0, 1.0, " well-known Nora's", words=pieces)]}).transcript.words == (
        Word("well-known", 0.0, 0.5, 0.4),
        Word("Nora's", 0.5, 1.0, 0.7),
    )


def test_words_beside_the_segments_as_the_api_gives_them():
    value = {
        "task": "transcribe",
        "duration": 2.5,
        "text": "Hi Nora.",
        "segments": [segment(0.0, 2.5, " Hi Nora.")],
        "words": [{"word": "Hi", "start": 0.1, "end": 0.4}, {"word": "Nora", "start": 0.5, "end": 0.9}],
    }
    assert words(value) == [("Hi", 0.1, 0.4), ("Nora", 0.5, 0.9)]
    assert read(value).transcript.duration_secs == 2.5


def test_text_alone_has_no_times():
    assert words({"text": " Hi Nora."}) == [("Hi", None, None), ("Nora.", None, None)]
    assert words({"text": "Hi", "segments": [], "words": []}) == [("Hi", None, None)]
    assert words({"text": "", "segments": []}) == []


def cpp(*segments):
    return {
        "transcription": [
            {"offsets": {"from": start, "to": end}, "text": text} | ({"tokens": tokens} if tokens else {})
            for start, end, text, tokens in segments
        ]
    }


def token(text, start, end, p=0.5):
    return {"text": text, "offsets": {"from": start, "to": end}, "p": p}


def test_whisper_cpp_without_tokens_has_segments():
    assert words(cpp((0, 1000, " Hi", None), (1000, 3000, " Nora here", None))) == [
        ("Hi", 0.0, 1.0),
        ("Nora", 1.0, 2.0),
        ("here", 2.0, 3.0),
    ]


def test_whisper_cpp_with_one_token_a_segment_has_pieces_of_words():
    assert words(
        cpp((0, 200, " N", None), (200, 500, "ora", None), (500, 500, ".", None), (600, 900, " Hi", None))
    ) == [
        ("Nora.", 0.0, 0.5),
        ("Hi", 0.6, 0.9),
    ]


def test_whisper_cpp_writes_half_characters_which_are_put_together():
    tokens = [
        token(" X", 0, 100),
        token(" C", 100, 200),
        token("@@", 200, 300),
        token("##", 300, 400),
        token(" é", 400, 500),
    ]
    text = json.dumps(cpp((0, 500, " X Cß é", tokens)), ensure_ascii=False).encode()
    content = text.replace(b"@@", b"\xc3").replace(b"##", b"\x9f")
    done = parse_transcript(content, "a.json")
    assert [(word.text, word.start_secs, word.end_secs) for word in done.transcript.words] == [
        ("X", 0.0, 0.1),
        ("Cß", 0.1, 0.4),
        ("é", 0.4, 0.5),
    ]
    broken = parse_transcript(text.replace(b"@@", b"\xc3"), "a.json").transcript
    assert [word.text for word in broken.words] == ["X", "C\ufffd##", "é"]


def test_characters_written_without_spaces_stay_words_of_their_own():
    tokens = [
        token("東", 0, 100),
        token("京", 100, 200),
        token("。", 200, 300),
        token("カ", 300, 400),
        token("A", 400, 500),
    ]
    assert words(cpp((0, 500, "東京。カA", tokens))) == [("東", 0.0, 0.1), ("京。", 0.1, 0.3), ("カA", 0.3, 0.5)]


def test_confidences_that_are_no_share_are_left_out_and_counted():
    entry = {"word": "a", "start": 0, "end": 1, "probability": -3.5}
    done = read([entry])
    assert done.transcript.words == (Word("a", 0.0, 1.0),)
    assert done.counts == {"confidences_out_of_range": 1}
    assert read([{"word": " "}]).counts == {"empty_words": 1}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"segments": [{"text": "a", "start": 1}]}, r"segments\[0\]: expected `end` in seconds, got none"),
        ({"segments": [segment(2, 1, "a")]}, r"segments\[0\]: ends at 1.0 s, before it starts at 2.0 s"),
        ({"segments": [segment(0, 1, 7)]}, r"segments\[0\]: expected `text` as text, got 7"),
        ({"segments": [segment("soon", 1, "a")]}, r'segments\[0\]: expected `start` in seconds, got "soon"'),
        ({"segments": [segment(True, 1, "a")]}, r"segments\[0\]: expected `start` in seconds, got true"),
        ({"segments": {"0": 1}}, r"segments: expected a list, got an object with `0`"),
        (
            {"segments": [segment(0, 1, "a", words=[{"word": "a", "start": 1, "end": 0}])]},
            r"segments\[0\]\.words\[0\]: ends at 0.0 s, before it starts at 1.0 s",
        ),
        (
            {"segments": [segment(0, 1, "a", words=[[0, 1, "a"]])]},
            r"segments\[0\]\.words\[0\]: expected an object, got a list of 3",
        ),
        ([{"word": "a", "probability": "sure"}], r'\[0\]: expected `probability` as a number, got "sure"'),
        ({"transcription": [{"text": "a"}]}, r"transcription\[0\]\.offsets: expected an object, got null"),
        (cpp((-1, 2, "a", None)), r"transcription\[0\]\.offsets: expected `from` in milliseconds, got -1"),
        ({"language": "en"}, r"expected `text` as text, got none"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(value, message):
    with pytest.raises(InputError, match=rf"^a\.json: {message}"):
        read(value)
