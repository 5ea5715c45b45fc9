"""Transcripts that the page opens: read here, so that their formats are known in one place.

What goes in: a file's bytes and its name. What comes out: JSON with its text, and for each word where it stands and
when it was said; or an error of the shape that all errors of the server have.
"""

from __future__ import annotations

import os

from bert_qa_tf.errors import InputError
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.serving.rest import RestError, to_body
from bert_qa_tf.speech.transcript_files import parse_transcript
from bert_qa_tf.speech.transcripts import Transcript

_DEFAULT_NAME = "transcript"
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
    name = os.path.basename(name)[:_MAX_NAME_CHARS] or _DEFAULT_NAME
    try:
        file = parse_transcript(content, name, None, recording)
    except InputError as error:
        return 400, RestError(400, str(error)).body()
    text = file.transcript.text if file.plain_text is None else file.plain_text
    if len(text) > limits.max_context_chars:
        message = f"{name}: {len(text)} characters, more than the {limits.max_context_chars} that this server takes"
        return 400, RestError(400, message).body()
    words = _columns(file.transcript) if file.plain_text is None else _columns(Transcript(()))
    return 200, to_body({"format": file.file_format, "note": file.describe(), "text": text, "words": words})


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
