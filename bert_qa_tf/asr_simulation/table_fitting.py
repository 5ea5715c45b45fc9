"""Fits the table of recognition errors to what a recogniser really heard.

It takes pairs of the words that were said and the words that were recognised, at a few levels of error, as
`make_spoken` leaves them. The shifts of the `ErrorTable` are found by simulating the same paragraphs.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from bert_qa_tf.asr_simulation.error_features import text_features
from bert_qa_tf.asr_simulation.error_fitting import Utterance, fit_errors
from bert_qa_tf.asr_simulation.error_table import ErrorLevel, ErrorTable
from bert_qa_tf.asr_simulation.phone_alignment import Chunk, align_by_sound, align_phones, with_ends
from bert_qa_tf.asr_simulation.recognizer_vocabulary import RecognizerVocabulary
from bert_qa_tf.asr_simulation.simulator import AsrSimulator
from bert_qa_tf.text.verbalization import VerbalizedWord

_SOUND_WEIGHTS = np.geomspace(0.02, 1.0, 14)
_LANGUAGE_WEIGHTS = np.linspace(0.0, 1.2, 13)
# Simulating all utterances anew for each shift would take half an hour; 500 were 5 % off the average text.
_TEXTS_FOR_SHIFTS = 1600
# The rates that shifts are found for.
ASKED_RATES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7)


class Pair(NamedTuple):
    """An utterance as it was said and as it was recognised."""

    said: list[VerbalizedWord]
    heard: list[str]


class _Choice(NamedTuple):
    """A heard word amid misheard ones: the phones it stands for, the two heard before it (the nearest first)."""

    phones: bytes
    heard: str
    before: list[str]


@dataclasses.dataclass
class _Observed:
    """What is counted over the paragraphs of a level."""

    utterances: list[Utterance]
    choices: list[_Choice]
    dropped: int = 0
    inserted: int = 0
    ends: int = 0
    ends_kept: int = 0
    ends_moved: int = 0
    new_ends: list[int] = dataclasses.field(default_factory=lambda: [0, 0])  # in known words, in unknown ones
    places: list[int] = dataclasses.field(default_factory=lambda: [0, 0])


def word_error_rate(pairs: Iterable[Pair]) -> float:
    """Substitutions, deletions and insertions for each word that was said, over all pairs."""
    import jiwer  # of the extra that recognition needs

    pairs = list(pairs)
    return float(
        jiwer.wer(
            [" ".join(word.text for word in pair.said) for pair in pairs], [" ".join(pair.heard) for pair in pairs]
        )
    )


def trimmed_chunks(said: Sequence[str], heard: Sequence[str], chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Chunks with what is the same at their ends split off, so that a lost or an added word stands alone.

    >>> [tuple(chunk) for chunk in trimmed_chunks(["credits", "the"], ["credits"], [Chunk(0, 2, 0, 1)])]
    [(0, 1, 0, 1), (1, 2, 1, 1)]
    """
    for chunk in chunks:
        i, j, k, m = chunk
        while i < j and k < m and said[i] == heard[k]:
            yield Chunk(i, i + 1, k, k + 1)
            i, k = i + 1, k + 1
        same = 0
        while i < j - same and k < m - same and said[j - same - 1] == heard[m - same - 1]:
            same += 1
        if i < j - same or k < m - same:
            yield Chunk(i, j - same, k, m - same)
        for left in range(same, 0, -1):
            yield Chunk(j - left, j - left + 1, m - left, m - left + 1)


def fit_level(vocabulary: RecognizerVocabulary, pairs: Sequence[Pair]) -> ErrorLevel:
    """The numbers of one level."""
    observed = _Observed([], [])
    for pair in pairs:
        _observe(vocabulary, pair, observed)
    num_misheard = sum(int(utterance.misheard.sum()) for utterance in observed.utterances)
    num_words = sum(len(utterance.misheard) for utterance in observed.utterances)
    weights, spread = fit_errors(observed.utterances)
    sound, language = _fit_choices(vocabulary, observed.choices)
    return ErrorLevel(
        wer=word_error_rate(pairs),
        error_weights=weights,
        utterance_spread=spread,
        dropped=observed.dropped / max(num_misheard, 1),
        inserted=observed.inserted / max(num_words, 1),
        ends_kept=observed.ends_kept / max(observed.ends, 1),
        ends_moved=observed.ends_moved / max(observed.ends, 1),
        splits=observed.new_ends[0] / max(observed.places[0], 1),
        splits_unknown=observed.new_ends[1] / max(observed.places[1], 1),
        sound=sound,
        language=language,
    )


