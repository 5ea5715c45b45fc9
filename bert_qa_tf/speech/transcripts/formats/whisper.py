"""Reads Whisper's JSON, as its best-known programs write it.

These are openai-whisper, the OpenAI API (`verbose_json`, `diarized_json`), faster-whisper (its segments as objects),
WhisperX, whisper-timestamped, mlx-whisper and whisper.cpp (`-oj`, `-ojf`). Words have times of their own where the file
has them; those of a segment without share the segment's (`Word.times_estimated`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats import words as word_rules
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.formats.json_times import MILLISECONDS
from bert_qa_tf.speech.transcripts.formats.segments import to_transcript_words
from bert_qa_tf.speech.transcripts.formats.timed_entries import Entry, read_entries, speaker_of
from bert_qa_tf.speech.transcripts.formats.words import text_words
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word


def read_whisper(top: JsonPlace, counts: Counter[str]) -> Transcript:
    """Reads Whisper's JSON; `counts` takes in what is left out.

    Raises:
      InputError: it has another shape; names the place.
    """
    if isinstance(top.value, list):
        return Transcript(to_transcript_words(read_entries(top, counts), counts))
    if top.has("transcription"):
        return Transcript(to_transcript_words(_cpp_entries(top, counts), counts))
    if not any(top.value.get(name) for name in ("segments", "words", "word_segments")):
        # What the OpenAI API answers with where nothing else is asked for; of silence, an empty text.
        return Transcript(text_words(top.text("text")))
    duration = top.secs("duration")
    segments = read_entries(top.child("segments"), counts) if top.has("segments") else []
    # The OpenAI API puts words beside the segments. WhisperX repeats there what its segments hold.
    loose = "words" if top.has("words") else "word_segments"
    if top.value.get(loose) and not any(segment.words for segment in segments):
        words = to_transcript_words(read_entries(top.child(loose), counts), counts, duration)
        if words:
            return Transcript(words, duration)
    return Transcript(to_transcript_words(segments, counts, duration), duration)


# === whisper.cpp ===


def _cpp_entries(top: JsonPlace, counts: Counter[str]) -> list[Entry]:
    entries = []
    for segment in top.objects("transcription"):
        try:
            text = segment.text("text")
            pieces = list(_cpp_pieces(segment, counts))
        except InputError as error:
            segment.leave_out(error)
            continue
        # With `-ml 1` every segment is a word, or a piece of one: its tokens say no more.
        words = tuple(word for word in word_rules.join_pieces(pieces) if word.text)
        entries.append(Entry(text, *segment.in_order(*_millis(segment)), None, speaker_of(segment), None, words))
    return entries


def _cpp_pieces(segment: JsonPlace, counts: Counter[str]) -> Iterator[Word]:
    for token in segment.objects("tokens"):
        text = token.text("text")
        if text.startswith("[_") and text.endswith("]"):
            continue  # [_BEG_], [_TT_50]: the model's own marks, never said
        confidence = token.confidence("p")
        if confidence is not None and not 0 <= confidence <= 1:
            counts[word_rules.CONFIDENCES_OUT_OF_RANGE] += 1
            confidence = None
        yield Word(text, *_millis(token), confidence)


def _millis(place: JsonPlace) -> tuple[float | None, float | None]:
    if place.has("offsets"):
        offsets = place.at("offsets")
        return offsets.secs("from", unit=MILLISECONDS), offsets.secs("to", unit=MILLISECONDS)
    if place.has("timestamps"):
        stamps = place.at("timestamps")
        return stamps.secs("from"), stamps.secs("to")
    return None, None
