"""Transcripts that the page opens: read here, so that their formats are known in one place.

What goes in: a file's bytes and its name. What comes out: JSON with its text, and for each word where it stands and
when it was said; or an error of the shape that all errors of the server have.
"""

from __future__ import annotations

import os

from bert_qa_tf.errors import InputError
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.serving.rest import RestError, to_body
from bert_qa_tf.speech.transcripts.reader import parse_transcript
from bert_qa_tf.speech.transcripts.transcript import Transcript

_MAX_NAME_CHARS = 200


def transcript_reply(content: bytes, name: str, recording: str | None, limits: Limits) -> tuple[int, bytes]:
    """Reads a transcript.

    Args:
      content: of the file; its length is the listener's to check.
      name: of the file, a hint of its format; folders are left out.
      recording: which one, where the file holds several.
      limits: how long its text may be.

    Returns:
      A status and a body. With status 200: `format`; `note`, a line on what was read; `text`; and `words`, lists of one
      entry for each word: `start_chars` and `end_chars` (code points of `text`, the end exclusive), `start_secs` and
      `end_secs` (null where not known), `times_estimated`.
    """
    name = shown_name(name, "transcript")
    try:
        file = parse_transcript(content, name, None, recording)
    except InputError as error:
        return 400, RestError(400, str(error)).body()
    # A text without times keeps its own white space, and has no words to place.
    timed = file.transcript if file.plain_text is None else Transcript(())
    text = timed.text if file.plain_text is None else file.plain_text
    return transcript_body(name, file.file_format, file.describe(), text, timed, limits)


def shown_name(name: str, otherwise: str) -> str:
    """A client's name for its file, as messages show it: without folders, and not too long."""
    return os.path.basename(name)[:_MAX_NAME_CHARS] or otherwise


def transcript_body(
    name: str, file_format: str, note: str, text: str, timed: Transcript, limits: Limits
) -> tuple[int, bytes]:
    """What the page gets of a transcript.

    Args:
      name: for messages.
      file_format: of the file, or what recognised it.
      note: a line on it.
      text: to ask about.
      timed: its words, as far as times are known; its text is `text` then.
      limits: how long the text may be.

    Returns:
      See `transcript_reply`.
    """
    if len(text) > limits.max_context_chars:
        message = f"{name}: {len(text)} characters, more than the {limits.max_context_chars} that this server takes"
        return 400, RestError(400, message).body()
    return 200, to_body({"format": file_format, "note": note, "text": text, "words": _columns(timed)})


def _columns(transcript: Transcript) -> dict[str, list[int] | list[float | None] | list[bool]]:
    return {
        "start_chars": transcript.start_chars,
        "end_chars": [
            start + len(word.text) for start, word in zip(transcript.start_chars, transcript.words, strict=True)
        ],
        "start_secs": [word.start_secs for word in transcript.words],
        "end_secs": [word.end_secs for word in transcript.words],
        "times_estimated": [word.times_estimated for word in transcript.words],
    }