def fit_table(
    vocabulary: RecognizerVocabulary,
    levels: Sequence[Sequence[Pair]],
    fitted_on: dict[str, Any],
    say: Callable[[str], None] = lambda line: None,
    asked_rates: Sequence[float] = ASKED_RATES,
) -> ErrorTable:
    """Fits every level, and the shifts that make simulated rates those that are asked for.

    Args:
      vocabulary: of the recogniser.
      levels: the pairs of each level.
      fitted_on: kept in the table.
      say: is told what goes on.
      asked_rates: the rates that shifts are found for, beside those of the levels.
    """
    fitted = []
    for pairs in levels:
        level = fit_level(vocabulary, pairs)
        say(f"{len(pairs)} utterances: {level}")
        fitted.append(level)
    fitted.sort(key=lambda level: level.wer)
    plain = ErrorTable(tuple(fitted), ((0.0, 0.0),), fitted_on)
    texts = [pair.said for pairs in levels for pair in pairs]
    texts = texts[:: -(-len(texts) // _TEXTS_FOR_SHIFTS)]
    shifts = []
    # The fitted rates, too: that is where the shift that is needed begins to rise.
    for wer in sorted({*asked_rates, *(level.wer for level in fitted)}):
        shifts.append((wer, _find_shift(vocabulary, plain, texts, wer)))
        say(f"asked {wer:.2f}: shift {shifts[-1][1]:+.3f}")
    return dataclasses.replace(plain, shifts=tuple(shifts))


# === Counting ===


def _observe(vocabulary: RecognizerVocabulary, pair: Pair, observed: _Observed) -> None:
    said = [word.text for word in pair.said]
    entries = [vocabulary.entry(word) for word in pair.said]
    sounds = [vocabulary.pronunciations.phones(entry) for entry in entries]
    heard_sounds = [vocabulary.pronunciations.phones(word) for word in pair.heard]
    chunks = list(trimmed_chunks(said, pair.heard, align_by_sound(sounds, heard_sounds)))
    misheard = np.zeros(len(said), bool)
    regions: list[list[Chunk]] = []
    for chunk in chunks:
        i, j, k, m = chunk
        if said[i:j] == pair.heard[k:m]:
            regions.append([])
            continue
        misheard[i:j] = True
        if i == j:
            observed.inserted += m - k
        elif k == m:
            observed.dropped += j - i
        else:
            regions = regions or [[]]
            regions[-1].append(chunk)
    unknown = np.array([entry not in vocabulary for entry in entries], bool)
    observed.utterances.append(Utterance(text_features(vocabulary, entries, sounds), misheard, unknown))
    for region in filter(None, regions):
        _observe_region(vocabulary, pair, sounds, heard_sounds, region, observed)


def _observe_region(
    vocabulary: RecognizerVocabulary,
    pair: Pair,
    sounds: Sequence[bytes],
    heard_sounds: Sequence[bytes],
    region: Sequence[Chunk],
    observed: _Observed,
) -> None:
    """Counts what became of the ends of the words of a misheard stretch."""
    first, last = region[0], region[-1]
    inside = range(first.said_start, last.said_end)
    phones = b"".join(sounds[i] for i in inside)
    said_ends = np.cumsum([len(sounds[i]) for i in inside]).tolist()
    heard = range(first.heard_start, last.heard_end)
    heard_ends = _project([sounds[i] for i in inside], [heard_sounds[k] for k in heard])
    for k, start, end in zip(heard, [0, *heard_ends], heard_ends, strict=False):
        if start < end:
            observed.choices.append(_Choice(phones[start:end], pair.heard[k], pair.heard[max(k - 2, 0) : k][::-1]))
    left = {end for end in heard_ends if 0 < end < len(phones)}
    for end in said_ends[:-1]:
        observed.ends += 1
        if end in left:
            observed.ends_kept += 1
            left.remove(end)
        elif moved := left & {end - 1, end + 1, end - 2, end + 2}:
            observed.ends_moved += 1
            left.remove(min(moved, key=lambda place: abs(place - end)))
    owner = [i for i in inside for _ in sounds[i]]
    for place in range(1, len(phones)):
        if owner[place] == owner[place - 1]:
            unknown = vocabulary.entry(pair.said[owner[place]]) not in vocabulary
            observed.places[unknown] += 1
            observed.new_ends[unknown] += place in left


def _project(said: Sequence[bytes], heard: Sequence[bytes]) -> list[int]:
    """Where each heard word ends, in phones of the said words."""
    said_phones, heard_phones = with_ends(said), with_ends(heard)
    place, ends = 0, []
    for pair in align_phones(said_phones, heard_phones):
        place += pair.said is not None and said_phones[pair.said] != 0
        if pair.heard is not None and heard_phones[pair.heard] == 0:
            ends.append(int(place))
    return ends


# === Fitting ===


def _fit_choices(vocabulary: RecognizerVocabulary, choices: Sequence[_Choice]) -> tuple[float, float]:
    """The weights of sound and language under which what was heard is likeliest."""
    tables = []
    for choice in choices:
        indices, distances = vocabulary.alike.nearest(choice.phones)
        written = [vocabulary.written[index] for index in indices]
        if choice.heard not in written:
            continue  # further away than a simulation looks
        language = np.array([vocabulary.log_probability([vocabulary.words[i], *choice.before]) for i in indices])
        tables.append((written.index(choice.heard), distances, language))
    best, weights = -math.inf, (0.0, 0.0)
    for sound in _SOUND_WEIGHTS:
        for amount in _LANGUAGE_WEIGHTS:
            total = 0.0
            for target, distances, language in tables:
                scores = amount * language - sound * distances
                top = scores.max()
                total += scores[target] - top - math.log(np.exp(scores - top).sum())
            if total > best:
                best, weights = total, (float(sound), float(amount))
    return weights


def _find_shift(
    vocabulary: RecognizerVocabulary, table: ErrorTable, texts: Sequence[list[VerbalizedWord]], wer: float
) -> float:
    """What must be added to the bias for simulated utterances to have a word error rate, by bisection."""
    simulator = AsrSimulator(vocabulary, table)
    level = table.at(wer)
    low, high = -6.0, 6.0
    for _ in range(9):
        shift = (low + high) / 2
        bias, *weights = level.error_weights
        shifted = dataclasses.replace(level, error_weights=(bias + shift, *weights))
        generator = np.random.Generator(np.random.PCG64(0))
        simulated = [Pair(text, [word.text for word in simulator.hear_at(text, shifted, generator)]) for text in texts]
        if word_error_rate(simulated) < wer:
            low = shift
        else:
            high = shift
    return (low + high) / 2
