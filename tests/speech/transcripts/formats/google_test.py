import json

import pytest

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.reader import parse_transcript
from bert_qa_tf.speech.transcripts.transcript import Word


def read(value, recording=None):
    return parse_transcript(json.dumps(value).encode(), "a.json", "google", recording)


def result(*words, **more):
    return {"alternatives": [{"words": list(words)}], **more}


def word(text, start, end, **more):
    return {"word": text, "startTime": f"{start}s", "endTime": f"{end}s", **more}


def test_results_without_word_times_share_the_time_up_to_their_ends():
    value = {
        "results": [
            {"alternatives": [{"transcript": "hi nora"}, {"transcript": "high nora"}], "resultEndTime": "3s"},
            {"alternatives": [{"transcript": " bye"}], "resultEndTime": "4.500s"},
            {"channelTag": 1},
        ]
    }
    done = read(value)
    assert done.transcript.words == (
        Word("hi", 0.0, 1.0, times_estimated=True),
        Word("nora", 1.0, 3.0, times_estimated=True),
        Word("bye", 3.0, 4.5),
    )
    assert done.counts == {"other_alternatives": 1}


def test_without_any_time_there_are_none():
    assert read({"results": [{"alternatives": [{"transcript": "hi nora"}]}]}).transcript.words == (
        Word("hi"),
        Word("nora"),
    )
    assert read({"results": [{"alternatives": [{"words": [{"word": "hi"}]}]}]}).transcript.words == (Word("hi"),)


def test_a_start_of_zero_may_be_missing_and_a_confidence_of_zero_means_none():
    words = [
        {"endOffset": "0.4s", "word": "hi", "confidence": 0},
        {"startOffset": "0.4s", "endOffset": "1s", "word": "you"},
    ]
    assert read({"results": [result(*words)]}).transcript.words == (Word("hi", 0.0, 0.4), Word("you", 0.4, 1.0))


def test_words_said_again_for_their_speakers_are_taken_once():
    plain = [word("hi", 0, 1), word("nora", 1, 2)]
    tagged = [{**entry, "speakerTag": tag} for entry, tag in zip(plain, (1, 2), strict=True)]
    done = read({"results": [result(plain[0]), result(plain[1]), result(*tagged)]})
    assert done.transcript.text == "hi nora"
    assert done.counts == {"repeated_words": 2}
    assert [word.speaker for word in done.transcript.words] == ["speaker 1", "speaker 2"]


def test_results_with_speakers_that_follow_each_other_are_all_taken():
    done = read({"results": [result(word("hi", 0, 1, speakerTag=1)), result(word("nora", 1, 2, speakerTag=2))]})
    assert done.transcript.text == "hi nora"


def batch(**names):
    return {"results": {f"gs://calls/{name}.wav": value for name, value in names.items()}}


def test_a_batch_holds_one_file_or_one_is_chosen():
    one = {"inlineResult": {"transcript": {"results": [result(word("hi", 0, 1))]}}}
    other = {"transcript": {"results": [result(word("bye", 0, 1), word("now", 1, 2))]}}
    assert read(batch(a=one)).transcript.text == "hi"
    done = read(batch(a=one, b=other), "gs://calls/a.wav")
    assert done.transcript.text == "hi"
    assert done.counts == {"words_of_other_recordings": 2}
    with pytest.raises(InputError, match=r"holds 2 recordings, choose one .*: gs://calls/a\.wav, gs://calls/b\.wav$"):
        read(batch(a=one, b=other))
    with pytest.raises(InputError, match=r"holds no transcript, expected one here \(a `uri` names the file"):
        read(batch(a={"uri": "gs://out/a.json"}))


def test_silence_is_an_answer_without_results():
    assert read({"done": True, "response": {"@type": "x"}}).transcript.words == ()
    assert read({"results": []}).transcript.words == ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, r"a\.json: expected `results` with the results of recognition, got none"),
        ({"results": [result({"startTime": "1s"})]}, r"a\.json: .*words\[0\]: expected `word` as text, got none"),
        ({"results": ["a"]}, r"a\.json: results\[0\]: expected an object, got \"a\""),
    ],
)
def test_what_is_wrong_is_named_with_its_place(value, message):
    with pytest.raises(InputError, match=f"^{message}"):
        read(value)


def test_one_recording_has_no_name_to_choose():
    with pytest.raises(InputError, match=r"^a\.json: holds one recording without a name"):
        read({"results": []}, "gs://calls/a.wav")


@pytest.mark.parametrize("start", ["soon", {"seconds": "x"}, -1, "-2s", True])
def test_a_time_that_is_none_is_counted_and_estimated(start):
    words = [word("a", 0, 1), {"word": "b", "startTime": start, "endTime": "2s"}]
    with odd_items.collect() as odd:
        assert read({"results": [result(*words)]}).transcript.words[1] == Word("b", 1.0, 2.0, times_estimated=True)
    assert odd.counts() == {"odd_times": 1}
    with (
        odd_items.collect(strict=True),
        pytest.raises(InputError, match=r"words\[1\]: expected `startTime` as a time, got"),
    ):
        read({"results": [result(*words)]})


def test_a_result_of_another_shape_is_left_out_and_counted():
    with odd_items.collect() as odd:
        done = read({"results": [result(word("hi", 0, 1)), {"alternatives": [{"words": 7}]}, "x"]})
    assert done.transcript.text == "hi"
    assert odd.counts() == {"odd_entries": 2}


def test_channels_are_put_together_by_time():
    value = {
        "results": [
            result(word("hi", 0, 1), channelTag=1),
            result(word("bye", 4, 5), channelTag=1),
            result(word("nora", 2, 3), channelTag=2),
        ]
    }
    assert [(word.text, word.speaker) for word in read(value).transcript.words] == [
        ("hi", "channel 1"),
        ("nora", "channel 2"),
        ("bye", "channel 1"),
    ]
