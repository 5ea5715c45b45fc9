"""Reads Rev's JSON: `monologues` of a speaker, each with `elements`, which are words and punctuation.

`vosk-transcriber` writes the same form, with `terms`. Sources: docs.rev.ai, "Get Transcript"; rev.com, "Transcript
JSON"; `vosk/transcriber/transcriber.py`.
"""

from __future__ import annotations

from collections import Counter

from bert_qa_tf.speech.transcripts.formats.entry_names import Names
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.formats.json_times import SECONDS, to_label
from bert_qa_tf.speech.transcripts.formats.segments import to_transcript_words
from bert_qa_tf.speech.transcripts.formats.timed_entries import read_entries
from bert_qa_tf.speech.transcripts.transcript import Transcript

_NAMES = Names(
    starts=dict.fromkeys(("ts", "start_ts", "timestamp", "start"), SECONDS),
    ends=dict.fromkeys(("end_ts", "end_timestamp", "end"), SECONDS),
    durations={},
    texts=("value", "text"),
)


def read_rev(top: JsonPlace, counts: Counter[str]) -> Transcript:
    """Reads Rev's JSON; `counts` takes in what is left out.

    Raises:
      InputError: `monologues` is no list.
    """
    names = {}
    for listing in ("speakers", "speaker_info"):
        if isinstance(top.value.get(listing), list):
            for speaker in top.objects(listing):
                label = to_label(speaker.value.get("name") or speaker.value.get("display_name"), "speaker")
                names[to_label(speaker.value.get("id"), "speaker")] = label
    entries = read_entries(top.child("monologues"), counts, _NAMES)
    entries = [entry._replace(speaker=names.get(entry.speaker) or entry.speaker) for entry in entries]
    return Transcript(to_transcript_words(entries, counts))
