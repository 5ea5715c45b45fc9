"""Reads Whisper's JSON, as its best-known programs write it.

These are openai-whisper, the OpenAI API (`verbose_json`), faster-whisper (its segments as objects), WhisperX,
whisper-timestamped and whisper.cpp (`-oj`, `-ojf`). Words have times of their own where the file has them; those of a
segment without share the segment's (`Word.times_estimated`).
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats import words as word_rules
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.transcript import MAX_SECS, Transcript, Word
from bert_qa_tf.speech.transcripts.word_times import fill_times


def read_whisper(top: JsonPlace, counts: Counter[str]) -> Transcript:
    """Reads Whisper's JSON; `counts` takes in what is left out.

    Raises:
      InputError: it has another shape; names the place.
    """
    if isinstance(top.value, list):
        entries = list(top.objects())
        is_words = bool(entries) and entries[0].has("word")
        found = _timed_words(entries, counts) if is_words else _segments(entries, counts)
        return Transcript(tuple(found))
    if top.has("transcription"):
        return Transcript(tuple(_cpp_words(list(top.objects("transcription")), counts)))
    if not any(top.value.get(name) for name in ("segments", "words", "word_segments")):
        # What the OpenAI API answers with where nothing else is asked for; of silence, an empty text.
        return Transcript(tuple(Word(token) for token in top.text("text").split()))
    segments = list(top.objects("segments"))
    # The OpenAI API puts words beside the segments. WhisperX repeats there what its segments hold.
    loose = list(top.objects("words" if top.has("words") else "word_segments"))
    if loose and not any(segment.value.get("words") for segment in segments):
        found = _timed_words(loose, counts)
    else:
        found = _segments(segments, counts)
    return Transcript(tuple(found), top.secs("duration"))


# === Segments, with or without words ===


def _segments(segments: Iterable[JsonPlace], counts: Counter[str]) -> Iterator[Word]:
    for segment in segments:
        start, end = _bounds(segment)
        counts[word_rules.SPEAKER_LABELS] += segment.has("speaker")
        if segment.value.get("words"):
            yield from fill_times(tuple(_timed_words(segment.objects("words"), counts)), start, end)
        else:
            yield from word_rules.segment_words(segment.text("text"), start, end)


def _bounds(segment: JsonPlace) -> tuple[float, float]:
    start, end = segment.secs("start"), segment.secs("end")
    if start is None or end is None:
        raise segment.wrong("in seconds", "start" if start is None else "end")
    if end < start:
        raise InputError(f"{segment}: ends at {end} s, before it starts at {start} s")
    return start, end


def _timed_words(entries: Iterable[JsonPlace], counts: Counter[str]) -> Iterator[Word]:
    pieces = []
    for entry in entries:
        text = entry.text("word", "text")
        confidence = entry.number("probability", "score", "confidence")
        word = word_rules.checked_word(entry, text, entry.secs("start"), entry.secs("end"), confidence, counts)
        if word is not None:
            pieces.append((word, text))
    # openai-whisper and faster-whisper begin a word with a space, and "-" or "'s" without one goes on with it. The
    # others have no such spaces.
    if any(text[0].isspace() for _, text in pieces[1:]):
        return word_rules.join_pieces([_with_text(word, text) for word, text in pieces])
    return iter([word for word, _ in pieces])


def _with_text(word: Word, text: str) -> Word:
    return Word(text, word.start_secs, word.end_secs, word.confidence)


# === whisper.cpp ===


def _cpp_words(segments: Sequence[JsonPlace], counts: Counter[str]) -> Iterator[Word]:
    spans = [(segment.text("text"), *_millis_bounds(segment)) for segment in segments]
    if not any(segment.value.get("tokens") for segment in segments):
        # With `-ml 1` every segment is a word, or a piece of one.
        if all(len(text.split()) <= 1 for text, _, _ in spans) and any(text[:1].isspace() for text, _, _ in spans[1:]):
            yield from word_rules.join_pieces([Word(*span) for span in spans if span[0].strip()])
            return
        for text, start, end in spans:
            yield from word_rules.segment_words(text, start, end)
        return
    for segment, (text, start, end) in zip(segments, spans, strict=True):
        pieces = list(_cpp_pieces(segment, counts))
        joined = tuple(word for word in word_rules.join_pieces(pieces) if word.text)
        yield from fill_times(joined, start, end) if joined else word_rules.segment_words(text, start, end)


def _cpp_pieces(segment: JsonPlace, counts: Counter[str]) -> Iterator[Word]:
    for token in segment.objects("tokens"):
        text = token.text("text")
        if text.startswith("[_") and text.endswith("]"):
            continue  # [_BEG_], [_TT_50]: the model's own marks, never said
        confidence = token.number("p")
        if confidence is not None and not 0 <= confidence <= 1:
            counts[word_rules.CONFIDENCES_OUT_OF_RANGE] += 1
            confidence = None
        start, end = _millis_bounds(token) if token.has("offsets") else (None, None)
        yield Word(text, start, end, confidence)


def _millis_bounds(place: JsonPlace) -> tuple[float, float]:
    offsets = place.at("offsets")
    bounds = functools.partial(_millis, offsets)
    return bounds("from"), bounds("to")


def _millis(offsets: JsonPlace, name: str) -> float:
    value = offsets.number(name)
    if value is None or not 0 <= value <= 1000 * MAX_SECS:
        raise offsets.wrong("in milliseconds", name)
    return value / 1000
