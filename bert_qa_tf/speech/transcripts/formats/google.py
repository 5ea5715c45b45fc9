"""Reads the JSON of Google Speech-to-Text, v1 and v2.

That is a reply of `recognize` or `longrunningrecognize`, or a file that a batch of v2 wrote, with names in camel or in
snake case. The first alternative of each result is taken. Where words have no times, those of a result share what lies
between the end of the result before it and its own (`Word.times_estimated`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.alternatives import expected_alternative
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.formats.json_times import to_label, to_secs
from bert_qa_tf.speech.transcripts.formats.recording_choice import choose_recording
from bert_qa_tf.speech.transcripts.formats.segments import merge_channels
from bert_qa_tf.speech.transcripts.formats.words import (
    OTHER_RECORDINGS,
    REPEATED_WORDS,
    checked_word,
    segment_words,
    text_words,
)
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word
from bert_qa_tf.speech.transcripts.word_times import fill_times

_START = ("startTime", "startOffset", "start_time", "start_offset")
_END = ("endTime", "endOffset", "end_time", "end_offset")
_RESULT_END = ("resultEndTime", "resultEndOffset", "result_end_time", "result_end_offset")
_CHANNEL = ("channelTag", "channel_tag")
_SPEAKER = ("speakerTag", "speakerLabel", "speaker_tag", "speaker_label")


def read_google(top: JsonPlace, recording: str | None, counts: Counter[str]) -> Transcript:
    """Reads Google's JSON; `counts` takes in what is left out.

    Args:
      top: the document.
      recording: which of several files of a batch; None where it holds one.
      counts: what is left out, by reason.

    Raises:
      InputError: it has another shape (names the place), or several recordings and none is chosen.
    """
    holder = top.at("response") if top.has("response") else top
    if isinstance(holder.value.get("results"), dict):
        holder = _of_batch(holder.at("results"), recording, counts)
    elif recording is not None:
        raise InputError(f"{top.source}: holds one recording without a name, expected no --transcript_recording")
    elif holder is top and not top.has("results"):
        raise top.wrong("with the results of recognition", "results")
    results = [result for result in holder.objects("results") if result.value.get("alternatives")]
    results = _without_repetition(results, counts)
    spoken: dict[str | None, list[Word]] = defaultdict(list)
    ended: dict[str | None, float] = defaultdict(float)
    for result in results:
        channel = _channel(result)
        try:
            words = _result_words(result, ended[channel], counts)
        except InputError as error:
            result.leave_out(error)
            continue
        spoken[channel] += words
        reached = (result.secs(*_RESULT_END) or 0.0, (words[-1].end_secs or 0.0) if words else 0.0)
        ended[channel] = max(ended[channel], *reached)
    return Transcript(merge_channels(spoken))


def _channel(result: JsonPlace) -> str | None:
    tag = next((result.value[name] for name in _CHANNEL if result.value.get(name)), None)  # 0 is "not set"
    return to_label(tag, "channel")


def _result_words(result: JsonPlace, ended: float, counts: Counter[str]) -> Sequence[Word]:
    first = expected_alternative(result, counts)
    result_end = result.secs(*_RESULT_END)
    if first.value.get("words"):
        return _timed_words(list(first.objects("words")), ended, result_end, counts)
    if not first.has("transcript"):
        return ()
    text = first.text("transcript")
    return text_words(text) if result_end is None else segment_words(text, ended, max(ended, result_end))


def _of_batch(files: JsonPlace, recording: str | None, counts: Counter[str]) -> JsonPlace:
    """The transcript of one of the files that a batch of v2 was given."""
    name = choose_recording(list(files.value), recording, files.source)
    counts[OTHER_RECORDINGS] += sum(
        1
        for other in files.value
        if other != name
        for entry in _transcript_of(files.at(other)).objects("results")
        for alternative in list(entry.objects("alternatives"))[:1]
        for _ in alternative.objects("words")
    )
    return _transcript_of(files.at(name))


def _transcript_of(file: JsonPlace) -> JsonPlace:
    for inline in ("inlineResult", "inline_result"):
        if file.has(inline):
            file = file.at(inline)
    if not file.has("transcript"):
        raise InputError(f"{file}: holds no transcript, expected one here (a `uri` names the file that holds it)")
    return file.at("transcript")


def _without_repetition(results: Sequence[JsonPlace], counts: Counter[str]) -> Sequence[JsonPlace]:
    """With speakers told apart, v1 gives all words once more in a last result: that one is taken alone."""
    if len(results) < 2:
        return results
    starts = [_first_start(result) for result in (results[0], results[-1])]
    if None in starts or starts[1] > starts[0] or not _has_speakers(results[-1]) or _has_speakers(results[0]):
        return results
    counts[REPEATED_WORDS] += sum(len(_words_of(result)) for result in results[:-1])
    return results[-1:]


def _first_start(result: JsonPlace) -> float | None:
    words = _words_of(result)
    name = next((name for name in _START if words and words[0].get(name) is not None), None)
    return (0.0 if name is None else to_secs(words[0][name]) or 0.0) if words else None


def _words_of(result: JsonPlace) -> Sequence[Mapping[str, Any]]:
    """The words of the first alternative, of whatever else the file holds there nothing."""
    first = result.value["alternatives"][0] if isinstance(result.value["alternatives"], list) else None
    words = first.get("words") if isinstance(first, dict) else None
    return [word for word in words if isinstance(word, dict)] if isinstance(words, list) else []


def _has_speakers(result: JsonPlace) -> bool:
    return any(_speaker(word) for word in _words_of(result))


def _speaker(word: Mapping[str, Any]) -> str | None:
    return to_label(next((word[name] for name in _SPEAKER if word.get(name)), None), "speaker")


def _timed_words(
    entries: Sequence[JsonPlace], earliest: float, result_end: float | None, counts: Counter[str]
) -> Sequence[Word]:
    words = []
    for entry in entries:
        try:
            text = entry.text("word")
        except InputError as error:
            entry.leave_out(error)
            continue
        start, end = entry.secs(*_START), entry.secs(*_END)
        if start is None and end is not None and not words and not earliest and not any(map(entry.has, _START)):
            start = 0.0  # protobuf leaves out what is zero
        start, end = entry.in_order(start, end)
        # 0 is protobuf's "not set" here: no word is sure to be wrong.
        confidence = entry.confidence("confidence") or None
        word = checked_word(entry, text, start, end, confidence, counts, _speaker(entry.value))
        if word is not None:
            words.append(word)
    if all(word.start_secs is None and word.end_secs is None for word in words) and result_end is None:
        return words
    return fill_times(words, earliest, max(earliest, result_end or 0.0))
