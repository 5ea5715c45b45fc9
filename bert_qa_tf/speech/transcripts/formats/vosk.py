"""Reads Vosk's JSON: one result, a list of them, or one after the other, as its programs print them.

A result has `result`, a list of words, and `text`; with alternatives the first is taken. Partial results, which a later
one replaces, are counted. Source: alphacephei.com/vosk, `src/vosk_api.h` (`vosk_recognizer_result`).
"""

from __future__ import annotations

from collections import Counter

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.alternatives import first_alternative
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace, documents
from bert_qa_tf.speech.transcripts.formats.segments import to_transcript_words
from bert_qa_tf.speech.transcripts.formats.timed_entries import Entry, read_entries, to_words
from bert_qa_tf.speech.transcripts.formats.words import PARTIAL_RESULTS
from bert_qa_tf.speech.transcripts.transcript import Transcript


def read_vosk(top: JsonPlace, counts: Counter[str]) -> Transcript:
    """Reads Vosk's JSON; `counts` takes in what is left out."""
    entries = []
    for document in documents(top):
        try:
            entries += _entries(document, counts)
        except InputError as error:
            document.leave_out(error)
    return Transcript(to_transcript_words(entries, counts))


def _entries(document: JsonPlace, counts: Counter[str]) -> list[Entry]:
    if document.has("partial") and not document.has("result") and not document.has("text"):
        counts[PARTIAL_RESULTS] += bool(document.text("partial"))
        return []
    if document.has("alternatives"):
        document = first_alternative(document, counts)
        if document is None:
            return []
    if not document.value.get("result"):
        return [Entry(document.text("text"))]
    return [Entry("", words=to_words(read_entries(document.child("result"), counts), counts))]
