"""Reads the JSON that this package writes (`Transcript.to_json`), perhaps changed by hand."""

from __future__ import annotations

from collections import Counter

from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.formats.timed_entries import Entry, read_entries
from bert_qa_tf.speech.transcripts.formats.words import EMPTY_WORDS
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word


def read_own(top: JsonPlace, counts: Counter[str]) -> Transcript:
    """Reads our JSON; `counts` takes in what is left out.

    Raises:
      InputError: `words` is no list.
    """
    entries = read_entries(top.child("words"), counts)
    words = tuple(_word(entry) for entry in entries if entry.text.strip())
    counts[EMPTY_WORDS] += len(entries) - len(words)
    return Transcript(words, top.secs("duration_secs"))


def _word(entry: Entry) -> Word:
    # Unlike another tool's, a word of ours may be several; what has no time has none.
    estimated = entry.times_estimated and entry.start_secs is not None
    return Word(entry.text.strip(), entry.start_secs, entry.end_secs, entry.confidence, estimated, entry.speaker)
