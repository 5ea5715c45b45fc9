"""Speech to words.

What goes in: samples of one utterance. What comes out: `Word`s with times from its beginning. Cutting long recordings
into utterances is done elsewhere. Each utterance is recognised for itself: its words depend on its samples alone.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from typing import Literal, Protocol

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts import Word

Search = Literal["fast", "full"]
SEARCHES: tuple[Search, ...] = ("fast", "full")

_FRAMES_PER_SEC = 100
# Silence, noises, and the ends of the utterance.
_NO_WORD = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")
# Which of several pronunciations it was: read(2).
_PRONUNCIATION = re.compile(r"\(\d+\)$")
# Against full search on flite's speech of three Wikipedia paragraphs: a third of the time with noise, the word error
# rate the same within 2 points.
_FAST = {"fwdflat": False, "maxhmmpf": 3000, "maxwpf": 10}


class Recognizer(Protocol):
    """Something that hears words."""

    @property
    def settings(self) -> str:
        """What its words depend on beside the samples, in a line."""

    def recognize(self, samples: np.ndarray) -> list[Word]:
        """The words of an utterance.

        Args:
          samples: `<int16>[num_samples]` at `audio.SAMPLE_RATE_HZ`.

        Returns:
          Words with times in seconds from the first sample; none where nothing was heard.
        """


class Pocketsphinx:
    """CMU Pocketsphinx with the English model of its wheel.

    Args:
      search: "full" looks twice; "fast" takes a third of the time on noisy speech.

    Raises:
      InputError: pocketsphinx is not installed.
    """

    def __init__(self, search: Search = "full") -> None:
        try:
            import pocketsphinx
        except ImportError as error:
            raise InputError(
                "pocketsphinx is not installed: pip install -r requirements/speech.txt (or bert_qa_tf[speech])"
            ) from error
        # Which of its own notes to print: none.
        self._decoder = pocketsphinx.Decoder(loglevel="FATAL", **(_FAST if search == "fast" else {}))
        self.settings = f"pocketsphinx {importlib.metadata.version('pocketsphinx')} en-us {search}"

    def recognize(self, samples: np.ndarray) -> list[Word]:
        """See `Recognizer.recognize`."""
        if not len(samples):
            return []
        self._decoder.start_utt()
        # The model's mean normalization is over the whole utterance, if it is given as one.
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()
        return list(self._words()) if self._decoder.hyp() is not None else []

    def _words(self) -> Iterator[Word]:
        exp = self._decoder.get_logmath().exp
        for segment in self._decoder.seg():
            if _NO_WORD.fullmatch(segment.word):
                continue
            yield Word(
                _PRONUNCIATION.sub("", segment.word),
                segment.start_frame / _FRAMES_PER_SEC,
                (segment.end_frame + 1) / _FRAMES_PER_SEC,
                # Sums of approximate probabilities come out above 1 at times.
                min(1.0, exp(segment.prob)),
            )
