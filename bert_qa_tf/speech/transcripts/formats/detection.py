"""Tells the formats of JSON apart, by what a file holds; the ending of its name is a hint."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace


def must_be_json(text: str, name: str) -> bool:
    """Whether a file is JSON or nothing: by its name, or because no transcript in text begins like this."""
    text = text.lstrip()
    if _ending(name) == "json" or text.startswith("{"):
        return not text.startswith("{\\")  # SRT's way to place a caption
    # Text may begin with [Music] or [00:01].
    return re.match(r"\[\s*[{\]]", text) is not None


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()


def recognise_json(top: JsonPlace) -> str:
    """The format of JSON: `json` (our own), `whisper`, `aws` or `google`.

    Raises:
      InputError: it is none of them.
    """
    value = top.value
    if isinstance(value, list):
        if value and isinstance(value[0], Mapping) and not {"text", "word"} & value[0].keys():
            raise _unknown_json(top)
        return "whisper"
    if not isinstance(value, Mapping):
        raise _unknown_json(top)
    if isinstance(value.get("data"), list):
        raise InputError(f"{top}: a file in SQuAD's form, expected a transcript (--input_file takes it)")
    results = value.get("results")
    if isinstance(results, Mapping) and {"items", "transcripts"} & results.keys():
        return "aws"
    if isinstance(results, list | Mapping) or isinstance(value.get("response"), Mapping):
        return "google"
    if any(isinstance(value.get(key), list) for key in ("transcription", "segments", "word_segments")):
        return "whisper"
    if isinstance(value.get("text"), str) and not value.get("words") and value["text"].strip():
        return "whisper"
    if isinstance(value.get("words"), list):
        return "whisper" if any(isinstance(word, Mapping) and "word" in word for word in value["words"]) else "json"
    raise _unknown_json(top)


def _unknown_json(top: JsonPlace) -> InputError:
    return top.wrong(
        "a transcript: an object with `words`, `segments` or `transcription` (Whisper), `results` with `items` (Amazon "
        "Transcribe), or `results` with `alternatives` (Google)"
    )
