"""A recogniser with a few words, for tests: its dictionary, how likely each word is, and how it errs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bert_qa_tf.asr_simulation.error_features import ERROR_FEATURES
from bert_qa_tf.asr_simulation.error_table import ErrorLevel, ErrorTable
from bert_qa_tf.asr_simulation.pronunciations import Pronunciations, encode
from bert_qa_tf.asr_simulation.recognizer_vocabulary import RecognizerVocabulary
from bert_qa_tf.asr_simulation.simulated_text import TextSimulator
from bert_qa_tf.asr_simulation.simulator import AsrSimulator
from bert_qa_tf.config import AsrSimulationConfig

ENTRIES = {
    "a": "AH", "a.": "EY", "and": "AH N D", "at": "AE T", "bat": "B AE T", "before": "B IH F AO R", "cat": "K AE T",
    "cats'": "K AE T S", "chew": "CH UW", "for": "F AO R", "four": "F AO R", "hat": "HH AE T", "mat": "M AE T",
    "mitten": "M IH T AH N", "on": "AA N", "sat": "S AE T", "saturn": "S AE T ER N", "sky": "S K AY",
    "the": "DH AH", "three": "TH R IY", "to": "T UW", "tree": "T R IY", "two": "T UW", "u.s.": "Y UW EH S",
    "fall": "F AO L", "scuffle": "S K AH F AH L", "turn": "T ER N",
}  # fmt: skip
# In the dictionary, but not in the language model.
UNSAID = frozenset({"mitten"})
FREQUENT = frozenset({"the", "a", "and", "to", "on", "at"})


def log_probability(words: Sequence[str]) -> float:
    """Of the first of the words; those before it do not matter."""
    if words[0] not in ENTRIES or words[0] in UNSAID:
        return -math.inf
    return math.log(0.1 if words[0] in FREQUENT else 0.01)


def tiny_vocabulary() -> RecognizerVocabulary:
    entries = {word: encode(phones.split()) for word, phones in ENTRIES.items()}
    return RecognizerVocabulary(Pronunciations(entries), log_probability, "0" * 64)


def weights(**values: float) -> tuple[float, ...]:
    """One for each of `ERROR_FEATURES`, those that are not named 0."""
    assert set(values) <= set(ERROR_FEATURES)
    return tuple(float(values.get(name, 0.0)) for name in ERROR_FEATURES)


def level(**changes) -> ErrorLevel:
    """Half of the words are misheard, each for itself; ends stay where they are."""
    values = {
        "wer": 0.5,
        "error_weights": weights(),
        "utterance_spread": 0.0,
        "dropped": 0.0,
        "inserted": 0.0,
        "ends_kept": 1.0,
        "ends_moved": 0.0,
        "splits": 0.0,
        "splits_unknown": 0.0,
        "sound": 0.5,
        "language": 0.5,
    }
    return ErrorLevel(**{**values, **changes})


ALWAYS = weights(bias=20.0)
NEVER = weights(bias=-20.0)


def table(*levels: ErrorLevel) -> ErrorTable:
    return ErrorTable(levels or (level(),), ((0.0, 0.0),), {})


def text_simulator(seed: int = 0, **settings) -> TextSimulator:
    """A simulator of texts with the tiny recogniser; `settings` are those of `AsrSimulationConfig`."""
    simulator = AsrSimulator(tiny_vocabulary(), table(level(dropped=0.2, ends_kept=0.5, splits_unknown=0.1)))
    return TextSimulator(AsrSimulationConfig(**{"wer": (0.3,), **settings}), seed, simulator)
