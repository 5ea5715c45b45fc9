"""Makes the words of a transcript of the words and segments that a reader of JSON found.

Words without times of their own share what lies between those around them (`Word.times_estimated`). Several channels
are put together by time.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bert_qa_tf.speech.transcripts.formats.timed_entries import Entry, is_one_word, to_words
from bert_qa_tf.speech.transcripts.formats.words import text_words
from bert_qa_tf.speech.transcripts.transcript import Word
from bert_qa_tf.speech.transcripts.word_times import fill_times

# Of English, read aloud: for the length of what has no end.
_CHARS_PER_SEC = 15.0
# A channel is cut into turns where it is silent for so long; a person's words stay together.
_TURN_PAUSE_SECS = 0.5


def to_transcript_words(
    entries: Sequence[Entry], counts: Counter[str], duration_secs: float | None = None
) -> tuple[Word, ...]:
    """The words of entries, each with times if the file has any.

    Args:
      entries: words, or segments; in the order of the file.
      counts: takes in what is left out.
      duration_secs: of the recording, if it is known.
    """
    spoken = [entry for entry in entries if entry.text.strip() or entry.words]
    channels = dict.fromkeys(entry.channel for entry in spoken)
    if _are_words(spoken):
        if len(channels) <= 1:
            return fill_gaps(to_words(entries, counts), duration_secs)
        by_channel = {channel: [e for e in entries if e.channel == channel] for channel in channels}
        return merge_channels({name: to_words(of, counts) for name, of in by_channel.items()}, duration_secs)
    entries = spoken
    if len(channels) > 1:
        entries = [entry._replace(speaker=entry.speaker or entry.channel) for entry in _by_time(entries)]
    return tuple(_segment_words(entries, duration_secs))


def _are_words(entries: Sequence[Entry]) -> bool:
    return all(not entry.words and is_one_word(entry.text) for entry in entries)


def _by_time(entries: Sequence[Entry]) -> list[Entry]:
    """By when they start; one without a time stays behind the one before it."""
    known, keyed = 0.0, []
    for entry in entries:
        start = entry.start_secs
        if start is None and entry.words:
            start = entry.words[0].start_secs
        known = known if start is None else start
        keyed.append((known, entry))
    return [entry for _, entry in sorted(keyed, key=lambda pair: pair[0])]


def _segment_words(entries: Sequence[Entry], duration_secs: float | None) -> Iterator[Word]:
    has_times = any(
        time is not None for entry in entries for time in (entry.start_secs, entry.end_secs, *_bounds(entry.words))
    )
    reached = 0.0
    for index, entry in enumerate(entries):
        words = entry.words or text_words(entry.text)
        if has_times:
            after = _next_start(entries, index)
            start, end = _completed(entry, words, reached, duration_secs if after is None else after)
            measured = entry.start_secs == start and entry.end_secs == end
            if len(words) == 1 and not entry.words and measured:
                # A single word has the times of its segment as its own.
                words = (Word(words[0].text, start, end, entry.confidence),)
            else:
                words = fill_times(words, start, end)
            reached = max(reached, end, words[-1].end_secs or 0.0)
        yield from with_speaker(words, entry.speaker)


def _completed(entry: Entry, words: Sequence[Word], reached: float, limit: float | None) -> tuple[float, float]:
    """Returns a segment's start and end. What it does not say lies between those around it, at a reader's pace."""
    own_start, own_end = _bounds(words)
    pace = sum(len(word.text) + 1 for word in words) / _CHARS_PER_SEC
    start, end = entry.start_secs, entry.end_secs
    if start is None:
        start = min(reached if own_start is None else own_start, reached if end is None else end)
    if end is None:
        if limit is not None and limit > start and entry.start_secs is None:
            end = limit  # neither is known: it shares what lies between
        else:
            end = start + pace if limit is None or limit <= start else limit
        end = max(end, own_end or 0.0)
    return start, max(start, end)


def _next_start(entries: Sequence[Entry], index: int) -> float | None:
    if index + 1 == len(entries):
        return None
    after = entries[index + 1]
    return after.start_secs if after.start_secs is not None else _bounds(after.words)[0]


def _bounds(words: Sequence[Word]) -> tuple[float | None, float | None]:
    return (words[0].start_secs, words[-1].end_secs) if words else (None, None)


def with_speaker(words: Iterable[Word], speaker: str | None) -> Iterator[Word]:
    """Words, those without a speaker given this one."""
    for word in words:
        needs = speaker is not None and word.speaker is None
        yield dataclasses.replace(word, speaker=speaker) if needs else word


def fill_gaps(words: Sequence[Word], duration_secs: float | None = None) -> tuple[Word, ...]:
    """Gives times to those words that have none, if others have some.

    Args:
      words: of one recording, in the order they were said.
      duration_secs: of the recording, if it is known.
    """
    times = [time for word in words for time in (word.start_secs, word.end_secs) if time is not None]
    if not times or len(times) == 2 * len(words):
        return tuple(words)
    last = max(times)
    if words[-1].start_secs is not None and words[-1].end_secs is None:
        end = words[-1].start_secs + len(words[-1].text) / _CHARS_PER_SEC
        words = (*words[:-1], dataclasses.replace(words[-1], end_secs=end, times_estimated=True))
    untimed = next((n for n, w in enumerate(reversed(words)) if w.start_secs is not None or w.end_secs is not None), 0)
    behind = sum(len(word.text) + 1 for word in words[len(words) - untimed :]) / _CHARS_PER_SEC
    return fill_times(words, 0.0, last + behind if duration_secs is None else max(last, duration_secs))


def merge_channels(
    words_of: Mapping[str | None, Sequence[Word]], duration_secs: float | None = None
) -> tuple[Word, ...]:
    """Puts the words of several channels together by time, turn by turn.

    A turn ends where its channel is silent for half a second, or at the end of a sentence, so that words of two people
    who speak at once are not shuffled. A word without a speaker gets the channel as its speaker.

    Args:
      words_of: channel → its words.
      duration_secs: of the recording, if it is known.
    """
    turns: list[tuple[float, list[Word]]] = []
    for channel, words in words_of.items():
        named = with_speaker(fill_gaps(words, duration_secs), channel if len(words_of) > 1 else None)
        turns += _turns(named)
    return tuple(word for _, turn in sorted(turns, key=lambda turn: turn[0]) for word in turn)


def _turns(words: Iterable[Word]) -> Iterator[tuple[float, list[Word]]]:
    turn: list[Word] = []
    for word in words:
        if turn and _ends_turn(turn[-1], word):
            yield turn[0].start_secs or 0.0, turn
            turn = []
        turn.append(word)
    if turn:
        yield turn[0].start_secs or 0.0, turn


def _ends_turn(before: Word, after: Word) -> bool:
    if before.end_secs is None or after.start_secs is None:
        return False
    return after.start_secs - before.end_secs >= _TURN_PAUSE_SECS or before.text.endswith((".", "?", "!"))
