"""Recognisers' JSON, tool by tool, after their documents. The content is written for these tests."""

import json

import pytest

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from tests.speech.transcripts.formats.recognisers import read, seen, speakers, timed

ELEVEN = [
    {"text": "Hi", "start": 0.1, "end": 0.4, "type": "word", "speaker_id": "speaker_0", "logprob": 0.0},
    {"text": " ", "start": 0.4, "end": 0.5, "type": "spacing", "speaker_id": "speaker_0", "logprob": 0.0},
    {"text": "(laughs)", "start": 0.5, "end": 0.9, "type": "audio_event", "speaker_id": "speaker_0", "logprob": 0.0},
    {"text": "Dana.", "start": 1.0, "end": 1.4, "type": "word", "speaker_id": "speaker_1", "logprob": -0.1},
]


@pytest.mark.parametrize(
    ("value", "name", "words"),
    [
        (
            {"alternatives": [{"confidence": 99.0, "text": "hi", "result": [timed("hi", 0.5, 0.9)]}, {"text": "high"}]},
            "vosk",
            [("hi", 0.5, 0.9, None)],
        ),
        (
            {
                "monologues": [
                    {"speaker": {"id": "unknown"}, "terms": [{"text": "hi", "start": 0.5, "end": 0.9, "type": "WORD"}]}
                ]
            },
            "rev",
            [("hi", 0.5, 0.9, None)],
        ),
        (
            {
                "speakers": [{"id": 0, "name": "Ana"}],
                "monologues": [
                    {
                        "speaker": 0,
                        "elements": [
                            {"type": "text", "value": "Hi", "ts": 0.5, "end_ts": 0.9, "confidence": 0.9},
                            {"type": "punct", "value": ", "},
                            {"type": "unknown", "value": "<inaudible>"},
                            {
                                "type": "text",
                                "value": "Dana",
                                "timestamp": "00:00:01,000",
                                "end_timestamp": "00:00:02,000",
                            },
                        ],
                    }
                ],
            },
            "rev",
            [("Hi,", 0.5, 0.9, "Ana"), ("Dana", 1.0, 2.0, "Ana")],
        ),
        (
            {
                "format": "2.9",
                "results": [
                    {"type": "punctuation", "attaches_to": "next", "alternatives": [{"content": "¿"}]},
                    {
                        "type": "word",
                        "start_time": 0.5,
                        "end_time": 0.9,
                        "alternatives": [{"content": "Sí", "speaker": "S1"}],
                    },
                    {"type": "punctuation", "attaches_to": "previous", "alternatives": [{"content": "?"}]},
                    {
                        "type": "word",
                        "start_time": 1.0,
                        "end_time": 2.0,
                        "alternatives": [{"content": "No", "speaker": "UU"}],
                    },
                ],
            },
            "speechmatics",
            [("¿Sí?", 0.5, 0.9, "S1"), ("No", 1.0, 2.0, None)],
        ),
        (
            {
                "durationMilliseconds": 2000,
                "combinedPhrases": [{"text": "Hi Dana."}],
                "phrases": [
                    {
                        "speaker": 1,
                        "offsetMilliseconds": 500,
                        "durationMilliseconds": 1500,
                        "text": "Hi Dana.",
                        "words": [
                            {"text": "Hi", "offsetMilliseconds": 500, "durationMilliseconds": 400},
                            {"text": "Dana.", "offsetMilliseconds": 1000, "durationMilliseconds": 1000},
                        ],
                    }
                ],
            },
            "azure",
            [("Hi", 0.5, 0.9, "speaker 1"), ("Dana.", 1.0, 2.0, "speaker 1")],
        ),
        (
            {
                "recognizedPhrases": [
                    {
                        "channel": channel,
                        "offset": f"PT{start}S",
                        "duration": "PT1M0.5S",
                        "nBest": [{"lexical": text.lower(), "display": text}],
                    }
                    for channel, start, text in ((0, 1, "Hi."), (0, 200, "Bye."), (1, 100, "Dana."))
                ]
            },
            "azure",
            [
                ("Hi.", 1.0, 61.5, "channel 0"),
                ("Dana.", 100.0, 160.5, "channel 1"),
                ("Bye.", 200.0, 260.5, "channel 0"),
            ],
        ),
        (
            [
                {"RecognitionStatus": "InitialSilenceTimeout", "Offset": 0, "Duration": 100},
                {
                    "RecognitionStatus": "Success",
                    "Offset": 5000000,
                    "Duration": 15000000,
                    "DisplayText": "Hi.",
                    "NBest": [{"Display": "Hi.", "Words": [{"Word": "hi", "Offset": 6000000, "Duration": 1000000}]}],
                },
            ],
            "azure",
            [("Hi.", 0.6, 0.7, None)],
        ),
        (
            {
                "audio_url": "x",
                "words": [{"text": "Hi", "start": 500, "end": 900, "confidence": 0.9}],
                "utterances": [
                    {
                        "speaker": "A",
                        "text": "Hi",
                        "start": 500,
                        "end": 900,
                        "confidence": 0.9,
                        "words": [{"text": "Hi", "start": 500, "end": 900, "confidence": 0.9, "speaker": "A"}],
                    }
                ],
            },
            "assemblyai",
            [("Hi", 0.5, 0.9, "A")],
        ),
        (
            {"language_probability": 0.9, "text": "Hi Dana.", "words": ELEVEN},
            "timed_json (ElevenLabs, the list `words`)",
            [("Hi", 0.1, 0.4, "speaker_0"), ("Dana.", 1.0, 1.4, "speaker_1")],
        ),
        (
            {
                "status": "done",
                "result": {
                    "transcription": {
                        "full_transcript": "Hi Dana",
                        "utterances": [
                            {
                                "text": "Hi Dana",
                                "start": 0.5,
                                "end": 2.0,
                                "speaker": 0,
                                "channel": 0,
                                "words": [timed(" Hi", 0.5, 0.9), timed(" Dana", 1.0, 2.0)],
                            }
                        ],
                    }
                },
            },
            "timed_json (Gladia, the list `result.transcription.utterances`)",
            [("Hi", 0.5, 0.9, "speaker 0"), ("Dana", 1.0, 2.0, "speaker 0")],
        ),
        (
            {
                "text": "Hi Dana",
                "tokens": [
                    {"text": "Hi", "start_ms": 500, "end_ms": 900, "speaker": "1"},
                    {"text": " Da", "start_ms": 1000, "end_ms": 1500, "speaker": "2"},
                    {"text": "na", "start_ms": 1500, "end_ms": 2000, "speaker": "2"},
                ],
            },
            "timed_json (Soniox, the list `tokens`)",
            [("Hi", 0.5, 0.9, "speaker 1"), ("Dana", 1.0, 2.0, "speaker 2")],
        ),
        (
            {"version": "1.0.0", "segments": [{"speaker": "Ana", "startTime": 0.5, "endTime": 0.75, "body": "And"}]},
            "timed_json (podcast transcript, the list `segments`)",
            [("And", 0.5, 0.75, "Ana")],
        ),
        (
            {
                "transcript": "hi dana",
                "words": [
                    {"case": "success", "start": 0.5, "end": 0.9, "startOffset": 0, "endOffset": 2, "word": "hi"},
                    {"case": "not-found-in-audio", "startOffset": 3, "endOffset": 7, "word": "dana"},
                ],
            },
            "timed_json (Gentle, the list `words`)",
            [("hi", 0.5, 0.9, None), ("dana", 0.9, pytest.approx(1.233, abs=0.01), None)],
        ),
        (
            {"fragments": [{"begin": "0.500", "end": "1.500", "id": "f1", "lines": ["Hi"], "children": []}]},
            "timed_json (aeneas, the list `fragments`)",
            [("Hi", 0.5, 1.5, None)],
        ),
        (
            {
                "type": "Transcript",
                "entries": [
                    {"text": "Hi", "startOffset": "00:00:00.5", "endOffset": "00:00:01", "speakerDisplayName": "Ana"}
                ],
            },
            "timed_json (Microsoft Stream, the list `entries`)",
            [("Hi", 0.5, 1.0, "Ana")],
        ),
        (
            {
                "Transcript": [
                    {
                        "ParticipantRole": "AGENT",
                        "BeginOffsetMillis": 500,
                        "EndOffsetMillis": 900,
                        "Content": "Hi.",
                        "Items": [
                            {
                                "Type": "pronunciation",
                                "BeginOffsetMillis": 500,
                                "EndOffsetMillis": 900,
                                "Content": "Hi",
                                "Confidence": "0.9",
                            },
                            {"Type": "punctuation", "BeginOffsetMillis": 900, "EndOffsetMillis": 900, "Content": "."},
                        ],
                    }
                ]
            },
            "timed_json (Amazon Transcribe Call Analytics, the list `Transcript`)",
            [("Hi.", 0.5, 0.9, "AGENT")],
        ),
        (
            {
                "data": {
                    "transcript": {
                        "sentences": [
                            {"index": 0, "speaker_name": "Ana", "text": "Hi", "start_time": 0.5, "end_time": 0.9}
                        ]
                    }
                }
            },
            "timed_json (Fireflies, the list `data.transcript.sentences`)",
            [("Hi", 0.5, 0.9, "Ana")],
        ),
        (
            {
                "transcripts": [
                    {
                        "channel_id": 0,
                        "sentences": [
                            {
                                "begin_time": 500,
                                "end_time": 900,
                                "text": "Hi",
                                "words": [{"begin_time": 500, "end_time": 900, "text": "Hi"}],
                            }
                        ],
                    }
                ]
            },
            "timed_json (Paraformer, the list `transcripts[0].sentences`)",
            [("Hi", 0.5, 0.9, None)],
        ),
        (
            {
                "start": 0,
                "end": 1,
                "tiers": {"words": {"type": "interval", "entries": [[0.5, 0.9, "hi"], [1.0, 2.0, "dana"]]}},
            },
            "timed_json (the list `tiers.words.entries`)",  # Montreal Forced Aligner
            [("hi", 0.5, 0.9, None), ("dana", 1.0, 2.0, None)],
        ),
        (
            [{"speaker": "SPEAKER_00", "start": 0.5, "end": 0.9, "text": "Hi"}],
            "whisper",  # merges of pyannote and Whisper
            [("Hi", 0.5, 0.9, "SPEAKER_00")],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_words_times_and_speakers_are_read(value, name, words):
    with odd_items.collect() as odd:
        file = read(value)
    assert file.describe().split(", " + str(len(words)) + " words")[0] == name
    assert [(word.text, word.start_secs, word.end_secs, word.speaker) for word in file.transcript.words] == words
    assert odd.counts() == {}


def test_confidences_of_elevenlabs_are_logarithms():
    words = read({"language_probability": 0.9, "words": ELEVEN}).transcript.words
    assert [word.confidence for word in words] == [1.0, pytest.approx(0.905, abs=0.001)]


def test_messages_of_a_deepgram_stream():
    def message(text, start, *, is_final=True):
        words = [timed(text, start, start + 0.5)]
        return json.dumps(
            {
                "type": "Results",
                "is_final": is_final,
                "channel_index": [0, 1],
                "channel": {"alternatives": [{"words": words}]},
            }
        )

    lines = [message("h", 0.5, is_final=False), message("hi", 0.5), '{"type": "Metadata"}', message("dana", 2.0)]
    assert seen("\n".join(lines)) == ("deepgram", [("hi", 0.5, 1.0), ("dana", 2.0, 2.5)])


def test_channels_of_deepgram_are_put_together_by_time_and_are_the_speakers():
    def channel(*words):
        return {"alternatives": [{"words": list(words)}]}

    value = {
        "results": {
            "channels": [
                channel(timed("hi", 0.0, 0.4), timed("dana", 0.4, 0.8), timed("bye", 5.0, 5.5)),
                channel(timed("oh", 0.5, 0.9), timed("yes", 2.0, 2.5)),
            ]
        }
    }
    assert speakers(value) == [
        ("hi", "channel 0"),
        ("dana", "channel 0"),
        ("oh", "channel 1"),
        ("yes", "channel 1"),
        ("bye", "channel 0"),
    ]


def nemo(path, text, offset=0.0, **more):
    return json.dumps({"audio_filepath": path, "offset": offset, "duration": 2.0, "text": text, **more})


def test_a_manifest_of_nemo_holds_one_recording_or_one_is_chosen():
    lines = "\n".join([nemo("a.wav", "hi"), nemo("b.wav", "dana", 1.5)])
    assert seen(lines, recording="b.wav") == ("nemo", [("dana", 1.5, 3.5)])
    assert read(lines, recording="b.wav").counts == {"words_of_other_recordings": 1}
    with pytest.raises(InputError, match=r"holds 2 recordings, choose one .*: a\.wav, b\.wav$"):
        read(lines)
    words = {"timestamp": {"word": [{"word": "hi", "start_offset": 3, "end_offset": 9, "start": 0.24, "end": 0.72}]}}
    assert seen(nemo("a.wav", "", 1.0, pred_text="hi", **words))[1] == [("hi", 1.24, 1.72)]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"timeline": [{"ts": "00:00:01.1", "users": [{"username": "Ana"}]}]},
            "Zoom's timeline of who speaks, without",
        ),
        ({"id": "x", "status": "processing", "audio_url": "x", "words": None}, "a job that has no transcript"),
        ({"TranscriptionJob": {"Transcript": {"TranscriptFileUri": "x"}}}, "download the file at `TranscriptFileUri`"),
        ({"links": {"files": "x"}, "status": "Succeeded"}, "download the file at `contentUrl`"),
        ({"name": "operations/12", "metadata": {}}, "an operation of Google's that is not done"),
        ([{"speaker": "A", "start": 0.5, "end": 0.9}], "expected a transcript"),
        ({"words": ["hi", 7]}, r"words\[0\]: expected an object, got \"hi\""),
    ],
)
def test_what_holds_no_transcript_is_named_in_one_line(value, message):
    with pytest.raises(InputError, match=message) as caught:
        read(value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["rev", "youtube", "google", "aws", "json"])
def test_a_format_that_is_one_object_is_no_list(name):
    with pytest.raises(InputError, match=r"^call\.json: expected an object, got a list of 1"):
        read([{"a": 1}], file_format=name)
