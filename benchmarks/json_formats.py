"""Times reading a transcript of three hours (30,000 words) in each format of JSON.

python benchmarks/json_formats.py     prints a Markdown table

The words are made here: ten in 3.6 seconds, by two speakers in turn. Each format is read three times; the fastest
counts, in seconds of a core. The memory is the most that Python holds at once while it reads.
"""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from bert_qa_tf.speech.transcripts.reader import parse_transcript
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word

_WORDS = 30_000
_IN_SEGMENT = 10
_SECS = 0.36
_ROUNDS = 3
_TEXT = ["please", "call", "the", "dentist", "back", "on", "Tuesday", "at", "nine", "thanks."]

_Spoken = list[tuple[str, float, float]]


def _segments() -> list[_Spoken]:
    words = [(_TEXT[i % _IN_SEGMENT], round(i * _SECS, 2), round((i + 1) * _SECS, 2)) for i in range(_WORDS)]
    return [words[i : i + _IN_SEGMENT] for i in range(0, _WORDS, _IN_SEGMENT)]


def _text(segment: _Spoken) -> str:
    return " ".join(word for word, _, _ in segment)


def _bounds(segment: _Spoken, factor: float = 1) -> tuple[float, float]:
    return segment[0][1] * factor, segment[-1][2] * factor


def _each(make: Callable[..., Any], segments: list[_Spoken]) -> list[Any]:
    return [make(*word) for segment in segments for word in segment]


def _own(segments: list[_Spoken]) -> Any:
    return Transcript(tuple(Word(w, s, e, 0.9, speaker="Ana") for seg in segments for w, s, e in seg)).to_json()


def _whisper(segments: list[_Spoken]) -> Any:
    made = []
    for n, segment in enumerate(segments):
        words = [{"word": f" {w}", "start": s, "end": e, "probability": 0.9} for w, s, e in segment]
        start, end = _bounds(segment)
        made.append({"id": n, "start": start, "end": end, "text": _text(segment), "tokens": [1] * 12, "words": words})
    return {"text": "", "segments": made, "language": "en"}


def _whisper_cpp(segments: list[_Spoken]) -> Any:
    def offsets(start: float, end: float) -> dict[str, int]:
        return {"from": round(start * 1000), "to": round(end * 1000)}

    made = []
    for segment in segments:
        tokens = [{"text": f" {w}", "offsets": offsets(s, e), "p": 0.9} for w, s, e in segment]
        made.append({"offsets": offsets(*_bounds(segment)), "text": _text(segment), "tokens": tokens})
    return {"transcription": made}


def _aws(segments: list[_Spoken]) -> Any:
    def item(word: str, start: float, end: float) -> dict[str, Any]:
        alternatives = [{"confidence": "0.9", "content": word}]
        return {"start_time": str(start), "end_time": str(end), "alternatives": alternatives, "speaker_label": "spk_0"}

    return {"results": {"transcripts": [], "items": _each(item, segments)}}


def _google(segments: list[_Spoken]) -> Any:
    def result(segment: _Spoken) -> dict[str, Any]:
        words = [{"startTime": f"{s}s", "endTime": f"{e}s", "word": w, "speakerTag": 1} for w, s, e in segment]
        return {"alternatives": [{"transcript": _text(segment), "words": words}]}

    return {"results": [result(segment) for segment in segments]}


def _vosk(segments: list[_Spoken]) -> list[Any]:
    def word(text: str, start: float, end: float) -> dict[str, Any]:
        return {"conf": 0.9, "start": start, "end": end, "word": text}

    return [{"result": [word(*w) for w in segment], "text": _text(segment)} for segment in segments]


def _watson(segments: list[_Spoken]) -> Any:
    labels = [{"from": s, "to": e, "speaker": n % 2} for n, seg in enumerate(segments) for _, s, e in seg]
    alternatives = [[{"transcript": _text(seg), "timestamps": [list(word) for word in seg]}] for seg in segments]
    return {"results": [{"final": True, "alternatives": found} for found in alternatives], "speaker_labels": labels}


def _deepgram(segments: list[_Spoken]) -> Any:
    def word(text: str, start: float, end: float) -> dict[str, Any]:
        return {"word": text, "start": start, "end": end, "confidence": 0.9, "speaker": 0, "punctuated_word": text}

    return {"results": {"channels": [{"alternatives": [{"words": _each(word, segments)}]}] * 2}}


def _assemblyai(segments: list[_Spoken]) -> Any:
    def entry(text: str, start: float, end: float) -> dict[str, Any]:
        return {"text": text, "start": round(start * 1000), "end": round(end * 1000), "confidence": 0.9, "speaker": "A"}

    utterances = [entry(_text(seg), *_bounds(seg)) | {"words": [entry(*word) for word in seg]} for seg in segments]
    return {"audio_url": "x", "words": _each(entry, segments), "utterances": utterances}


