"""Reads the JSON of Azure's Speech service.

That is a batch (`recognizedPhrases`; `AudioFileResults` of older versions), a fast transcription (`phrases`), and the
detailed results of the Speech SDK, one, a list, or one after the other (`NBest`). Times are ticks of 100 ns,
milliseconds, or durations of ISO 8601. Source: learn.microsoft.com, "Get batch transcription results", "Use the fast
transcription API", and "Get speech recognition results".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.alternatives import first_alternative
from bert_qa_tf.speech.transcripts.formats.entry_names import TEXTS, Names, first_of
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace, documents
from bert_qa_tf.speech.transcripts.formats.json_times import MILLISECONDS, SECONDS, TICKS, to_label
from bert_qa_tf.speech.transcripts.formats.segments import to_transcript_words
from bert_qa_tf.speech.transcripts.formats.timed_entries import Entry, read_entries, read_times, to_words
from bert_qa_tf.speech.transcripts.formats.words import OTHER_RECORDINGS, text_words
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word

_NAMES = Names(
    starts={
        **dict.fromkeys(("offsetInTicks", "OffsetInTicks"), TICKS),
        **dict.fromkeys(("offsetMilliseconds", "offsetInMs"), MILLISECONDS),
        "OffsetInSeconds": SECONDS,
        **dict.fromkeys(("offset", "Offset"), TICKS),
    },
    ends={},
    durations={
        **dict.fromkeys(("durationInTicks", "DurationInTicks"), TICKS),
        **dict.fromkeys(("durationMilliseconds", "durationInMs"), MILLISECONDS),
        "DurationInSeconds": SECONDS,
        **dict.fromkeys(("duration", "Duration"), TICKS),
    },
    texts=(*TEXTS, "Display", "display"),
)
_WHOLE_TEXTS = ("combinedRecognizedPhrases", "CombinedResults", "combinedPhrases")
_PHRASES = ("recognizedPhrases", "SegmentResults", "phrases")
_DISPLAY = ("display", "Display", "displayText", "DisplayText", "text", "lexical", "Lexical")


def read_azure(top: JsonPlace, counts: Counter[str]) -> Transcript:
    """Reads Azure's JSON; `counts` takes in what is left out.

    Raises:
      InputError: it has another shape; names the place.
    """
    entries: list[Entry] = []
    words: tuple[Word, ...] = ()
    for document in _files(top, counts):
        phrases = [phrase for name in _PHRASES for phrase in document.objects(name)]
        if not phrases and first_of(document.value, ("NBest", "nBest", "DisplayText", "RecognitionStatus")):
            phrases = [document]
        for phrase in phrases:
            try:
                entries += _read_phrase(phrase, counts)
            except InputError as error:
                phrase.leave_out(error)
        if not phrases:
            whole = [text for name in _WHOLE_TEXTS for text in document.objects(name)]
            words += tuple(word for text in whole for word in text_words(text.text(*_DISPLAY)))
    duration = None
    if isinstance(top.value, dict) and not top.has("NBest"):
        duration = top.time(_NAMES.durations)
    return Transcript((*to_transcript_words(entries, counts, duration), *words), duration)


def _files(top: JsonPlace, counts: Counter[str]) -> Iterator[JsonPlace]:
    for document in documents(top):
        if not document.has("AudioFileResults"):
            yield document
            continue
        first, *others = list(document.objects("AudioFileResults")) or [document]
        counts[OTHER_RECORDINGS] += sum(len(list(other.objects("SegmentResults"))) for other in others)
        yield first


def _read_phrase(phrase: JsonPlace, counts: Counter[str]) -> Iterator[Entry]:
    best_name = first_of(phrase.value, ("nBest", "NBest"))
    best = (first_alternative(phrase, counts, best_name) if best_name else None) or phrase
    if first_of(best.value, _DISPLAY) is None:
        return  # nothing was recognised: silence, noise
    text = best.text(*_DISPLAY)
    start, end = read_times(phrase, _NAMES)
    speaker = to_label(phrase.value.get(first_of(phrase.value, ("speaker", "SpeakerId", "speakerId"))), "speaker")
    channel = to_label(phrase.value.get(first_of(phrase.value, ("channel", "Channel", "ChannelNumber"))), "channel")
    yield Entry(text, start, end, None, speaker, channel, _words(best, text, counts))


def _words(best: JsonPlace, display: str, counts: Counter[str]) -> tuple[Word, ...]:
    name = first_of(best.value, ("displayWords", "DisplayWords", "words", "Words"))
    if name is None or not best.value[name]:
        return ()
    entries = read_entries(best.child(name), counts, _NAMES)
    tokens = display.split()
    # The words are bare. The display form has capitals and punctuation, and mostly the same number of words.
    if len(tokens) == len(entries):
        entries = [entry._replace(text=token) for entry, token in zip(entries, tokens, strict=True)]
    return to_words(entries, counts)
