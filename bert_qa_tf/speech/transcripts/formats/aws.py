"""Reads Amazon Transcribe's JSON, the output of a batch job.

Each of `results.items` is a word or a punctuation mark with its alternatives. The likeliest is taken, and punctuation
is glued to its word. Where there are no items, the transcript is the text without times. Source: docs.aws.amazon.com,
"Amazon Transcribe: Data input and output".
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.alternatives import expected_alternative
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.formats.json_times import to_label
from bert_qa_tf.speech.transcripts.formats.segments import merge_channels
from bert_qa_tf.speech.transcripts.formats.words import checked_word, text_words
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word

_Spoken = dict[str | None, list[Word]]


def read_aws(top: JsonPlace, counts: Counter[str]) -> Transcript:
    """Reads Amazon Transcribe's JSON; `counts` takes in what is left out.

    Raises:
      InputError: it has another shape; names the place.
    """
    results = top.at("results")
    spoken: _Spoken = {}
    if results.has("items"):
        _read_items(top, results.objects("items"), _speakers(results), spoken, counts)
    elif results.has("channel_labels"):
        for channel in results.at("channel_labels").objects("channels"):
            name = to_label(channel.value.get("channel_label"), "channel")
            _read_items(top, channel.objects("items"), {}, spoken, counts, name)
    else:
        texts = [entry.text("transcript") for entry in results.objects("transcripts")]
        return Transcript(tuple(word for text in texts for word in text_words(text)))
    return Transcript(merge_channels(spoken))


def _speakers(results: JsonPlace) -> Mapping[object, str]:
    """Returns the start of an item, as the file spells it → who speaks; older files have this beside the items."""
    labels = results.value.get("speaker_labels")
    if not isinstance(labels, dict):
        return {}
    speakers = {}
    for segment in results.at("speaker_labels").objects("segments"):
        for item in segment.objects("items"):
            start = item.value.get("start_time")
            label = to_label(item.value.get("speaker_label") or segment.value.get("speaker_label"), "speaker")
            if isinstance(start, str | int | float) and label is not None:
                speakers[start] = label
    return speakers


def _read_items(
    top: JsonPlace,
    items: Iterable[JsonPlace],
    speakers: Mapping[object, str],
    spoken: _Spoken,
    counts: Counter[str],
    channel: str | None = None,
) -> None:
    opening = ""  # punctuation before the first word: an inverted question mark
    for item in items:
        try:
            first = expected_alternative(item, counts)
            text = first.text("content")
        except InputError as error:
            item.leave_out(error)
            continue
        words = spoken.setdefault(to_label(item.value.get("channel_label"), "channel") or channel, [])
        if item.value.get("type") == "punctuation":
            if words:
                words[-1] = dataclasses.replace(words[-1], text=words[-1].text + text.strip())
            else:
                opening += text.strip()
            continue
        start, end = item.in_order(item.secs("start_time"), item.secs("end_time"))
        speaker = to_label(item.value.get("speaker_label"), "speaker")
        if speaker is None and speakers and isinstance(item.value.get("start_time"), str | int | float):
            speaker = speakers.get(item.value["start_time"])
        confidence = first.confidence("confidence")
        word = checked_word(item, opening + text, start, end, confidence, counts, speaker)
        if word is not None:
            words.append(word)
            opening = ""
    if opening:
        raise InputError(f"{top}: expected a word in results.items, got punctuation alone: {opening}")