def _speechmatics(segments: list[_Spoken]) -> Any:
    def result(text: str, start: float, end: float) -> dict[str, Any]:
        alternatives = [{"content": text, "confidence": 0.9, "speaker": "S1"}]
        return {"type": "word", "start_time": start, "end_time": end, "alternatives": alternatives}

    return {"format": "2.9", "results": _each(result, segments)}


def _azure(segments: list[_Spoken]) -> Any:
    def span(start: float, end: float) -> dict[str, Any]:
        return {
            "offset": f"PT{start}S",
            "offsetInTicks": round(start * 1e7),
            "durationInTicks": round((end - start) * 1e7),
        }

    def phrase(segment: _Spoken) -> dict[str, Any]:
        words = [{"word": w.lower(), **span(s, e), "confidence": 0.9} for w, s, e in segment]
        return {
            "channel": 0,
            "speaker": 1,
            **span(*_bounds(segment)),
            "nBest": [{"display": _text(segment), "words": words}],
        }

    return {"recognizedPhrases": [phrase(segment) for segment in segments]}


def _rev(segments: list[_Spoken]) -> Any:
    def elements(segment: _Spoken) -> list[dict[str, Any]]:
        return [
            element
            for w, s, e in segment
            for element in ({"type": "text", "value": w, "ts": s, "end_ts": e}, {"type": "punct", "value": " "})
        ]

    return {"monologues": [{"speaker": n % 2, "elements": elements(segment)} for n, segment in enumerate(segments)]}


def _nemo(segments: list[_Spoken]) -> list[Any]:
    made = []
    for segment in segments:
        start, end = _bounds(segment)
        words = [{"word": w, "start": round(s - start, 2), "end": round(e - start, 2)} for w, s, e in segment]
        line = {"audio_filepath": "a.wav", "offset": start, "duration": end - start, "pred_text": _text(segment)}
        made.append(line | {"timestamps_word": words})
    return made


def _youtube(segments: list[_Spoken]) -> Any:
    made = []
    for segment in segments:
        start, end = (round(secs * 1000) for secs in _bounds(segment))
        segs = [{"utf8": f" {w}", "tOffsetMs": round(s * 1000) - start} for w, s, _ in segment]
        made.append({"tStartMs": start, "dDurationMs": end - start, "segs": segs})
    return {"wireMagic": "pb3", "events": made}


def _hugging_face(segments: list[_Spoken]) -> Any:
    return {"text": "", "chunks": _each(lambda w, s, e: {"text": f" {w}", "timestamp": [s, e]}, segments)}


def _start_and_duration(segments: list[_Spoken]) -> Any:
    return [{"text": _text(seg), "start": seg[0][1], "duration": _SECS * _IN_SEGMENT} for seg in segments]


def _elevenlabs(segments: list[_Spoken]) -> Any:
    def words(text: str, start: float, end: float) -> list[dict[str, Any]]:
        said = {"text": text, "start": start, "end": end, "type": "word", "speaker_id": "a", "logprob": -0.1}
        return [said, {"text": " ", "start": end, "end": end, "type": "spacing", "speaker_id": "a", "logprob": 0}]

    return {"language_probability": 0.9, "words": [word for pair in _each(words, segments) for word in pair]}


# Name → how its document is made, and whether each of its entries stands in a line of its own.
_FORMATS: dict[str, tuple[Callable[[list[_Spoken]], Any], bool]] = {
    "json": (_own, False),
    "whisper": (_whisper, False),
    "whisper, whisper.cpp": (_whisper_cpp, False),
    "aws": (_aws, False),
    "google": (_google, False),
    "vosk": (_vosk, True),
    "huggingface": (_hugging_face, False),
    "watson": (_watson, False),
    "deepgram, two channels": (_deepgram, False),
    "assemblyai": (_assemblyai, False),
    "speechmatics": (_speechmatics, False),
    "azure": (_azure, False),
    "rev": (_rev, False),
    "nemo": (_nemo, True),
    "youtube": (_youtube, False),
    "timed_json, start and duration": (_start_and_duration, False),
    "timed_json, ElevenLabs": (_elevenlabs, False),
}


def _content(name: str) -> bytes:
    make, is_lines = _FORMATS[name]
    document = make(_segments())
    lines = document if is_lines else [document]
    return "\n".join(json.dumps(line) for line in lines).encode()


def _row(name: str) -> str:
    content = _content(name)
    secs = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        file = parse_transcript(content, "call.json")
        secs.append(time.process_time() - began)
    assert file.file_format == name.partition(",")[0], f"{name} was taken for {file.file_format}"
    words = len(file.transcript.words)
    del file
    tracemalloc.start()
    parse_transcript(content, "call.json")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return f"| {name} | {len(content) / 1e6:.1f} | {words:,} | {min(secs):.2f} | {peak / 1e6:.0f} |"


def main() -> None:
    """Prints the table."""
    print("| format | MB | words | s | memory, MB |")
    print("|---|---:|---:|---:|---:|")
    for name in _FORMATS:
        print(_row(name), flush=True)


if __name__ == "__main__":
    main()
