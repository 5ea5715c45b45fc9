"""Reads manifests of NVIDIA NeMo: JSON lines, each an utterance of `audio_filepath`.

`pred_text`, what was recognised, goes before `text`. Times of words are those of `timestamps_word` or `timestamp.word`,
counted from where the utterance begins (`offset`). Source: docs.nvidia.com/nemo-framework, "ASR datasets" and
"Automatic Speech Recognition: Obtain timestamps".
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace, documents
from bert_qa_tf.speech.transcripts.formats.recording_choice import choose_recording
from bert_qa_tf.speech.transcripts.formats.segments import to_transcript_words
from bert_qa_tf.speech.transcripts.formats.timed_entries import Entry, read_entries, speaker_of, to_words
from bert_qa_tf.speech.transcripts.formats.words import OTHER_RECORDINGS
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word

_TEXTS = ("pred_text", "text", "answer")


def read_nemo(top: JsonPlace, recording: str | None, counts: Counter[str]) -> Transcript:
    """Reads a manifest; `counts` takes in what is left out.

    Args:
      top: the lines.
      recording: which `audio_filepath`; None where there is one.
      counts: what is left out, by reason.

    Raises:
      InputError: it holds several recordings and none is chosen.
    """
    lines = []
    for line in documents(top):
        try:
            lines.append((line.text("audio_filepath"), line.text(*_TEXTS), line))
        except InputError as error:
            line.leave_out(error)
    if not lines:
        return Transcript(())
    name = choose_recording(list(dict.fromkeys(name for name, _, _ in lines)), recording, top.source)
    counts[OTHER_RECORDINGS] += sum(len(text.split()) for of, text, _ in lines if of != name)
    entries = [entry for of, text, line in lines if of == name for entry in _entries(text, line, counts)]
    return Transcript(to_transcript_words(entries, counts))


def _entries(text: str, line: JsonPlace, counts: Counter[str]) -> Iterator[Entry]:
    start, duration = line.secs("offset"), line.secs("duration")
    if duration is not None:
        start = start or 0.0
    end = None if duration is None else (start or 0.0) + duration
    words = _words(line, start or 0.0, counts)
    yield Entry(text, start, end, None, speaker_of(line), None, words)


def _words(line: JsonPlace, offset: float, counts: Counter[str]) -> tuple[Word, ...]:
    holder, name = line, "timestamps_word"
    for outer in ("timestamp", "timestamps", "timestep"):
        if isinstance(line.value.get(outer), dict):
            holder, name = line.at(outer), "word"
    if not isinstance(holder.value.get(name), list) or not holder.value[name]:
        return ()
    words = to_words(read_entries(holder.child(name), counts), counts)
    return tuple(
        dataclasses.replace(
            word,
            start_secs=None if word.start_secs is None else word.start_secs + offset,
            end_secs=None if word.end_secs is None else word.end_secs + offset,
        )
        for word in words
    )
