"""Reads transcripts that other tools wrote, whatever their format.

These are JSON of recognisers and of ours; captions; tables and lists of words with times; and plain text. The format is
recognised from the file, and what the transcript leaves out of it is counted. Each format is a module in `formats/`.
"""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Callable, Mapping

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddKind, Severity
from bert_qa_tf.speech.transcripts.cleaning_rules import find_time_stamps
from bert_qa_tf.speech.transcripts.encodings import decode
from bert_qa_tf.speech.transcripts.formats import json_detection
from bert_qa_tf.speech.transcripts.formats.ctm import read_ctm
from bert_qa_tf.speech.transcripts.formats.detection import begins_as_json, must_be_json
from bert_qa_tf.speech.transcripts.formats.foreign import refuse_text
from bert_qa_tf.speech.transcripts.formats.json_documents import parse_json
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.formats.otter import read_otter
from bert_qa_tf.speech.transcripts.formats.sbv import read_sbv
from bert_qa_tf.speech.transcripts.formats.stamped import read_lrc, read_stamped
from bert_qa_tf.speech.transcripts.formats.stm import read_stm
from bert_qa_tf.speech.transcripts.formats.subrip import read_subrip
from bert_qa_tf.speech.transcripts.formats.substation import read_substation
from bert_qa_tf.speech.transcripts.formats.tables import read_table
from bert_qa_tf.speech.transcripts.formats.text_detection import recognise_text
from bert_qa_tf.speech.transcripts.formats.ttml import read_ttml
from bert_qa_tf.speech.transcripts.formats.webvtt import read_webvtt
from bert_qa_tf.speech.transcripts.formats.words import text_words
from bert_qa_tf.speech.transcripts.transcript import Transcript
from bert_qa_tf.storage import files
from bert_qa_tf.text.surrogates import replace_surrogates

# Names of formats: those of `writers.OUTPUT_FORMATS` and what only others write.
JSON_FORMATS = tuple(json_detection.JSON_FORMATS)
_TEXT_READERS: dict[str, Callable[[str, str, Counter[str]], Transcript]] = {
    "vtt": read_webvtt,
    "srt": read_subrip,
    "sbv": read_sbv,
    "tsv": read_table,
    "ttml": read_ttml,
    "ass": read_substation,
    "lrc": read_lrc,
    "stamped": read_stamped,
    "otter": read_otter,
}
TEXT_FORMATS = (*_TEXT_READERS, "ctm", "stm", "txt")
INPUT_FORMATS = (*JSON_FORMATS, *TEXT_FORMATS)
# Those that may hold several recordings, of which one is chosen.
_WITH_RECORDINGS = ("ctm", "stm", "google", "nemo")

STAMPS_IN_TEXT = OddKind("stamps_in_text", "plain texts with times in them, which are not used", Severity.WARNING)


@dataclasses.dataclass(frozen=True)
class TranscriptFile:
    """A transcript as it was read.

    Attributes:
      transcript: the words; each without line ends and double spaces within.
      file_format: one of `INPUT_FORMATS`.
      counts: what the file holds and the transcript does not, by reason; only what is there.
      taken_for: more on what the file was taken for: the tool that writes such files, and where the transcript stands
        in it; "" where `file_format` says all.
      plain_text: a plain text as it is, with its lines, by which labels and times in it are known; None of all else.
    """

    transcript: Transcript
    file_format: str
    counts: Mapping[str, int]
    plain_text: str | None = None
    taken_for: str = ""

    def describe(self) -> str:
        """What was read, in a line: the format, how many words, how good their times are, what is left out."""
        words = self.transcript.words
        untimed = sum(1 for word in words if word.start_secs is None)
        estimated = sum(1 for word in words if word.times_estimated)
        taken_for = f" ({self.taken_for})" if self.taken_for else ""
        parts = [f"{self.file_format}{taken_for}, {len(words)} words"]
        if words and untimed == len(words):
            parts.append("no times")
        elif untimed or estimated:
            timed = f"{estimated} with estimated times" if estimated else ""
            parts += [part for part in (timed, f"{untimed} without times" if untimed else "") if part]
        if self.counts:
            parts.append(f"left out {format_counts(self.counts)}")
        return "; ".join(parts)


