"""Writes a transcript as JSON with all that is known, as plain text, or as captions in WebVTT and SRT.

`reader.py` reads all of them back, JSON without any loss. WebVTT keeps the time of each word where it was measured, and
who says it; SRT only the times of the captions, text none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.cues import Cue, cut_into_cues
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word
from bert_qa_tf.storage import atomic_files, files
from bert_qa_tf.text.surrogates import replace_surrogates

_MILLIS = 1000


def write_transcript(transcript: Transcript, path: files.PathLike, output_format: str) -> None:
    """Writes a transcript; the file appears once all of it is written.

    Args:
      transcript: what to write. For `vtt` and `srt` at least one of its words needs times.
      path: of the file; its folder is made when it is missing.
      output_format: one of `OUTPUT_FORMATS`.

    Raises:
      InputError: the file cannot be written, or captions are asked for and no word has a time.
    """
    if files.is_folder(path):
        raise InputError(f"{os.fspath(path)}: is a folder, expected the name of a file to write")
    try:
        text = format_transcript(transcript, output_format)
    except InputError as error:
        raise InputError(f"{os.fspath(path)}: {error}") from error
    atomic_files.write_text(path, text)


def format_transcript(transcript: Transcript, output_format: str) -> str:
    """A transcript as the text of a file, ending in a line end.

    Args:
      transcript: see `write_transcript`.
      output_format: one of `OUTPUT_FORMATS`.

    Raises:
      InputError: captions are asked for and no word has a time, or there is no such format.
    """
    if output_format not in _FORMATTERS:
        raise InputError(
            f"expected one of {', '.join(OUTPUT_FORMATS)} as format of a transcript, got {output_format!r}"
        )
    return replace_surrogates(_FORMATTERS[output_format](transcript))


def format_of_name(path: files.PathLike) -> str | None:
    """The format that the ending of a file's name stands for; None where it stands for none."""
    ending = os.fspath(path).rpartition(".")[2].lower()
    return ending if ending in _FORMATTERS else None


def _json(transcript: Transcript) -> str:
    return json.dumps(transcript.to_json(), ensure_ascii=False, indent=1) + "\n"


def _text(transcript: Transcript) -> str:
    # One line: offsets into `Transcript.text` are offsets into the file.
    return transcript.text + "\n"


def _webvtt(transcript: Transcript) -> str:
    blocks = ["WEBVTT\n"]
    for cue in _cues(transcript, "WebVTT"):
        start, end = _whole_millis(cue)
        blocks.append(f"{_time(start, '.')} --> {_time(end, '.')}\n{_webvtt_payload(cue, start, end)}\n")
    return "\n".join(blocks)


def _webvtt_payload(cue: Cue, start_millis: int, end_millis: int) -> str:
    """The words, each but the first behind the time at which it begins, and that at which the last of them ends."""
    before, lines = start_millis, []

    def stamp(secs: float) -> str:
        # The standard wants them ascending, and within the cue.
        nonlocal before
        millis = round(secs * _MILLIS)
        if not before < millis < end_millis:
            return ""
        before = millis
        return f"<{_time(millis, '.')}>"

    for line in cue.lines:
        shown = [("" if word.times_estimated else stamp(word.start_secs)) + _escaped(_one_line(word)) for word in line]
        lines.append(" ".join(shown))
    last = cue.words[-1]
    return _voice(cue) + "\n".join(lines) + ("" if last.times_estimated else stamp(last.end_secs))


def _voice(cue: Cue) -> str:
    """The tag that names who says the words of a cue, all of whom are one."""
    name = " ".join((cue.words[0].speaker or "").split())
    return f"<v {_escaped(name)}>" if name else ""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _subrip(transcript: Transcript) -> str:
    blocks = []
    for number, cue in enumerate(_cues(transcript, "SRT"), start=1):
        start, end = _whole_millis(cue)
        lines = "\n".join(" ".join(_one_line(word) for word in line) for line in cue.lines)
        blocks.append(f"{number}\n{_time(start, ',')} --> {_time(end, ',')}\n{lines}\n")
    return "\n".join(blocks)


def _cues(transcript: Transcript, name: str) -> list[Cue]:
    if transcript.words and not any(word.start_secs is not None for word in transcript.words):
        raise InputError(f"no word of this transcript has a time, which {name} needs; write json or txt")
    return cut_into_cues(transcript)


def _one_line(word: Word) -> str:
    """A word may be several with a line end between them; an empty line would end the cue."""
    return " ".join(word.text.split())


def _whole_millis(cue: Cue) -> tuple[int, int]:
    start = round(cue.start_secs * _MILLIS)
    return start, max(round(cue.end_secs * _MILLIS), start + 1)


def _time(millis: int, decimal_mark: str) -> str:
    """`hh:mm:ss.mmm`; hours take as many digits as they need."""
    secs, millis = divmod(millis, _MILLIS)
    minutes, secs = divmod(secs, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{secs:02d}{decimal_mark}{millis:03d}"


_FORMATTERS: dict[str, Callable[[Transcript], str]] = {"json": _json, "txt": _text, "vtt": _webvtt, "srt": _subrip}
OUTPUT_FORMATS: tuple[str, ...] = tuple(_FORMATTERS)
