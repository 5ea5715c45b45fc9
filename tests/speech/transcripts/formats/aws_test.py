import json

import pytest

from bert_qa_tf import odd_items
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
    assert done.transcript.words == (Word("¿Nora?", 0.5, 0.9, 0.5), Word("New York", 1.0, 1.5, 0.5, speaker="spk_0"))
    assert done.counts == {}


def test_without_items_there_is_text_without_times():
    assert read().transcript.words == (Word("so"), Word("it"), Word("goes"))
    assert read(items=[]).transcript.words == ()


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (mark("?"), r"a\.json: expected a word in results\.items, got punctuation alone: \?"),
        ({"alternatives": []}, r"a\.json: results\.items\[0\]: expected `alternatives` with one entry at least, got a"),
        (said(None, "1", "2"), r"a\.json: results\.items\[0\]\.alternatives\[0\]: expected `content` as text, got"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(item, message):
    with pytest.raises(InputError, match=f"^{message}"):
        read(item)


@pytest.mark.parametrize(
    ("item", "times", "counts"),
    [
        ({"type": "pronunciation", "alternatives": [{"content": "b"}]}, (1.0, 3.0), {}),
        (said("b", "1.5", "x"), (1.5, 3.0), {"odd_times": 1}),
        (said("b", "2.0", "1.5"), (1.0, 3.0), {"inverted_times": 1}),
    ],
)
def test_an_item_without_good_times_keeps_its_word_between_its_neighbours(item, times, counts):
    with odd_items.collect() as odd:
        words = read(said("a", "0", "1.0"), item, said("c", "3.0", "4.0")).transcript.words
    assert [word.text for word in words] == ["a", "b", "c"]
    assert (words[1].start_secs, words[1].end_secs) == times
    assert words[1].times_estimated
    assert odd.counts() == counts


def test_speakers_beside_the_items_as_older_files_have_them():
    labels = [{"speaker_label": "spk_1", "items": [{"start_time": "0.5", "end_time": "0.9", "speaker_label": "spk_1"}]}]
    done = read(said("Nora", "0.5", "0.9"), said("hi", "1.0", "1.5"), speaker_labels={"segments": labels})
    assert [word.speaker for word in done.transcript.words] == ["spk_1", None]


def test_channels_are_put_together_by_time_turn_by_turn():
    items = [
        said("Hello.", "0.0", "0.4", channel_label="ch_0"),
        said("Bye.", "3.0", "3.4", channel_label="ch_0"),
        said("Hi", "1.0", "1.4", channel_label="ch_1"),
        said("Nora", "1.4", "1.8", channel_label="ch_1"),
    ]
    words = read(*items).transcript.words
    assert [(word.text, word.speaker) for word in words] == [
        ("Hello.", "ch_0"),
        ("Hi", "ch_1"),
        ("Nora", "ch_1"),
        ("Bye.", "ch_0"),
    ]
    channels = [{"channel_label": "ch_0", "items": items[:2]}, {"channel_label": "ch_1", "items": items[2:]}]
    assert read(channel_labels={"channels": channels}).transcript.words == words
