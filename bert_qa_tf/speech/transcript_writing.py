"""Transcripts as files: JSON, plain text, WebVTT and SRT.

What goes in: a `Transcript`. What comes out: a file's text. Reading such files is `transcript_files`'.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts import Transcript, Word

FORMATS = ("json", "text", "vtt", "srt")
_FORMAT_OF_ENDING = {".json": "json", ".txt": "text", ".vtt": "vtt", ".srt": "srt"}
ENDINGS = {name: ending for ending, name in _FORMAT_OF_ENDING.items()}

# Two lines of 42 characters are what viewers can read at once; a pause ends a caption early.
_CUE_CHARS = 84
_CUE_SECS = 7.0
_PAUSE_SECS = 0.7


def format_of(path: str) -> str:
    """The format that a file's ending names.

    Raises:
      InputError: it names none.
    """
    for ending, name in _FORMAT_OF_ENDING.items():
        if path.lower().endswith(ending):
            return name
    endings = ", ".join(_FORMAT_OF_ENDING)
    raise InputError(f"{path}: no format has this ending, expected one of {endings} (or --output_format)")


def render(transcript: Transcript, output_format: str) -> str:
    """The content of a file.

    Args:
      transcript: for captions, each word with its times.
      output_format: one of `FORMATS`.
    """
    if output_format == "json":
        return json.dumps(transcript.to_json(), indent=1, ensure_ascii=False) + "\n"
    if output_format == "text":
        return transcript.text + "\n"
    cues = [_cue(number, cue, output_format) for number, cue in enumerate(_cues(transcript), start=1)]
    return ("WEBVTT\n\n" if output_format == "vtt" else "") + "\n".join(cues)


def _cues(transcript: Transcript) -> Iterator[list[Word]]:
    cue: list[Word] = []
    for word in transcript.words:
        if cue and (
            sum(len(w.text) + 1 for w in cue) + len(word.text) > _CUE_CHARS
            or word.end_secs - cue[0].start_secs > _CUE_SECS
            or word.start_secs - cue[-1].end_secs > _PAUSE_SECS
        ):
            yield cue
            cue = []
        cue.append(word)
    if cue:
        yield cue


def _cue(number: int, words: list[Word], output_format: str) -> str:
    mark = "." if output_format == "vtt" else ","
    head = "" if output_format == "vtt" else f"{number}\n"
    text = " ".join(word.text for word in words)
    if output_format == "vtt":
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"{head}{_clock(words[0].start_secs, mark)} --> {_clock(words[-1].end_secs, mark)}\n{text}\n"


def _clock(secs: float, mark: str) -> str:
    millis = round(1000 * secs)
    return f"{millis // 3_600_000:02d}:{millis // 60_000 % 60:02d}:{millis // 1000 % 60:02d}{mark}{millis % 1000:03d}"
