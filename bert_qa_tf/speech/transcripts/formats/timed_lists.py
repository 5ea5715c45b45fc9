"""Reads JSON whose tool has no reader of its own, by the lists of timed words or segments in it.

Most tools write such a list, and differ in where it stands and in the names of its parts. The list is looked for by its
shape: entries with a text and a time. `TOOLS` has those that a file shows to come from, and in what unit they count.
Sources, by tool: gladia.io "Pre-recorded: get result"; elevenlabs.io "Create transcript"; soniox.com "Get transcription
transcript"; assemblyai.com "Get transcript"; podcastindex-org/podcast-namespace `transcripts/transcripts.md`;
jdepoix/youtube-transcript-api `README.md`; mozilla/DeepSpeech `native_client/client.cc`; strob/gentle `README.md`;
readbeyond/aeneas "sync map"; Microsoft Stream `transcript.json`; docs.aws.amazon.com "Call Analytics output"; Fireflies
"Transcript query"; senstella/parakeet-mlx `README.md`; huggingface.co "AutomaticSpeechRecognitionPipeline".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from bert_qa_tf.speech.transcripts.formats import entry_names
from bert_qa_tf.speech.transcripts.formats.entry_names import has_speaker, has_time
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.formats.json_times import MILLISECONDS, SECONDS
from bert_qa_tf.speech.transcripts.formats.segments import to_transcript_words
from bert_qa_tf.speech.transcripts.formats.timed_entries import Entry, read_entries
from bert_qa_tf.speech.transcripts.transcript import Transcript

_MAX_DEPTH = 12
_SHOWN = 20
# Of two lists with nearly as much text, the finer one is taken.
_SAME_TEXT = 0.8
_ALTERNATIVES = ("alternatives", "nBest", "NBest")
# What was made of the transcript and is no part of it.
_NO_TRANSCRIPT = (
    *(
        "chapters",
        "highlights",
        "sentiment_analysis_results",
        "entities",
        "topics",
        "summary",
        "keywords",
        "characters",
    ),
    *(
        "translation",
        "translations",
        "content_safety_labels",
        "auto_highlights_result",
        "word_alternatives",
        "sections",
    ),
    *("keywords_result", "char", "chars", "char_segments", "phones", "sentence_diarization", "subtitles", "summaries"),
)


class Tool(NamedTuple):
    """A tool whose files are known by their shape.

    Attributes:
      name: as it is shown.
      shape: whether a document has the shape of its files; of a list of documents, the first.
      unit: of numbers whose name has none; how many of it make a second.
    """

    name: str
    shape: Callable[[Mapping[str, Any]], bool]
    unit: float = SECONDS


def _has(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda document: all(name in document for name in names)


def _in_list(name: str, *names: str) -> Callable[[Mapping[str, Any]], bool]:
    """Returns whether the entries of a list have members of these names."""

    def is_there(document: Mapping[str, Any]) -> bool:
        entries = document.get(name)
        if not isinstance(entries, list):
            return False
        first = next((entry for entry in entries if isinstance(entry, dict)), {})
        return all(member in first for member in names)

    return is_there


def _is_assemblyai(document: Mapping[str, Any]) -> bool:
    if not any(name in document for name in ("audio_url", "audio_duration", "acoustic_model", "utterances")):
        return False
    entries = [
        entry
        for name in ("words", "utterances", "sentences", "paragraphs")
        if _in_list(name, "text", "start", "end", "confidence")(document)
        for entry in document[name][:_SHOWN]
        if isinstance(entry, dict)
    ]
    return bool(entries) and all(type(entry.get("start")) is int and "word" not in entry for entry in entries)


ASSEMBLYAI = Tool("AssemblyAI", _is_assemblyai, MILLISECONDS)
HUGGING_FACE = Tool("Hugging Face", _in_list("chunks", "timestamp"))
TOOLS = (
    Tool("ElevenLabs", _in_list("words", "text", "type", "logprob")),
    Tool("ElevenLabs", _has("language_probability", "words")),
    Tool("Gladia", lambda document: "utterances" in document and "full_transcript" in document),
    Tool("Gladia", _in_list("prediction", "time_begin")),
    Tool("Soniox", _in_list("tokens", "start_ms")),
    Tool("podcast transcript", _in_list("segments", "startTime", "body")),
    Tool("Gentle", _in_list("words", "case", "word")),
    Tool("aeneas", _in_list("fragments", "begin", "lines")),
    Tool("DeepSpeech", _in_list("transcripts", "words", "confidence")),
    Tool("Microsoft Stream", _in_list("entries", "startOffset", "text")),
    Tool("Amazon Transcribe Call Analytics", _in_list("Transcript", "BeginOffsetMillis")),
    Tool("Fireflies", _in_list("sentences", "speaker_name")),
    Tool("Paraformer", _in_list("transcripts", "sentences"), MILLISECONDS),
    Tool("FunASR", _has("sentence_info"), MILLISECONDS),
    Tool("FunASR", _has("key", "timestamp"), MILLISECONDS),
    Tool("parakeet-mlx", _in_list("sentences", "tokens")),
    Tool("youtube-transcript-api", lambda entry: {"text", "start", "duration"} == entry.keys()),
)


def read_timed_list(top: JsonPlace, counts: Counter[str], unit: float = SECONDS) -> Transcript:
    """Reads the list of timed words or segments in a document; `counts` takes in what is left out.

    Args:
      top: the document.
      counts: what is left out, by reason.
      unit: see `Tool`.

    Raises:
      InputError: there is none.
    """
    lists = find_timed_list(top)
    if not lists:
        raise top.wrong("a list of words or segments with a text and times")
    names = entry_names.DEFAULT_NAMES if unit == SECONDS else entry_names.DEFAULT_NAMES.scaled(unit)
    entries: list[Entry] = []
    for place in lists:
        entries += read_entries(place, counts, names)
    duration = None
    if isinstance(top.value, dict):
        duration = top.secs("audio_duration", "duration_secs", "duration")
    return Transcript(to_transcript_words(entries, counts, duration), duration)


class _Found(NamedTuple):
    places: list[JsonPlace]
    chars: int
    is_fine: bool
    has_speakers: bool


def find_timed_list(top: JsonPlace) -> list[JsonPlace]:
    """The lists with the words of the transcript: those at one place of a document, or of each of several.

    Of several that hold the same text, that which has times of words is taken, then that with speakers.
    """
    groups: dict[str, list[JsonPlace]] = {}
    for place in _timed_lists(top, 0):
        groups.setdefault(re.sub(r"\[\d+\]", "[]", place.path), []).append(place)
    found = [_described(places) for places in groups.values()]
    if not found:
        return []
    most = max(one.chars for one in found)
    whole = [one for one in found if one.chars >= _SAME_TEXT * most]
    return max(whole, key=lambda one: (one.is_fine, one.has_speakers)).places


def _timed_lists(place: JsonPlace, depth: int) -> Iterator[JsonPlace]:
    value = place.value
    if depth == _MAX_DEPTH:
        return
    if isinstance(value, dict):
        for name, child in value.items():
            if isinstance(child, dict | list) and name not in _NO_TRANSCRIPT and not _are_names(name, child):
                if name in _ALTERNATIVES and isinstance(child, list):
                    child = child[:1]
                    yield from _timed_lists(place.child(name), depth + 1) if child and is_timed(child) else ()
                    yield from _below(place.child(name), child, depth)
                else:
                    yield from _timed_lists(place.child(name), depth + 1)
    elif isinstance(value, list):
        if is_timed(value):
            yield place
        else:
            yield from _below(place, value, depth)


def _are_names(name: str, entries: Any) -> bool:
    """Returns whether these are speakers, each with a name and when it first speaks."""
    first = entries[0] if isinstance(entries, list) and entries else None
    is_named = isinstance(first, dict) and entry_names.first_of(first, entry_names.TEXTS) == "name"
    return name == "speakers" and is_named


def _below(place: JsonPlace, entries: list[Any], depth: int) -> Iterator[JsonPlace]:
    for index, entry in enumerate(entries):
        if isinstance(entry, dict | list):
            yield from _timed_lists(place.child(index), depth + 1)


def is_timed(value: Any) -> bool:
    """Returns whether this is a list of which some of the first entries have a text and a time."""
    return isinstance(value, list) and any(_is_timed_entry(entry) for entry in value[:_SHOWN])


def _is_timed_entry(value: Any) -> bool:
    entry = entry_names.as_object(value)
    if entry is None or not has_time(entry):
        return False
    name = entry_names.first_of(entry, entry_names.TEXTS)
    return isinstance(entry[name], str) if name else bool(_words_in(entry))


def _words_in(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    for name in entry_names.WORDS:
        words = entry.get(name)
        if isinstance(words, list):
            return [made for word in words if (made := entry_names.as_object(word)) is not None and has_time(made)]
    return []


def _described(places: list[JsonPlace]) -> _Found:
    chars = tokens = entries = nested = speakers = 0
    for place in places:
        for value in place.value:
            entry = entry_names.as_object(value)
            if entry is None:
                continue
            words = _words_in(entry)
            name = entry_names.first_of(entry, entry_names.TEXTS)
            text = entry[name] if name and isinstance(entry[name], str) else ""
            if not text:
                text = " ".join(str(word.get("text") or word.get("word") or "") for word in words)
            chars += sum(map(len, text.split()))
            tokens += len(text.split())
            entries += 1
            nested += bool(words)
            speakers += has_speaker(entry)
    return _Found(places, chars, nested > 0 or tokens <= 1.2 * entries, speakers > 0)
