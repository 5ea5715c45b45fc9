"""Recognisers' JSON as it is found: the shapes of their documents, and those of public bug reports.

The content is written for these tests. A test names what its shape was seen in.
"""

import json

import pytest

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from tests.speech.transcripts.formats.recognisers import read, seen, speakers, timed

NAN = float("nan")


# === Small inputs that once went wrong ===


def test_chunks_of_hugging_face_whose_last_end_is_null():
    value = {
        "text": " this is Dana. Call me.",
        "chunks": [
            {"timestamp": [0.0, 3.0], "text": " this is"},
            {"timestamp": [3.0, 4.0], "text": " Dana."},
            {"timestamp": [4.0, None], "text": " Call me please."},
        ],
    }
    file = read(value)
    assert file.describe() == "huggingface, 6 words; 5 with estimated times"
    assert [word.start_secs for word in file.transcript.words[:4]] == [0.0, 2.0, 3.0, 4.0]
    assert 5 < file.transcript.words[-1].end_secs < 6  # 16 characters at a reader's pace


def test_vosk():
    value = {"result": [{"conf": 1.0, "start": 0.0, "end": 0.09, "word": "this"}], "text": "this"}
    assert seen(value) == ("vosk", [("this", 0.0, 0.09)])


def test_words_with_start_and_end_of_others_and_of_mistaken_keys():
    words = [{"id": 0, "start": 0.1, "end": 0.4, "text": "This"}, {"id": 1, "start": 0.4, "end": 0.5, "text": "is"}]
    expected = [("This", 0.1, 0.4), ("is", 0.4, 0.5)]
    assert seen({"words": words}) == ("timed_json", expected)
    assert read({"words": words}).describe() == "timed_json (the list `words`), 2 words"
    assert seen({"text": "This is", "words": [timed("This", 0.1, 0.4), timed("is", 0.4, 0.5)]})[1] == expected


def test_numbers_under_unknown_names_are_told():
    value = {"text": "This is", "words": [{"text": "This", "t0": 0.1, "t1": 0.4}, {"text": "is", "t0": 0.4, "t1": 0.5}]}
    with odd_items.collect() as odd:
        assert seen(value) == ("json", [("This", None, None), ("is", None, None)])
    assert odd.counts() == {"unknown_times": 1}
    with odd_items.collect(strict=True), pytest.raises(InputError, match=r"words: expected times as .* got `t0`, `t1`"):
        read(value)


@pytest.mark.parametrize("stamp", ["00:00:05", "2024-01-01T10:00:05Z"])
def test_clocks_under_unknown_names_are_told(stamp):
    with odd_items.collect() as odd:
        assert seen({"transcript": [{"text": "Hi", "at": stamp}]}) == ("whisper", [("Hi", None, None)])
    assert odd.counts() == {"unknown_times": 1}


# Transcripts of meetings in the answers of fathom.video ("Get transcript").
def test_time_stamps_of_a_clock_are_starts():
    turns = [
        {"speaker": {"display_name": "Ann"}, "text": "Hello Nora", "timestamp": "00:05:32"},
        {"speaker": {"display_name": "Bo"}, "text": "Tuesday", "timestamp": "00:05:40"},
    ]
    found = read({"transcript": turns}).transcript.words
    assert [(word.text, word.start_secs, word.speaker) for word in found][::2] == [
        ("Hello", 332, "Ann"),
        ("Tuesday", 340, "Bo"),
    ]
    with odd_items.collect() as odd:  # of a number nobody knows what it counts
        assert seen([{"text": "Hi", "timestamp": 1704103200}]) == ("whisper", [("Hi", None, None)])
        assert seen([{"text": "Hi", "timestamp": "2024-01-01T10:00:00Z"}]) == ("whisper", [("Hi", None, None)])
    assert odd.counts() == {"unknown_times": 1, "odd_times": 1}


