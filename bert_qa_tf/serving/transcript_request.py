"""Reads the transcripts that the page opens and returns their text and the times of their words as JSON.

The server reads them, so that their formats are implemented in one place. Errors have the same form as all errors of
the server.
"""

from __future__ import annotations

import os
import re

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.serving.rest import RestError, to_body
from bert_qa_tf.speech.transcripts.reader import parse_transcript
from bert_qa_tf.speech.transcripts.transcript import Transcript

_MAX_NAME_CHARS = 200
# What the flags of commands are called in a request.
_FLAGS = re.compile(r"--transcript_((?:encoding|recording)(?:=[\w-]+)?)")


def transcript_reply(
    content: bytes, name: str, recording: str | None, limits: Limits, encoding: str | None = None
) -> tuple[int, bytes]:
    """Reads a transcript.

    Args:
      content: the content of the file. The caller must have checked its size.
      name: the name of the file, a hint of its format; folders are removed.
      recording: the recording to read, if the file holds several.
      limits: the limits on the text.
      encoding: the encoding of a text that is not UTF-8 and has no mark.

    Returns:
      A status and a body. With status 200 the body has `format`, `note` (a one-line summary), `text` and `words`. The
      latter has lists with an entry for each word: `start_chars` and `end_chars` (code points of `text`, the end
      exclusive), `start_secs` and `end_secs` (null if not known), `times_estimated`, and `speakers` (null if not
      known).
    """
    name = shown_name(name, "transcript")
    strict = getattr(odd_items.current(), "strict", False)
    try:
        with odd_items.collect(strict) as odd:
            file = parse_transcript(content, name, None, recording, encoding)
    except InputError as error:
        return 400, RestError(400, _FLAGS.sub(r"`\1` in the query", str(error))).body()
    note = f"{file.describe()}; {odd.describe()}" if odd else file.describe()
    # A text without times keeps its white space and has no entries for words.
    timed = file.transcript if file.plain_text is None else Transcript(())
    text = timed.text if file.plain_text is None else file.plain_text
    return transcript_body(name, file.file_format, note, text, timed, limits)


def shown_name(name: str, otherwise: str) -> str:
    """Returns a client's file name for messages, without folders and truncated; `otherwise` if it is empty."""
    return os.path.basename(name)[:_MAX_NAME_CHARS] or otherwise


def transcript_body(
    name: str, file_format: str, note: str, text: str, timed: Transcript, limits: Limits
) -> tuple[int, bytes]:
    """Returns the reply to the page for a transcript.

    Args:
      name: the file's name, for messages.
      file_format: the file's format, or the recogniser's name.
      note: a one-line summary.
      text: the text of the transcript.
      timed: the words with their times, or an empty transcript if there are no times. If it has words, its text must be
        `text`.
      limits: the limits on the text.

    Returns:
      See `transcript_reply`.
    """
    if len(text) > limits.max_context_chars:
        message = f"{name}: {len(text)} characters, more than the {limits.max_context_chars} that this server takes"
        return 400, RestError(400, message).body()
    return 200, to_body({"format": file_format, "note": note, "text": text, "words": _columns(timed)})


def _columns(transcript: Transcript) -> dict[str, list[int] | list[float | None] | list[bool] | list[str | None]]:
    return {
        "start_chars": transcript.start_chars,
        "end_chars": [
            start + len(word.text) for start, word in zip(transcript.start_chars, transcript.words, strict=True)
        ],
        "start_secs": [word.start_secs for word in transcript.words],
        "end_secs": [word.end_secs for word in transcript.words],
        "times_estimated": [word.times_estimated for word in transcript.words],
        "speakers": [word.speaker for word in transcript.words],
    }
