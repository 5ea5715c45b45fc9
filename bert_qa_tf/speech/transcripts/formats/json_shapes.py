"""The shapes by which the formats of JSON transcripts are known: what stands where, and not one name alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bert_qa_tf.speech.transcripts.formats import entry_names, timed_lists
from bert_qa_tf.speech.transcripts.formats.timed_lists import is_timed

_LOOKED_AT = 20


def objects_in(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Returns the first objects in the list under `name`; none where there is no list."""
    value = document.get(name)
    return [entry for entry in value[:_LOOKED_AT] if isinstance(entry, dict)] if isinstance(value, list) else []


def _alternatives(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [first for result in objects_in(document, "results") for first in objects_in(result, "alternatives")[:1]]


def _is_azure(document: Mapping[str, Any]) -> bool:
    return (
        any(isinstance(document.get(name), list) for name in ("recognizedPhrases", "AudioFileResults", "NBest"))
        or "combinedRecognizedPhrases" in document
        or "combinedPhrases" in document
        or {"RecognitionStatus", "Offset"} <= document.keys()
    )


def _is_deepgram(document: Mapping[str, Any]) -> bool:
    if isinstance(document.get("result"), dict):
        document = document["result"]
    results, channel = document.get("results"), document.get("channel")
    return (isinstance(results, dict) and bool({"channels", "utterances"} & results.keys())) or (
        isinstance(channel, dict) and "alternatives" in channel
    )


def _is_aws(document: Mapping[str, Any]) -> bool:
    results = document.get("results")
    return isinstance(results, dict) and bool({"items", "transcripts"} & results.keys())


def _is_speechmatics(document: Mapping[str, Any]) -> bool:
    if document.get("message") in ("AddTranscript", "AddPartialTranscript", "RecognitionStarted"):
        return True
    return any("content" in first for first in _alternatives(document))


def _is_watson(document: Mapping[str, Any]) -> bool:
    inner = [first for result in objects_in(document, "results") for first in _alternatives(result)]
    firsts = _alternatives(document) + inner
    return any(isinstance(first.get("timestamps"), list) for first in firsts) or (
        bool(inner or firsts)
        and ("result_index" in document or any("final" in r for r in objects_in(document, "results")))
    )


def _is_google(document: Mapping[str, Any]) -> bool:
    if isinstance(document.get("response"), dict):
        document = document["response"]
    results = document.get("results")
    if isinstance(results, dict):
        return any(
            isinstance(file, dict) and {"transcript", "inlineResult", "inline_result", "uri"} & file.keys()
            for file in results.values()
        )
    if not isinstance(results, list):
        return document.get("done") is True and "@type" in document
    return (
        results == []
        or bool(_alternatives(document))
        or any("alternatives" in r for r in objects_in(document, "results"))
    )


def _is_vosk(document: Mapping[str, Any]) -> bool:
    if set(document) in ({"partial"}, {"partial", "partial_result"}):
        return True
    results = objects_in(document, "result") + [
        w for first in objects_in(document, "alternatives") for w in objects_in(first, "result")
    ]
    return any("word" in word for word in results)


def _is_whisper(document: Mapping[str, Any]) -> bool:
    if isinstance(document.get("transcription"), list):
        return any("text" in entry for entry in objects_in(document, "transcription")) or not document["transcription"]
    if isinstance(document.get("word_segments"), list):
        return True
    segments = objects_in(document, "segments")
    if segments:
        return any("text" in entry or "words" in entry for entry in segments)
    if is_timed(document.get("segments")):
        return True
    if "segments" in document and isinstance(document.get("text"), str):
        return True
    return any("word" in word and "case" not in word for word in objects_in(document, "words"))


def _is_own(document: Mapping[str, Any]) -> bool:
    words = document.get("words")
    if not isinstance(words, list):
        return False
    if not words:
        return not (isinstance(document.get("text"), str) and document["text"].strip())
    first = objects_in(document, "words")
    has_own = any({"start_secs", "end_secs"} & word.keys() for word in first)
    return has_own or not any(entry_names.has_time(word) for word in first)


# In the order in which they are looked for.
SHAPES: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "nemo": lambda document: "audio_filepath" in document and bool({"text", "pred_text"} & document.keys()),
    "youtube": lambda document: any({"tStartMs", "segs"} & event.keys() for event in objects_in(document, "events")),
    "rev": lambda document: any({"elements", "terms"} & turn.keys() for turn in objects_in(document, "monologues")),
    "azure": _is_azure,
    "deepgram": _is_deepgram,
    "aws": _is_aws,
    "speechmatics": _is_speechmatics,
    "watson": _is_watson,
    "google": _is_google,
    "vosk": _is_vosk,
    "huggingface": timed_lists.HUGGING_FACE.shape,
    "assemblyai": timed_lists.ASSEMBLYAI.shape,
    "whisper": _is_whisper,
    "json": _is_own,
}
