"""Reads the JSON of IBM Watson Speech to Text.

`timestamps` of the first alternative has the words with their times, `word_confidence` their confidences, and
`speaker_labels` who speaks when. Source: IBM Cloud Docs, "Speech to Text: Understanding recognition results".
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.alternatives import expected_alternative
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace, documents
from bert_qa_tf.speech.transcripts.formats.json_times import to_label, to_secs
from bert_qa_tf.speech.transcripts.formats.segments import to_transcript_words
from bert_qa_tf.speech.transcripts.formats.timed_entries import Entry, read_entries
from bert_qa_tf.speech.transcripts.formats.words import NON_WORDS, PARTIAL_RESULTS, text_words
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word

_HESITATION = "%HESITATION"


def read_watson(top: JsonPlace, counts: Counter[str]) -> Transcript:
    """Reads Watson's JSON; `counts` takes in what is left out.

    Raises:
      InputError: it has another shape; names the place.
    """
    words: list[Word] = []
    for document in documents(top):
        results = [inner for result in document.objects("results") for inner in _unwrapped(result)]
        final = [result for result in results if result.value.get("final") is not False] or results
        counts[PARTIAL_RESULTS] += len(results) - len(final)
        found: list[Word] = []
        for result in final:
            try:
                found += _words(result, counts)
            except InputError as error:
                result.leave_out(error)
        holders = [document, *(entry for entry in document.objects("results") if entry.has("speaker_labels"))]
        labels = [label for holder in holders for label in holder.objects("speaker_labels")]
        words += _with_speakers(found, labels)
    return Transcript(tuple(words))


def _unwrapped(result: JsonPlace) -> Iterator[JsonPlace]:
    """An asynchronous job has the results of its files one level deeper."""
    if result.has("results"):
        yield from result.objects("results")
    else:
        yield result


def _words(result: JsonPlace, counts: Counter[str]) -> Sequence[Word]:
    first = expected_alternative(result, counts)
    if not first.value.get("timestamps"):
        return text_words(first.text("transcript").replace(_HESITATION, ""))
    entries = read_entries(first.child("timestamps"), counts)
    entries = _with_confidences(entries, first.value.get("word_confidence"))
    said = [entry for entry in entries if entry.text.strip() != _HESITATION]
    counts[NON_WORDS] += len(entries) - len(said)
    return to_transcript_words(said, counts)


def _with_confidences(entries: list[Entry], confidences: object) -> list[Entry]:
    """`[["hi", 0.9]]`, in the order of the words."""
    if not isinstance(confidences, list) or len(confidences) != len(entries):
        return entries
    pairs = [pair if isinstance(pair, list) and len(pair) == 2 else (None, None) for pair in confidences]
    return [
        entry._replace(confidence=pair[1])
        if pair[0] == entry.text and isinstance(pair[1], int | float) and 0 <= pair[1] <= 1
        else entry
        for entry, pair in zip(entries, pairs, strict=True)
    ]


def _with_speakers(words: list[Word], labels: list[JsonPlace]) -> list[Word]:
    """Labels name a word by when it starts."""
    speakers = {}
    for label in labels:
        start = to_secs(label.value.get("from"))
        if start is not None:
            speakers[round(start, 2)] = to_label(label.value.get("speaker"), "speaker")
    return [
        dataclasses.replace(word, speaker=speakers.get(round(word.start_secs, 2)))
        if word.start_secs is not None
        else word
        for word in words
    ]
