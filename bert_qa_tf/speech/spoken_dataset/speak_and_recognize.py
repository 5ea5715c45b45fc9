"""Reads a text aloud and recognises what is heard.

Each sentence is spoken, mixed with white noise and recognised for itself, so that what is heard depends on the text and
the settings alone.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from bert_qa_tf.config import SpeakingConfig, schema
from bert_qa_tf.speech.recordings import audio, word_errors
from bert_qa_tf.speech.recordings.recognizer import Recognizer, load_recognizer
from bert_qa_tf.speech.spoken_dataset.synthesizer import Synthesizer, load_synthesizer
from bert_qa_tf.speech.transcripts.transcript import Word
from bert_qa_tf.text.verbalization import verbalize, verbalize_sentences

_TIME_DECIMALS = 3
# Of a `Word` that was recognised; in this order.
_FIELDS = ("text", "start_secs", "end_secs", "confidence", "times_estimated")
_WordFields = tuple[str, float | None, float | None, float | None, bool]


@dataclasses.dataclass(frozen=True)
class Heard:
    """A text as it was heard.

    Attributes:
      sentences: the words heard of each sentence of the text (see `verbalize_sentences`), with times from the beginning
        of the text; empty where nothing was heard.
      duration_secs: of the speech.
      recognition_secs: the time a core took to recognise it, whatever else it did meanwhile.
    """

    sentences: tuple[tuple[Word, ...], ...]
    duration_secs: float
    recognition_secs: float

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        return {
            "sentences": [
                [[getattr(word, name) for name in _FIELDS] for word in sentence] for sentence in self.sentences
            ],
            "duration_secs": self.duration_secs,
            "recognition_secs": self.recognition_secs,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any], place: str) -> Heard:
        """Of `to_json`.

        Raises:
          InputError: it has another shape.
        """
        sentences = schema.member(list[list[_WordFields]], value, "sentences", place)
        times = (schema.member(float, value, name, place) for name in ("duration_secs", "recognition_secs"))
        return cls(
            tuple(
                tuple(Word(**dict(zip(_FIELDS, fields, strict=True))) for fields in sentence) for sentence in sentences
            ),
            *times,
        )


class Listener:
    """Reads texts aloud and listens.

    Args:
      config: how.
      synthesizer: made from `config` when None.
      recognizer: made from `config` when None.

    Raises:
      InputError: what `config` names is not installed.
    """

    def __init__(
        self, config: SpeakingConfig, synthesizer: Synthesizer | None = None, recognizer: Recognizer | None = None
    ) -> None:
        self._config = config
        self._synthesizer = synthesizer or load_synthesizer(config.speech_command, config.voice)
        self._recognizer = recognizer or load_recognizer(config.recognizer)

    @property
    def settings(self) -> str:
        """What is heard depends on this, the text and the noise's volume."""
        return f"seed {self._config.seed}; {self._synthesizer.settings}; {self._recognizer.settings}"

    def hear(self, text: str, noise_volume: float) -> Heard:
        """Speaks, adds noise and recognises.

        Args:
          text: written English.
          noise_volume: see `audio.add_white_noise`.

        Raises:
          InputError: the synthesizer fails.
        """
        sentences, start_secs, recognition_secs = [], 0.0, 0.0
        for samples in self.say(text, noise_volume):
            begin = time.thread_time()
            words = self._recognizer.recognize(samples)
            recognition_secs += time.thread_time() - begin
            sentences.append(tuple(_placed(word, start_secs) for word in words))
            start_secs += len(samples) / audio.SAMPLE_RATE_HZ
        return Heard(tuple(sentences), round(start_secs, _TIME_DECIMALS), recognition_secs)

    def say(self, text: str, noise_volume: float) -> Iterator[np.ndarray]:
        """What `hear` listens to: `<int16>[num_samples]` at `audio.SAMPLE_RATE_HZ` for each sentence.

        Args:
          text: see `hear`.
          noise_volume: see `hear`.

        Raises:
          InputError: the synthesizer fails.
        """
        for number, sentence in enumerate(verbalize_sentences(text)):
            clean = self._synthesizer.speak(sentence.to_say)
            yield audio.add_white_noise(clean, noise_volume, f"{self._config.seed}\0{number}\0{sentence.to_say}")


def verbalize_word(word: Word) -> list[Word]:
    """The words that a recognised word is said as: "forty-five" and "u.s." are two each.

    Their times are shares of its time, by letters.
    """
    parts = [part.text for part in verbalize(word.text.replace(".'s", "'s"))]
    letters = sum(map(len, parts))
    length = word.end_secs - word.start_secs
    result, done = [], 0
    for part in parts:
        end = done + len(part)
        times = (round(word.start_secs + length * share / letters, _TIME_DECIMALS) for share in (done, end))
        result.append(Word(part, *times, word.confidence))
        done = end
    return result


def _placed(word: Word, offset_secs: float) -> Word:
    start, end = (round(offset_secs + secs, _TIME_DECIMALS) for secs in (word.start_secs, word.end_secs))
    return Word(word.text, start, end, None if word.confidence is None else round(word.confidence, 4))


def check_installed(config: SpeakingConfig) -> str:
    """Makes a `Listener` once, before processes are started for it; returns its `settings`.

    Raises:
      InputError: what `config` names is not installed.
    """
    word_errors.check_installed()
    return Listener(config).settings
