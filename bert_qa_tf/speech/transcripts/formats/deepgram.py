"""Reads Deepgram's JSON: of a recording, or the messages of a stream, one after the other.

Utterances are taken where there are any (`utterances=true`), else the words of the first alternative of each channel.
Source: developers.deepgram.com, "Pre-Recorded Audio: Transcribe" and "Live Audio".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.alternatives import first_alternative
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace, documents
from bert_qa_tf.speech.transcripts.formats.segments import merge_channels, to_transcript_words
from bert_qa_tf.speech.transcripts.formats.timed_entries import channel_of, read_entries, to_words
from bert_qa_tf.speech.transcripts.formats.words import PARTIAL_RESULTS, text_words
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word


def read_deepgram(top: JsonPlace, counts: Counter[str]) -> Transcript:
    """Reads Deepgram's JSON; `counts` takes in what is left out.

    Raises:
      InputError: it has another shape; names the place.
    """
    words: list[Word] = []
    spoken: dict[str | None, list[Word]] = defaultdict(list)
    duration = None
    for document in documents(top):
        if document.has("result"):  # as the JavaScript SDK gives it, beside `error`
            document = document.at("result")
        if document.has("channel") and not document.has("results"):
            _read_message(document, spoken, counts)
        elif document.has("results"):
            found, duration = _read_recording(document, counts)
            words += found
        elif document.value.get("type") not in ("Metadata", "SpeechStarted", "UtteranceEnd"):
            document.leave_out(document.wrong("with `channels` or `utterances`", "results"))
    return Transcript((*words, *merge_channels(spoken)), duration)


def _read_recording(document: JsonPlace, counts: Counter[str]) -> tuple[Sequence[Word], float | None]:
    duration = document.at("metadata").secs("duration") if document.has("metadata") else None
    results = document.at("results")
    if results.value.get("utterances"):
        entries = read_entries(results.child("utterances"), counts)
        return to_transcript_words(entries, counts, duration), duration
    by_channel = {
        f"channel {index}": _channel_words(channel, counts) for index, channel in enumerate(results.objects("channels"))
    }
    return merge_channels(by_channel, duration), duration


def _read_message(message: JsonPlace, spoken: dict[str | None, list[Word]], counts: Counter[str]) -> None:
    if message.value.get("is_final") is False:
        counts[PARTIAL_RESULTS] += 1
        return
    spoken[channel_of(message)] += _channel_words(message.at("channel"), counts)


def _channel_words(channel: JsonPlace, counts: Counter[str]) -> Sequence[Word]:
    try:
        first = first_alternative(channel, counts)
        if first is None:
            return ()
        if first.value.get("words"):
            return to_words(read_entries(first.child("words"), counts), counts)
        return text_words(first.text("transcript"))
    except InputError as error:
        channel.leave_out(error)
        return ()