def format_counts(counts: Mapping[str, int]) -> str:
    """Counts as a person reads them: `fillers (3), repeated lines (1)`."""
    return ", ".join(f"{name.replace('_', ' ')} ({count})" for name, count in counts.items())


def read_transcript(
    path: files.PathLike,
    file_format: str | None = None,
    recording: str | None = None,
    encoding: str | None = None,
) -> TranscriptFile:
    """Reads a transcript.

    Args:
      path: of the file, local or remote.
      file_format: one of `INPUT_FORMATS`; None to recognise it from the content, with the name's ending as a hint.
      recording: which one, where a file holds several (CTM: `waveform` or `waveform/channel`; a batch of Google's: the
        address of the audio).
      encoding: of a text that is neither UTF-8 nor has a mark, such as `windows-1252`.

    Raises:
      InputError: one line with the file, the line or the place in JSON, what was found and what was expected.
    """
    name = os.fspath(path)
    if files.is_folder(name):
        raise InputError(f"{name}: is a folder, expected a transcript")
    return parse_transcript(files.read_bytes(name), name, file_format, recording, encoding)


def parse_transcript(
    content: bytes,
    name: str,
    file_format: str | None = None,
    recording: str | None = None,
    encoding: str | None = None,
) -> TranscriptFile:
    """The transcript in the bytes of a file; see `read_transcript`.

    Raises:
      InputError: see `read_transcript`.
    """
    if file_format not in (None, *INPUT_FORMATS):
        raise InputError(f"{name}: expected one of {', '.join(INPUT_FORMATS)} as its format, got {file_format!r}")
    text = decode(content, name, encoding)
    if file_format is None:
        refuse_text(text, name)
    counts: Counter[str] = Counter()
    top, taken_for = None, ""
    if file_format in JSON_FORMATS or (file_format is None and _is_json(text, name)):
        top = parse_json(text, name)
        if file_format is None:
            top, file_format, taken_for = json_detection.recognise(top)
    file_format = file_format or recognise_text(text, name)
    if recording is not None and file_format not in _WITH_RECORDINGS:
        raise InputError(f"{name}: {file_format} holds one recording, expected no --transcript_recording")
    if top is not None:
        transcript = _read_json(top, file_format, recording, counts)
    else:
        transcript = _read_text(text, name, file_format, recording, counts)
    left_out = {reason: count for reason, count in counts.items() if count}
    plain_text = text if file_format == "txt" else None
    return TranscriptFile(_tidy(transcript), file_format, left_out, plain_text, taken_for)


def _is_json(text: str, name: str) -> bool:
    """Returns whether a file is JSON or nothing; one that is named so may still hold captions."""
    if not must_be_json(text, name):
        return False
    return begins_as_json(text) or recognise_text(text, name) in ("txt", "ctm", "stm")


def _read_text(text: str, name: str, file_format: str, recording: str | None, counts: Counter[str]) -> Transcript:
    if file_format in ("ctm", "stm"):
        return (read_ctm if file_format == "ctm" else read_stm)(text, name, recording, counts)
    if file_format != "txt":
        return _TEXT_READERS[file_format](text, name, counts)
    stamps = find_time_stamps(text)
    if stamps:
        line = text.count("\n", 0, stamps[0][0]) + 1
        odd_items.add(STAMPS_IN_TEXT, name, f"line {line}", "a time in plain text, expected lines that begin with one")
    return Transcript(text_words(text))


def _tidy(transcript: Transcript) -> Transcript:
    """Words without line ends and double spaces within, and without what UTF-8 cannot spell."""
    words = tuple(
        dataclasses.replace(word, text=text)
        if (text := replace_surrogates(" ".join(word.text.split()))) != word.text
        else word
        for word in transcript.words
    )
    return Transcript(words, transcript.duration_secs)


def _read_json(top: JsonPlace, file_format: str, recording: str | None, counts: Counter[str]) -> Transcript:
    if not isinstance(top.value, Mapping | list) or (
        isinstance(top.value, list) and file_format not in json_detection.OF_LISTS
    ):
        raise top.wrong("an object")
    transcript = json_detection.JSON_FORMATS[file_format](top, recording, counts)
    if not transcript.words and top.left_out:
        raise top.left_out[0]  # to leave out all would be silence
    return transcript
