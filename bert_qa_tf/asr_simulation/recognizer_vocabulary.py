"""Holds what a recogniser can say: its words, how they sound, and how likely each is after others.

All of it comes from pocketsphinx's English model, which lies in its wheel. Only words that both the dictionary and the
language model have can be recognised: about 72,000 of the dictionary's 126,000.
"""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from bert_qa_tf.asr_simulation.confusions import SoundIndex
from bert_qa_tf.asr_simulation.pronunciations import Pronunciations, read_dictionary
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import digests
from bert_qa_tf.text.verbalization import VerbalizedWord, verbalize

_DICTIONARY, _LANGUAGE_MODEL = "en-us/cmudict-en-us.dict", "en-us/en-us.lm.bin"
# The language model's unit: log to the base 1.0001. What it does not know has the least number it can hold.
_NATS_PER_UNIT = float(np.log(1.0001))
_UNKNOWN_UNITS = -500_000_000
# In looking for sound-alikes, so much nearer must a word be for each nat that it is rarer.
_PENALTY_PER_NAT = 1.0
# These are heard where nothing was said.
_NUM_FREQUENT = 120

LogProbability = Callable[[Sequence[str]], float]


class RecognizerVocabulary:
    """The words of a recogniser.

    Args:
      pronunciations: of all words, those it cannot recognise included.
      log_probability: of the first of some words after the others, the nearest first, in nats; for a single word its
        frequency. Below −1000 where the recogniser does not know the word.
      dictionary_sha256: of the file the pronunciations come from.

    Attributes:
      pronunciations: as given.
      log_probability: as given.
      dictionary_sha256: as given.
      words: those it can recognise, in the dictionary's order, but for those that are written as several ("u.s.").
      written: each of them as `verbalization.py` would write it: "a." is "a", and "bankers'" is "bankers".
      frequent: the most frequent of them.
      frequent_words: the same, to look up in.
      alike: finds the places in `words` of those that sound alike.
    """

    def __init__(self, pronunciations: Pronunciations, log_probability: LogProbability, dictionary_sha256: str) -> None:
        self.pronunciations = pronunciations
        self.log_probability = log_probability
        self.dictionary_sha256 = dictionary_sha256
        frequencies = {word: log_probability([word]) for word in pronunciations.entries}
        known_words = [word for word, frequency in frequencies.items() if frequency > -1000]
        written = {word: parts[0] for word in known_words if len(parts := _written(word)) == 1}
        self.words, self.written = list(written), list(written.values())
        known = np.array([frequencies[word] for word in self.words])
        order = np.argsort(-known, kind="stable")
        self.frequent = [self.written[index] for index in order[:_NUM_FREQUENT]]
        self.frequent_words = frozenset(self.frequent)
        penalties = np.round(_PENALTY_PER_NAT * (known.max() - known))
        self.alike = SoundIndex([pronunciations.entries[word] for word in self.words], penalties)
        self._known = frozenset(known_words)

    def __contains__(self, word: str) -> bool:
        return word in self._known

    def entry(self, word: VerbalizedWord) -> str:
        """A verbalized word as the dictionary has it: a letter's name has a dot there, "a." is not "a"."""
        return f"{word.text}." if word.is_letter and f"{word.text}." in self._known else word.text


def _written(word: str) -> list[str]:
    return [word] if word.isalpha() else [part.text for part in verbalize(word.replace(".'s", "'s"))]


@functools.cache
def load_vocabulary() -> RecognizerVocabulary:
    """That of pocketsphinx's English model; takes seconds the first time, then it is kept.

    Raises:
      InputError: pocketsphinx is not installed.
    """
    try:
        import pocketsphinx  # an extra's package, and only simulated errors need it here
    except ImportError as error:
        raise InputError(
            "simulated recognition errors need pocketsphinx's dictionary: pip install -r requirements/speech.txt"
        ) from error
    path = pathlib.Path(pocketsphinx.get_model_path(_DICTIONARY))
    model = pocketsphinx.NGramModel.readfile(pocketsphinx.get_model_path(_LANGUAGE_MODEL))

    def log_probability(words: Sequence[str]) -> float:
        units = model.prob(words)
        return units * _NATS_PER_UNIT if units > _UNKNOWN_UNITS else -np.inf

    return RecognizerVocabulary(read_dictionary(path), log_probability, digests.sha256_of(path))