def test_a_key_of_any_length_makes_no_endless_line():
    assert len(read({"k" * 1_000_000: [timed("hi", 0, 1)]}).describe()) < 200


# modelscope/FunASR, `README.md`: with a model of speakers.
def test_sentences_within_a_list_of_texts_keep_their_times():
    sentence = {"text": "hi nora", "start": 880, "end": 1540, "timestamp": [[880, 1120], [1120, 1540]], "spk": 0}
    found = read([{"key": "a", "text": "hi nora", "sentence_info": [sentence]}])
    assert found.file_format == "timed_json"
    first, last = found.transcript.words
    assert (first.text, first.start_secs, last.end_secs) == ("hi", 0.88, 1.54)


def test_watson_and_an_entry_of_another_shape():
    def result(*timestamps, **more):
        return {"final": True, "alternatives": [{"transcript": "x ", "timestamps": list(timestamps)}], **more}

    value = {
        "result_index": 0,
        "results": [result(["this", 0.1, 0.4], ["%HESITATION", 0.4, 0.5]), result(["is", 0.5, 0.7])],
    }
    assert seen(value) == ("watson", [("this", 0.1, 0.4), ("is", 0.5, 0.7)])
    assert read(value).counts == {"non_words": 1}
    with odd_items.collect() as odd:
        assert seen({"results": [result(["this", 0.1, 0.4], ["is"], 7)]})[1] == [("this", 0.1, 0.4)]
    assert odd.counts() == {"odd_entries": 2}
    with pytest.raises(InputError, match=r"timestamps\[0\]: expected an object, got a list of 1"):
        read({"results": [result(["is"])]}, file_format="watson")


def test_watson_has_speakers_beside_the_results_and_confidences_beside_the_words():
    alternative = {"timestamps": [["hi", 0.1, 0.4], ["bye", 0.5, 0.7]], "word_confidence": [["hi", 0.9], ["bye", 0.8]]}
    labels = [{"from": 0.1, "to": 0.4, "speaker": 0}, {"from": 0.5, "to": 0.7, "speaker": 2}]
    value = {"results": [{"final": True, "alternatives": [alternative]}], "speaker_labels": labels}
    assert speakers(value) == [("hi", "speaker 0"), ("bye", "speaker 2")]
    assert [word.confidence for word in read(value).transcript.words] == [0.9, 0.8]


def test_deepgram():
    words = [timed("dana", 0.5, 0.9, confidence=0.9, punctuated_word="Dana"), timed("calling", 0.9, 1.4)]
    value = {"metadata": {"duration": 1.4}, "results": {"channels": [{"alternatives": [{"words": words}]}]}}
    assert seen(value) == ("deepgram", [("Dana", 0.5, 0.9), ("calling", 0.9, 1.4)])
    assert read(value).transcript.duration_secs == 1.4
    assert seen({"result": value, "error": None})[1] == seen(value)[1]  # of deepgram-js-sdk


def test_start_and_duration():
    value = [{"text": "Hello Dana", "start": 0.0, "duration": 2.0}, {"text": "Bye", "start": 2.5, "duration": 1.5}]
    assert read(value).describe() == "timed_json (youtube-transcript-api, a list), 3 words; 2 with estimated times"
    assert seen(value)[1][2] == ("Bye", 2.5, 4.0)
    assert seen([value])[1] == seen(value)[1]  # its JSONFormatter.format_transcripts


def test_an_inverted_segment_keeps_its_words_between_its_neighbours():
    segments = [
        {"start": 0.0, "end": 2.4, "text": " Hello"},
        {"start": 2.4, "end": 1.2, "text": " Dana"},
        {"start": 5.0, "end": 9.0, "text": " Bye"},
    ]
    with odd_items.collect() as odd:
        assert seen({"segments": segments})[1] == [("Hello", 0.0, 2.4), ("Dana", 2.4, 5.0), ("Bye", 5.0, 9.0)]
    assert odd.counts() == {"inverted_times": 1}
    assert odd.lines()[0].endswith(": call.json: segments[1]")


