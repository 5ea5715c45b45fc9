import json

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.reader import parse_transcript
from bert_qa_tf.speech.transcripts.transcript import Word


def read(*items, **results):
    value = {"results": {"transcripts": [{"transcript": "so it goes"}], **results}}
    if items:
        value["results"]["items"] = list(items)
    return parse_transcript(json.dumps(value).encode(), "a.json", "aws")


def said(content, start, end, confidence="0.5", **more):
    alternatives = [{"confidence": confidence, "content": content}]
    return {"type": "pronunciation", "start_time": start, "end_time": end, "alternatives": alternatives, **more}


def mark(content):
    return {"type": "punctuation", "alternatives": [{"confidence": "0.0", "content": content}]}


def test_punctuation_is_glued_to_the_word_before_it_or_to_the_first():
    done = read(mark("¿"), said("Nora", "0.5", "0.9"), mark("?"), said("New York", "1.0", "1.5", speaker_label="spk_0"))
    assert done.transcript.words == (Word("¿Nora?", 0.5, 0.9, 0.5), Word("New York", 1.0, 1.5, 0.5))
    assert done.counts == {"speaker_labels": 1}


def test_without_items_there_is_text_without_times():
    assert read().transcript.words == (Word("so"), Word("it"), Word("goes"))
    assert read(items=[]).transcript.words == ()


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (mark("?"), r"a\.json: expected a word in results\.items, got punctuation alone: \?"),
        (
            {"type": "pronunciation", "alternatives": [{"content": "a"}]},
            r"a\.json: results\.items\[0\]: expected `start_time` in seconds, got none",
        ),
        (said("a", "1.0", "x"), r'a\.json: results\.items\[0\]: expected `end_time` in seconds, got "x"'),
        (said("a", "2.0", "1.0"), r"a\.json: results\.items\[0\]: ends at 1.0 s, before it starts at 2.0 s"),
        ({"alternatives": []}, r"a\.json: results\.items\[0\]: expected `alternatives` with one entry at least, got a"),
        (said(None, "1", "2"), r"a\.json: results\.items\[0\]\.alternatives\[0\]: expected `content` as text, got"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(item, message):
    with pytest.raises(InputError, match=f"^{message}"):
        read(item)
