"""Tells the formats of JSON transcripts apart, by their shape (`json_shapes`), and names their readers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from bert_qa_tf.errors import InputError, shortened
from bert_qa_tf.speech.transcripts.formats import entry_names, timed_lists
from bert_qa_tf.speech.transcripts.formats.aws import read_aws
from bert_qa_tf.speech.transcripts.formats.azure import read_azure
from bert_qa_tf.speech.transcripts.formats.deepgram import read_deepgram
from bert_qa_tf.speech.transcripts.formats.google import read_google
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.formats.json_shapes import SHAPES, objects_in
from bert_qa_tf.speech.transcripts.formats.json_times import MILLISECONDS
from bert_qa_tf.speech.transcripts.formats.nemo import read_nemo
from bert_qa_tf.speech.transcripts.formats.own_json import read_own
from bert_qa_tf.speech.transcripts.formats.rev import read_rev
from bert_qa_tf.speech.transcripts.formats.speechmatics import read_speechmatics
from bert_qa_tf.speech.transcripts.formats.timed_lists import is_timed, read_timed_list
from bert_qa_tf.speech.transcripts.formats.vosk import read_vosk
from bert_qa_tf.speech.transcripts.formats.watson import read_watson
from bert_qa_tf.speech.transcripts.formats.whisper import read_whisper
from bert_qa_tf.speech.transcripts.formats.youtube import read_youtube
from bert_qa_tf.speech.transcripts.transcript import Transcript

_Read = Callable[[JsonPlace, str | None, Counter[str]], Transcript]


def _of_one(read: Callable[[JsonPlace, Counter[str]], Transcript]) -> _Read:
    return lambda top, recording, counts: read(top, counts)


def _read_tool(top: JsonPlace, recording: str | None, counts: Counter[str]) -> Transcript:
    return read_timed_list(top, counts, _tool(top.value).unit)


JSON_FORMATS: Mapping[str, _Read] = {
    "json": _of_one(read_own),
    "whisper": _of_one(read_whisper),
    "aws": _of_one(read_aws),
    "google": read_google,
    "vosk": _of_one(read_vosk),
    "huggingface": _of_one(read_timed_list),
    "watson": _of_one(read_watson),
    "deepgram": _of_one(read_deepgram),
    "assemblyai": lambda top, recording, counts: read_timed_list(top, counts, MILLISECONDS),
    "speechmatics": _of_one(read_speechmatics),
    "azure": _of_one(read_azure),
    "rev": _of_one(read_rev),
    "nemo": read_nemo,
    "youtube": _of_one(read_youtube),
    "timed_json": _read_tool,
}
# Those of which a file may be a list of documents.
OF_LISTS = (
    *("whisper", "vosk", "huggingface", "watson", "deepgram", "assemblyai", "speechmatics", "azure", "nemo"),
    "timed_json",
)
_MAX_PATH_CHARS = 100
_WRAPPERS = (
    "result",
    "results",
    "response",
    "output",
    "data",
    "transcript",
    "transcription",
    "body",
    "value",
    "payload",
)


class Recognised(NamedTuple):
    """The result of recognising a document.

    Attributes:
      top: the transcript: the document, or a part of it.
      name: of its format, in `JSON_FORMATS`.
      taken_for: the tool, where `name` is a general one, and where in the document the transcript stands; "" for
        nothing to add.
    """

    top: JsonPlace
    name: str
    taken_for: str = ""


def recognise(top: JsonPlace) -> Recognised:
    """Returns what a document is.

    Raises:
      InputError: it is no transcript; names what it is, if that is known.
    """
    value = top.value
    sample = _sample(value)
    if sample is not None:
        _refuse_known(top, sample)
        name = _named(sample, isinstance(value, list))
        if name is not None and not _has_times_below(top, name):
            return Recognised(top, name)
    elif isinstance(value, list) and (not value or is_timed(value)):
        return Recognised(top, "whisper")
    inside = _wrapped(value)
    if inside is not None:
        found = recognise(top.child(inside))
        where = f"in `{_shown(found.top)}`"
        return found._replace(taken_for=", ".join(filter(None, (found.taken_for, where))))
    lists = timed_lists.find_timed_list(top)
    if lists:
        tool = _tool(value)
        where = f"the list `{_shown(lists[0])}`" if lists[0].path else "a list"
        return Recognised(top, "timed_json", ", ".join(filter(None, (tool.name, where))))
    if isinstance(value, dict) and _is_text_alone(value):
        return Recognised(top, "whisper")
    raise _unknown_json(top)


def _shown(place: JsonPlace) -> str:
    return shortened(place.path, _MAX_PATH_CHARS)


def _has_times_below(top: JsonPlace, name: str) -> bool:
    """Returns whether a list that looks like segments without times is one of documents with a timed list each."""
    entries = [entry for entry in top.value if isinstance(entry, dict)] if isinstance(top.value, list) else []
    if name != "whisper" or not entries or any(SHAPES["whisper"](entry) or _is_timed_entry(entry) for entry in entries):
        return False
    return bool(timed_lists.find_timed_list(top))


def _is_timed_entry(entry: Mapping[str, Any]) -> bool:
    return entry_names.has_time(entry) or any(isinstance(entry.get(name), list) for name in entry_names.WORDS)


def _sample(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, list):
        return next((entry for entry in value if isinstance(entry, dict)), None)
    return value if isinstance(value, dict) else None


def _named(sample: Mapping[str, Any], is_list: bool) -> str | None:
    """The name of a format that is known by its shape; of a list, `sample` is its first object."""
    for name, shape in SHAPES.items():
        if shape(sample) and (not is_list or name in OF_LISTS):
            return name
    if is_list:
        # Segments as faster-whisper gives them, or words.
        is_own = {"text", "word"} & sample.keys() and not {"duration", "startTime"} & sample.keys()
        return "whisper" if is_own and not isinstance(sample.get("timestamp"), list) else None
    return None


# === What is no transcript, or holds one further down ===


def _refuse_known(top: JsonPlace, sample: Mapping[str, Any]) -> None:
    data = sample.get("data")
    if data == [] or any(map(_is_of_questions, [sample, *objects_in(sample, "data")[:1]])):
        raise InputError(f"{top}: questions about texts, expected a transcript (--input_file takes such files)")
    for shape, message in _KNOWN:
        if shape(sample):
            raise InputError(f"{top}: {message}")


def _is_of_questions(record: Mapping[str, Any]) -> bool:
    """Returns whether this is an article, a paragraph or a row of SQuAD, a line of questions, or the header of MRQA."""
    return (
        isinstance(record.get("qas"), list)
        or any("qas" in paragraph for paragraph in objects_in(record, "paragraphs"))
        or ("question" in record and bool({"context", "answers", "transcript_file", "audio"} & record.keys()))
        or (record.keys() == {"header"} and isinstance(record["header"], dict) and "dataset" in record["header"])
    )


_KNOWN: tuple[tuple[Callable[[Mapping[str, Any]], bool], str], ...] = (
    (
        lambda document: any("users" in entry and "ts" in entry for entry in objects_in(document, "timeline")),
        "Zoom's timeline of who speaks, without words; expected a transcript, such as the .transcript.vtt beside it",
    ),
    (
        lambda document: (
            document.get("status") in ("queued", "processing", "error", "running")
            and not any(document.get(name) for name in ("words", "utterances", "text", "result", "segments", "results"))
        ),
        "a job that has no transcript (yet), expected the result of a finished one; ask the service for it again",
    ),
    (
        lambda document: isinstance(document.get("TranscriptionJob"), dict),
        "Amazon Transcribe's description of a job, expected its transcript; download the file at `TranscriptFileUri`",
    ),
    (
        lambda document: isinstance(document.get("links"), dict) and "files" in document["links"],
        "Azure's description of a job, expected its result; download the file at `contentUrl` of `links.files`",
    ),
    (
        lambda document: (
            "name" in document
            and "metadata" in document
            and document.get("done") is not True
            and str(document["name"]).rpartition("/")[2].isdecimal()
            and "response" not in document
        ),
        "an operation of Google's that is not done, expected its result; ask for the operation again",
    ),
)


def _wrapped(value: Any) -> str | None:
    """The one member of a document that may be a whole document, as services hand on what a recogniser wrote."""
    if not isinstance(value, dict):
        return None
    for name in _WRAPPERS:
        inner = value.get(name)
        sample = _sample(inner)
        if sample is not None and (_named(sample, isinstance(inner, list)) or _wrapped(inner)):
            return name
    return None


def _tool(value: Any) -> timed_lists.Tool:
    found = value
    for _ in range(4):
        sample = _sample(found)
        if sample is None:
            if not isinstance(found, list) or not found:
                break
            found = found[0]
            continue
        for tool in timed_lists.TOOLS:
            if tool.shape(sample):
                return tool
        found = next((sample[name] for name in _WRAPPERS if isinstance(sample.get(name), Mapping | list)), None)
    return timed_lists.Tool("", lambda document: True)


def _is_text_alone(value: Mapping[str, Any]) -> bool:
    text = value.get("text")
    return isinstance(text, str) and bool(text.strip() or not any(isinstance(part, list) for part in value.values()))


def _unknown_json(top: JsonPlace) -> InputError:
    return top.wrong(
        "a transcript: an object with `words` or `segments` that have a text and times, or the result of a recogniser "
        "(docs/transcripts.md lists them)"
    )