def test_nan_is_none():
    words = [timed("This", 0.1, 0.4, score=NAN), timed("is", NAN, 0.5, score=0.8), timed("Dana", 0.5, 0.9)]
    with odd_items.collect() as odd:
        found = read(
            {"segments": [{"start": 0.0, "end": 1.4, "text": "This is Dana", "words": words}]}
        ).transcript.words
    assert [(word.start_secs, word.end_secs, word.confidence) for word in found] == [
        (0.1, 0.4, None),
        (0.4, 0.5, 0.8),
        (0.5, 0.9, None),
    ]
    assert odd.counts() == {"odd_confidences": 1, "odd_times": 1}


# === Shapes of bug reports ===


def test_documents_one_after_the_other_with_partial_results_between_them():
    """alphacep/vosk-api#492: what test_simple.py prints is one JSON document after the other."""
    result = {"result": [timed("hi", 0.5, 0.9, conf=1.0)], "text": "hi"}
    other = {"result": [timed("dana", 1.5, 1.9, conf=1.0)], "text": "dana"}
    expected = ("vosk", [("hi", 0.5, 0.9), ("dana", 1.5, 1.9)])
    pretty = "\n".join(json.dumps(part, indent=2) for part in ({"partial": ""}, {"partial": "hi"}, result, other))
    assert seen(pretty) == expected
    assert read(pretty).counts == {"partial_results": 1}
    assert seen(f"{json.dumps(result)}\n\n{json.dumps(other)}\n", name="call.txt") == expected
    assert seen([result, {"text": ""}, other]) == expected


def test_a_line_that_is_no_json_costs_no_other():
    """vosk-server logs between its results, and the last line of a recording that was stopped is cut off."""
    lines = [json.dumps({"result": [timed(word, at, at + 1)], "text": word}) for at, word in enumerate("abc")]
    with odd_items.collect() as odd:
        assert [word for word, _, _ in seen("\n".join([lines[0], "LOG x", *lines[1:], lines[0][:20]]))[1]] == [
            "a",
            "b",
            "c",
        ]
    assert odd.counts() == {"odd_json_lines": 2}
    with pytest.raises(InputError, match=r"^call\.json:2: not JSON \(Extra data at column 1\)"):
        read(f"{lines[0]}\nnot\nJSON\nat all")


def test_words_that_run_backwards_or_have_no_time():
    """m-bain/whisperX#419."""
    words = [
        timed("Your", 1302.7, 1302.8),
        {"word": "?"},
        timed("R.S.C.?", 1300.4, 1300.6),
        timed("real", 1300.1, 1300.3),
    ]
    found = seen({"word_segments": words})[1]
    assert [word for word, _, _ in found] == ["Your", "?", "R.S.C.?", "real"]
    assert all(start <= end for _, start, end in found)


def test_pieces_whose_times_jump_back():
    """ggml-org/whisper.cpp#866: a segment of `-ml 1` from 76,670 to 8,110 ms."""
    pieces = [(" Secrets", 76670, 76670), (".", 76670, 8110), (" The", 8110, 8220)]
    value = {"transcription": [{"text": text, "offsets": {"from": start, "to": end}} for text, start, end in pieces]}
    with odd_items.collect() as odd:
        assert seen(value)[1] == [("Secrets.", 76.67, 76.67), ("The", 8.11, 8.22)]
    assert odd.counts() == {"inverted_times": 1}


def test_a_token_without_times():
    """ggml-org/whisper.cpp#2329."""
    tokens = [{"text": " love", "offsets": {"from": 0, "to": 500}}, {"text": " you", "id": 291, "p": 0.96, "t_dtw": -1}]
    value = {"transcription": [{"text": " love you", "offsets": {"from": 0, "to": 1000}, "tokens": tokens}]}
    assert seen(value)[1] == [("love", 0.0, 0.5), ("you", 0.5, 1.0)]


