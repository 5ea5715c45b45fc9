"""Computes what makes a word likely to be misheard: the columns of the simulator's logistic regression.

Each word of an utterance becomes a row of numbers. Their weights are part of the error table; `error_fitting.py` finds
them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bert_qa_tf.asr_simulation.pronunciations import PHONES
from bert_qa_tf.asr_simulation.recognizer_vocabulary import RecognizerVocabulary

# Of a word whose predecessor was misheard: how likely it is after the words that were said no longer matters much.
_AFTER_ERROR_FEATURES = ("after_error", "surprisal_after_error", "rarity_after_error")
# A voice's "EY" may come through noise that drowns its "F": each phone has a weight of its own.
_TEXT_FEATURES = ("surprisal", "rarity", "next_surprisal", "log_phones", "frequent", "first", *PHONES)
ERROR_FEATURES = ("bias", *_AFTER_ERROR_FEATURES, *_TEXT_FEATURES)
# Surprisal beyond this is the language model's smoothing and says no more.
_MOST_SURPRISAL = 16.0
_USUAL_SURPRISAL = 5.0
_MOST_RARITY = 20.0


def text_features(vocabulary: RecognizerVocabulary, entries: Sequence[str], sounds: Sequence[bytes]) -> np.ndarray:
    """What speaks for each word being misheard, but for the bias and what became of the word before.

    Args:
      vocabulary: of the recogniser.
      entries: the words of an utterance, as the dictionary has them.
      sounds: the phones of each.

    Returns:
      `<float64>[num_words, num_features]`. Surprisals are of the word after the two before it, rarity is without them,
      all in nats; a phone's column counts it in the word.
    """
    surprisals = []
    for index, entry in enumerate(entries):
        surprisal = -vocabulary.log_probability([entry, *entries[max(index - 2, 0) : index][::-1]])
        surprisals.append(min(surprisal, _MOST_SURPRISAL))
    rows = np.zeros((len(entries), len(_TEXT_FEATURES)))
    rows[:, 0] = surprisals
    rows[:, 1] = [min(-vocabulary.log_probability([entry]), _MOST_RARITY) for entry in entries]
    # A word that makes no sense to the recogniser, or that it does not know, spoils the one before it, too.
    rows[:, 2] = [*surprisals[1:], _USUAL_SURPRISAL][: len(entries)]
    rows[:, 3] = [math.log(max(len(sound), 1)) for sound in sounds]
    rows[:, 4] = [entry in vocabulary.frequent_words for entry in entries]
    rows[:1, 5] = 1.0
    owners = np.repeat(np.arange(len(sounds)), [len(sound) for sound in sounds])
    codes = np.frombuffer(b"".join(sounds), np.uint8).astype(np.int64)
    np.add.at(rows, (owners, len(_TEXT_FEATURES) - len(PHONES) + codes - 1), 1.0)
    return rows


def error_rows(features: np.ndarray, after_error: np.ndarray) -> np.ndarray:
    """All of `ERROR_FEATURES`.

    Args:
      features: `<float64>[num_words, num_features]` from `text_features`.
      after_error: `<bool>[num_words]`: the word before was misheard.

    Returns:
      `<float64>[num_words, len(ERROR_FEATURES)]`.
    """
    ones = np.ones((len(features), 1))
    return np.hstack([ones, np.hstack([ones, features[:, :2]]) * after_error[:, None], features])


def log_odds(features: np.ndarray, weights: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds of each word being misheard: if the word before was not, and if it was, `<float64>[num_words]` each."""
    after = np.ones(len(features), bool)
    return error_rows(features, ~after) @ np.array(weights), error_rows(features, after) @ np.array(weights)
