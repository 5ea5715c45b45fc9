"""Reads the JSON of Speechmatics: `json-v2` of a job, or the messages of a stream, one after the other.

Each of `results` is a word, an entity or a punctuation mark, which is glued to the word that it attaches to. Source:
docs.speechmatics.com, "Output formats" and "Real-time API reference".
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.alternatives import expected_alternative
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace, documents
from bert_qa_tf.speech.transcripts.formats.segments import merge_channels
from bert_qa_tf.speech.transcripts.formats.timed_entries import (
    Entry,
    channel_of,
    confidence_of,
    read_times,
    speaker_of,
    to_words,
)
from bert_qa_tf.speech.transcripts.formats.words import PARTIAL_RESULTS
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word


def read_speechmatics(top: JsonPlace, counts: Counter[str]) -> Transcript:
    """Reads the JSON of Speechmatics; `counts` takes in what is left out.

    Raises:
      InputError: it has another shape; names the place.
    """
    spoken: dict[str | None, list[Word]] = defaultdict(list)
    opening = ""  # what attaches to the next word: an inverted question mark
    duration = None
    for result in _results(top, counts):
        try:
            entry = _read_result(result, counts)
        except InputError as error:
            result.leave_out(error)
            continue
        if entry is None:
            continue
        words = spoken[entry.channel]
        attaches = _attaches_to(result)
        if attaches in ("previous", "both") and words:
            words[-1] = dataclasses.replace(words[-1], text=words[-1].text + entry.text.strip())
        elif attaches == "next":
            opening += entry.text.strip()
        else:
            words += to_words([entry._replace(text=opening + entry.text)], counts)
            opening = ""
    if isinstance(top.value, dict) and top.has("job") and isinstance(top.value["job"], dict):
        duration = top.at("job").secs("duration")
    return Transcript(merge_channels(spoken, duration), duration)


def _results(top: JsonPlace, counts: Counter[str]) -> Iterator[JsonPlace]:
    for document in documents(top):
        if document.value.get("message") in ("AddPartialTranscript", "AddPartialTranslation"):
            counts[PARTIAL_RESULTS] += 1
        elif document.has("results"):
            yield from document.objects("results")


def _read_result(result: JsonPlace, counts: Counter[str]) -> Entry | None:
    if result.value.get("type") == "speaker_change":
        return None
    first = expected_alternative(result, counts)
    start, end = read_times(result)
    speaker = speaker_of(first) or speaker_of(result)
    return Entry(first.text("content"), start, end, confidence_of(first, counts), speaker, channel_of(result))


def _attaches_to(result: JsonPlace) -> str | None:
    if result.value.get("type") != "punctuation":
        return None
    return result.value.get("attaches_to") or "previous"
