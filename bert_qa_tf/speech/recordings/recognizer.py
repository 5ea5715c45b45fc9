"""Recognises the words of an utterance, with their times.

Each utterance is recognised for itself: its words depend on its samples alone. `cutting.py` cuts long recordings into
utterances.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from bert_qa_tf.config import RecognizerConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.words import join_pieces
from bert_qa_tf.speech.transcripts.transcript import Word

_FRAMES_PER_SEC = 100
_SILENCE = np.zeros(3200, np.int16)
# Silence, noises, and the ends of the utterance.
_NO_WORD = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")
# Which of several pronunciations it was: read(2).
_PRONUNCIATION = re.compile(r"\(\d+\)$")
# One pass, fewer guesses kept, and sounds matched closely in every other frame only.
_FAST = {"fwdflat": False, "maxhmmpf": 2000, "maxwpf": 10, "ds": 2}


class Recognizer(Protocol):
    """Something that hears words."""

    @property
    def settings(self) -> str:
        """What its words depend on beside the samples, in a line."""

    @property
    def punctuates(self) -> bool:
        """Whether it writes full stops."""

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

    punctuates = False

    def __init__(self, search: str = "full") -> None:
        try:
            import pocketsphinx
        except ImportError as error:
            raise InputError("pocketsphinx is not installed: pip install -r requirements/speech.txt") from error
        # Which of its own notes to print: none. Scores of sounds that are not looked for stay in memory and are met by
        # the next utterance, unless all are computed in each frame; that takes a fifth more time.
        self._decoder = pocketsphinx.Decoder(loglevel="FATAL", compallsen=True, **(_FAST if search == "fast" else {}))
        self.settings = f"pocketsphinx {importlib.metadata.version('pocketsphinx')} en-us {search}"

    def recognize(self, samples: np.ndarray) -> list[Word]:
        """See `Recognizer.recognize`."""
        if not len(samples):
            return []
        # The decoder begins with what the last utterance left: the same silence, then a fresh front end.
        self._decode(_SILENCE)
        self._decoder.reinit_feat()
        self._decode(samples)
        return list(self._words()) if self._decoder.hyp() is not None else []

    def _decode(self, samples: np.ndarray) -> None:
        self._decoder.start_utt()
        # The model's mean normalization is over the whole utterance, if it is given as one.
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()

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


class FasterWhisper:
    """Whisper by CTranslate2: the library faster-whisper.

    Args:
      model: a name that it knows ("base.en"; fetched from its public home the first time), or a folder.
      language: of the speech, such as "en".

    Raises:
      InputError: the library or the model is missing, or the model does not know the language.
    """

    punctuates = True

    def __init__(self, model: str = "base.en", language: str = "en") -> None:
        try:
            import faster_whisper
        except ImportError as error:
            raise InputError("faster-whisper is not installed: pip install faster-whisper") from error
        try:
            # The fastest arithmetic that the machine has, which costs hardly any accuracy.
            self._model = faster_whisper.WhisperModel(model, compute_type="auto")
        except Exception as error:  # of the hub's client, of the network below it, of CTranslate2 about the files
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(
                f"cannot load the Whisper model {model!r}, expected a name such as base.en, with a way to the network "
                f"the first time, or a folder of a CTranslate2 model ({reason})"
            ) from error
        # One that knows only English would hear any other as English.
        if language not in self._model.supported_languages:
            raise InputError(
                f"the Whisper model {model!r} does not know --language={language}, expected one of: "
                f"{', '.join(sorted(self._model.supported_languages))}"
            )
        self._language = language
        self.settings = f"faster-whisper {getattr(faster_whisper, '__version__', '')} {model} {language}"

    def recognize(self, samples: np.ndarray) -> list[Word]:
        """See `Recognizer.recognize`."""
        if not len(samples):
            return []
        segments, _ = self._model.transcribe(
            samples.astype(np.float32) / 32768,
            language=self._language,
            word_timestamps=True,
            # Whisper makes words up where none are said. Of the clips of books read aloud it changes no error rate.
            vad_filter=True,
            # Within a recording pieces are recognised in any order, so that none may lean on the one before.
            condition_on_previous_text=False,
        )
        duration_secs = len(samples) / 16_000
        words = []
        for segment in segments:
            # "cold" and "-hearted" come apart, of which the second begins without a space.
            pieces = [_whisper_piece(word, duration_secs) for word in segment.words or ()]
            words.extend(word for word in join_pieces(pieces) if word.text)
        return words


def _whisper_piece(word: Any, duration_secs: float) -> Word:
    """A word of faster-whisper with the white space before it, within the recording."""
    # Some of its numbers are NumPy's.
    start = min(max(0.0, float(word.start)), duration_secs)
    end = min(max(start, float(word.end)), duration_secs)
    return Word(word.word, start, end, min(max(0.0, float(word.probability)), 1.0))


def load_recognizer(config: RecognizerConfig) -> Recognizer:
    """The recogniser that `config` names.

    Raises:
      InputError: it, or its model, is not installed.
    """
    if config.name == "faster_whisper":
        return FasterWhisper(config.whisper_model, config.language)
    return Pocketsphinx(config.search)


def check_installed(config: RecognizerConfig) -> None:
    """Looks for the libraries of a recogniser, and of what reads recordings for it, without importing them.

    Raises:
      InputError: one is not installed.
    """
    for name in ("soundfile", "scipy", config.name):
        if importlib.util.find_spec(name) is None:
            shown = name.replace("_", "-")
            install = shown if name == "faster_whisper" else "-r requirements/speech.txt"
            raise InputError(f"{shown} is not installed: pip install {install}")