def test_hundredths_of_seconds():
    """ggml-org/whisper.cpp#2271, as an app wrote them."""
    words = [(" What", 19, 34), (" do", 34, 48), (" you", 48, 72), (" think", 72, 112), (" about", 112, 151)]
    with odd_items.collect() as odd:
        found = seen([{"start": start, "stop": stop, "text": text} for text, start, stop in words])[1]
    assert found[0] == ("What", 0.19, 0.34)
    assert odd.counts() == {"centisecond_times": 1}


def test_whole_seconds_stay_seconds():
    value = [{"start": 0, "end": 60, "text": "hello"}, {"start": 3600, "end": 3604, "text": "there it is, I think"}]
    assert seen(value)[1][0] == ("hello", 0.0, 60.0)


def test_lists_of_words_in_a_list():
    """jianfch/stable-ts#269."""
    assert seen([[timed(" And", 0.0, 1.28), timed(" when", 1.28, 1.52)], [timed(" or", 4.0, 4.08)]])[1] == [
        ("And", 0.0, 1.28),
        ("when", 1.28, 1.52),
        ("or", 4.0, 4.08),
    ]


def test_tuples_of_faster_whisper():
    """ahmetoner/whisper-asr-webservice#209 and SYSTRAN/faster-whisper#667: tuples become lists in JSON."""
    words = [[0.0, 0.5, " Hi", 0.9], [0.5, 1.0, " Dana", 0.8]]
    segment = [1, 0, 0.0, 1.0, " Hi Dana", [50364, 13], 0.0, -0.2, 1.1, 0.01, words]
    expected = ("whisper", [("Hi", 0.0, 0.5), ("Dana", 0.5, 1.0)])
    assert seen({"text": "Hi Dana", "segments": [segment], "language": "en"}) == expected
    assert seen([segment]) == expected
    assert seen([{"start": 0.0, "end": 1.0, "text": " Hi Dana", "words": words}]) == expected
    assert [word.confidence for word in read([segment]).transcript.words] == [0.9, 0.8]


def test_a_transcript_that_a_service_wraps():
    """pavelzbornik/whisperX-FastAPI#151, and Replicate's predictions."""
    segments = [{"start": 2.0, "end": 3.0, "text": " Hi", "words": [timed("Hi", 2.0, 3.0, speaker="SPEAKER_00")]}]
    for wrapped in ({"status": "completed", "result": {"segments": segments}}, {"output": {"segments": segments}}):
        assert seen(wrapped) == ("whisper", [("Hi", 2.0, 3.0)])
    assert read(wrapped).describe() == "whisper (in `output`), 1 words"


def test_a_formatted_word_that_is_several():
    """hyperaudio/hyperaudio-lite-editor#649: Deepgram's smart_format makes other words than it heard."""
    words = [timed("ten", 0.0, 1.0, punctuated_word="10 a.m."), timed("sharp", 1.0, 2.0, punctuated_word="sharp.")]
    value = {"results": {"channels": [{"alternatives": [{"transcript": "10 a.m. sharp.", "words": words}]}]}}
    assert [word for word, _, _ in seen(value)[1]] == ["10", "a.m.", "sharp."]
    assert read(value).transcript.words[1].end_secs == 1.0


def test_channels_of_amazon_without_items_of_their_own():
    """bbc/react-transcript-editor#235."""

    def item(text, start):
        return {
            "start_time": str(start),
            "end_time": str(start + 1),
            "alternatives": [{"confidence": "1.0", "content": text}],
        }

    channels = [
        {"channel_label": "ch_0", "items": [item("When", 0), item("Bye", 8)]},
        {"channel_label": "ch_1", "items": [item("It", 3)]},
    ]
    value = {
        "jobName": "x",
        "results": {"transcripts": [{"transcript": "When"}], "channel_labels": {"channels": channels}},
    }
    assert speakers(value) == [("When", "ch_0"), ("It", "ch_1"), ("Bye", "ch_0")]


