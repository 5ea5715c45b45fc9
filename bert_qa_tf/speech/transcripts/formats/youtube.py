"""Reads `json3`, the captions of YouTube as `yt-dlp --sub-format json3` saves them.

Events have a time in milliseconds and `segs`. Of speech that YouTube recognised, each is a word, with when it begins
(`tOffsetMs`); of other captions, a whole caption. Source: arcusmaximus/YTSubConverter, `ytt.ytt`; yt-dlp,
`yt_dlp/extractor/youtube`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats import words as word_rules
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.formats.json_times import MILLISECONDS
from bert_qa_tf.speech.transcripts.formats.segments import to_transcript_words
from bert_qa_tf.speech.transcripts.formats.timed_entries import Entry
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word


def read_youtube(top: JsonPlace, counts: Counter[str]) -> Transcript:
    """Reads YouTube's captions; `counts` takes in what is left out.

    Raises:
      InputError: `events` is no list.
    """
    events = []
    before = None
    for event in top.objects("events"):
        if event.value == before and event.has("segs"):
            counts[word_rules.REPEATED_LINES] += 1
            continue
        before = event.value
        try:
            pieces = _read_event(event)
        except InputError as error:
            event.leave_out(error)
            continue
        if any(text.strip() for text, _ in pieces):
            start = event.secs("tStartMs", unit=MILLISECONDS)
            duration = event.secs("dDurationMs", unit=MILLISECONDS)
            events.append((pieces, start, None if start is None or duration is None else round(start + duration, 3)))
    recognised = any(offset for pieces, _, _ in events for _, offset in pieces)
    entries = []
    for index, (pieces, start, end) in enumerate(events):
        after = events[index + 1][1] if index + 1 < len(events) else None
        if recognised and start is not None and after is not None and start < after:
            # A line stays on the screen while the next is spoken.
            end = after if end is None else min(end, after)
        text = "".join(text for text, _ in pieces)
        words = _words(pieces, start, end) if recognised and start is not None else ()
        entries.append(Entry(text, start, end, words=words))
    return Transcript(to_transcript_words(entries, counts))


def _read_event(event: JsonPlace) -> list[tuple[str, float]]:
    """The texts of an event, each with how many seconds behind the event's start it begins."""
    return [
        (seg.text("utf8"), seg.secs("tOffsetMs", unit=MILLISECONDS) or 0.0)
        for seg in event.objects("segs")
        if seg.has("utf8")
    ]


def _words(pieces: Sequence[tuple[str, float]], start: float, end: float | None) -> tuple[Word, ...]:
    spoken = [(text, round(start + offset, 3)) for text, offset in pieces if text.strip()]
    timed = []
    for index, (text, begins) in enumerate(spoken):
        ends = spoken[index + 1][1] if index + 1 < len(spoken) else end
        timed.append(Word(text, begins, ends if ends is None or ends >= begins else begins))
    words: list[Word] = []
    for word in timed:
        if len(word.text.split()) == 1:
            words.append(word)
        elif word.end_secs is not None:
            words += word_rules.segment_words(word.text, word.start_secs or 0.0, word.end_secs)
        else:
            words += word_rules.text_words(word.text)
    if len(words) > len(timed):
        return tuple(words)
    return tuple(word_rules.join_pieces(words))
