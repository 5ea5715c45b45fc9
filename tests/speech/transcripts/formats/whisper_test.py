import json

import pytest

from bert_qa_tf import odd_items
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
        Word("in", 1.0, 1.5, 0.9, speaker="SPEAKER_00"),
        Word("2014", 1.5, 3.5, times_estimated=True, speaker="SPEAKER_00"),
        Word("we", 3.5, 4.0, 0.8, speaker="SPEAKER_00"),
    )
    assert done.counts == {}


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
        ({"segments": [segment(0, 1, 7)]}, r"segments\[0\]: expected `text` as text, got 7"),
        ({"segments": {"0": 1}}, r"segments: expected a list, got an object with `0`"),
        ({"segments": [[0, 1]]}, r"segments\[0\]: expected an object, got a list of 2"),
        ({"transcription": [{"text": 7}]}, r"transcription\[0\]: expected `text` as text, got 7"),
        ({"language": "en"}, r"expected `text` as text, got none"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(value, message):
    with pytest.raises(InputError, match=rf"^a\.json: {message}"):
        read(value)


@pytest.mark.parametrize(
    ("bad", "times", "counts"),
    [
        (segment(2.4, 1.2, "b"), (2.0, 5.0), {"inverted_times": 1}),
        ({"text": "b", "start": 2.4}, (2.4, 5.0), {}),
        (segment("soon", 4, "b"), (2.0, 4.0), {"odd_times": 1}),
        (segment(True, 4, "b"), (2.0, 4.0), {"odd_times": 1}),
        (segment(float("nan"), 4, "b"), (2.0, 4.0), {"odd_times": 1}),
        (segment(3, 4, "b", words=[{"word": "b", "start": 4, "end": 3}]), (3.0, 4.0), {"inverted_times": 1}),
        (segment(3, 4, "b", words=[[3, 4, "b"]]), (3.0, 4.0), {}),
        (segment(3, 4, "b", words=[{"word": "b", "score": float("nan")}]), (3.0, 4.0), {"odd_confidences": 1}),
    ],
)
def test_what_is_wrong_with_one_segment_costs_no_word(bad, times, counts):
    value = {"segments": [segment(0.0, 2.0, "a"), bad, segment(5.0, 6.0, "c")]}
    with odd_items.collect() as odd:
        found = read(value).transcript.words
    assert [word.text for word in found] == ["a", "b", "c"]
    assert (found[1].start_secs, found[1].end_secs) == times
    assert odd.counts() == counts


def test_an_entry_of_another_shape_is_left_out_and_counted():
    with odd_items.collect() as odd:
        assert words({"segments": [segment(0, 1, "a"), "b", segment(1, 2, 7)]}) == [("a", 0.0, 1.0)]
    assert odd.counts() == {"odd_entries": 2}
    with odd_items.collect(strict=True), pytest.raises(InputError, match=r'segments\[1\]: expected an object, got "b"'):
        words({"segments": [segment(0, 1, "a"), "b"]})


def test_strict_names_the_place_once_wherever_it_is():
    segments = [segment(0, 1, "a", words=[{"word": "a", "start": 0, "end": 1, "score": float("nan")}])]
    with odd_items.collect(strict=True), pytest.raises(InputError) as refused:
        words({"segments": segments})
    assert str(refused.value) == "a.json: segments[0].words[0]: expected `score` as a number, got NaN"


def test_whisper_cpp_times_that_are_none_are_estimated():
    with odd_items.collect() as odd:
        assert words(cpp((0, 1000, " Hi", None), (-1, 2000, " Nora", None))) == [("Hi", 0.0, 1.0), ("Nora", 1.0, 2.0)]
    assert odd.counts() == {"odd_times": 1}
    stamped = {"text": " Hi", "timestamps": {"from": "00:01:00,500", "to": "00:01:01,000"}}
    assert words({"transcription": [stamped]}) == [("Hi", 60.5, 61.0)]


def test_the_segments_of_diarized_json_have_speakers():
    value = {
        "duration": 2.0,
        "text": "Hi Nora",
        "segments": [segment(0.0, 1.0, "Hi", speaker="A"), segment(1.0, 2.0, " Nora", speaker="B")],
    }
    assert [(word.text, word.speaker) for word in read(value).transcript.words] == [("Hi", "A"), ("Nora", "B")]