def test_youtube_events_without_words_or_twice():
    """pytube/pytube#1438 and fishjar/kiss-translator#725."""
    spoken = {"tStartMs": 30, "dDurationMs": 3810, "segs": [{"utf8": "hey"}, {"utf8": " welcome", "tOffsetMs": 840}]}
    value = {
        "wireMagic": "pb3",
        "events": [
            {"tStartMs": 0, "dDurationMs": 9000, "id": 1},
            spoken,
            spoken,
            {"tStartMs": 1850, "dDurationMs": 1990, "aAppend": 1, "segs": [{"utf8": "\n"}]},
            {"tStartMs": 1860, "dDurationMs": 4950, "segs": [{"utf8": "interview"}]},
        ],
    }
    assert seen(value) == ("youtube", [("hey", 0.03, 0.87), ("welcome", 0.87, 1.86), ("interview", 1.86, 6.81)])
    assert read(value).counts == {"repeated_lines": 1}
    captions = {"events": [{"tStartMs": 1000, "dDurationMs": 2000, "segs": [{"utf8": "I am\nDana"}]}]}
    assert [word for word, _, _ in seen(captions)[1]] == ["I", "am", "Dana"]


def test_silence_is_no_error():
    """alphacep/vosk-api#1504: of silence, Vosk gives an empty text."""
    assert seen({"text": ""})[1] == []
    assert seen('{"text": ""}\n{"text": ""}')[1] == []


def test_a_key_with_a_space_at_its_end():
    """mozilla/DeepSpeech, native_client/client.cc: `"start_time "`."""
    words = [
        {"word": "hi", "start_time ": 0.5, "duration": 0.25},
        {"word": "dana", "start_time ": 1.0, "duration": 0.5},
    ]
    value = {"transcripts": [{"confidence": -14.3, "words": words}]}
    assert seen(value) == ("timed_json", [("hi", 0.5, 0.75), ("dana", 1.0, 1.5)])


def test_letters_make_words():
    """mozilla/DeepSpeech gives letters, with a space between two words, and when each begins."""
    letters = [{"text": letter, "timestep": at, "start_time": at / 2} for at, letter in enumerate("hi dana")]
    assert seen({"transcripts": [{"confidence": -1.0, "tokens": letters}]})[1] == [
        ("hi", 0.0, 1.0),
        ("dana", 1.5, pytest.approx(1.767, abs=0.01)),
    ]


def test_a_stray_space_makes_no_pieces_of_words():
    """pietrop/deepspeech-node-wrapper, `dpe-words.json`."""
    words = [timed(text, at, at + 1) for at, text in enumerate(["this", "is", "a", "day", "for", " us", "all"])]
    assert [text for text, _, _ in seen(words)[1]] == ["this", "is", "a", "day", "for", "us", "all"]


def test_a_french_mark_is_no_word():
    """linto-ai/whisper-timestamped, `tests/expected/punctuations_yes`."""
    words = [{"text": "Bonjour !", "start": 0.5, "end": 0.9, "confidence": 0.9}]
    segments = [{"start": 0.5, "end": 0.9, "text": " Bonjour !", "words": words}]
    for value in ({"text": "Bonjour !", "segments": segments}, {"words": words}):
        assert seen(value)[1] == [("Bonjour !", 0.5, 0.9)]


def test_speechmatics_before_its_second_version():
    """bbc/react-transcript-editor, `stt-adapters/speechmatics`."""
    words = [{"duration": "0.25", "confidence": "0.9", "name": "hi", "time": "0.5"}]
    value = {"job": {"id": 1}, "speakers": [{"duration": "9.5", "name": "F4", "time": "0.5"}], "words": words}
    assert seen(value)[1] == [("hi", 0.5, 0.75)]
