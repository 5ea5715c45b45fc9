"""Makes a transcript of a recording of any length.

The recording is read as a stream, cut at its pauses, and its pieces are recognised on several cores; only pieces that
wait for a core are in memory. What was heard of each piece may be kept in a folder, from which the same call goes on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from absl import logging
from tqdm import tqdm

from bert_qa_tf.config import RecognizerConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech import processes
from bert_qa_tf.speech.recordings import audio, cutting
from bert_qa_tf.speech.recordings.recognizer import Recognizer, load_recognizer
from bert_qa_tf.speech.recordings.sentence_ends import end_sentences_at_pauses
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word, from_json
from bert_qa_tf.storage import atomic_files, files

# What the models are trained with reaches up to 8 kHz; a telephone's lower half is all that such a recording has.
_FULL_BAND_RATE_HZ = 16_000
_LOG_EVERY_SECS = 600


@dataclasses.dataclass(frozen=True)
class _Piece:
    """An utterance on its way to a recogniser, at `audio.SAMPLE_RATE_HZ`."""

    start_secs: float
    duration_secs: float
    samples: np.ndarray
    part: str | None


@dataclasses.dataclass(frozen=True)
class _Heard:
    """The words of a piece, with times from its beginning."""

    start_secs: float
    duration_secs: float
    words: tuple[Word, ...]


def suitable_processes(config: RecognizerConfig) -> int:
    """As many processes as suit a recogniser on this machine.

    Whisper spreads each utterance over the cores by itself, and its models are large.
    """
    return processes.available_cores() if config.name == "pocketsphinx" else 1


def transcribe(
    recording: audio.Recording,
    config: RecognizerConfig | None = None,
    *,
    num_processes: int = 1,
    parts_folder: str | None = None,
    recognizer: Recognizer | None = None,
    max_secs: float | None = None,
) -> Transcript:
    """Recognises a recording.

    Args:
      recording: see `audio.open_audio`.
      config: which recogniser; pocketsphinx when None.
      num_processes: on so many cores.
      parts_folder: where to keep what was heard until all is; made when missing, never removed here.
      recognizer: of `config`, where it is loaded already; with more than one process, each loads its own.
      max_secs: refuse a longer recording.

    Returns:
      Words with times from the beginning of the recording, with full stops (see `RecognizerConfig.stop_pause_secs`).
      Silence gives none. A recording that is cut off or damaged gives the words that are there, and `damage` says so.

    Raises:
      InputError: the file is no audio, holds none or too much, or the recogniser is not installed.
    """
    config = config or RecognizerConfig()
    name = audio.name_of(recording)
    recognizer = recognizer or load_recognizer(config)
    if parts_folder is not None:
        files.make_folder(parts_folder)
    heard: list[_Heard] = []
    with audio.open_audio(recording) as stream, _progress(name, stream.duration_secs) as progress:
        if stream.rate_hz < _FULL_BAND_RATE_HZ:
            logging.warning("%s: recorded at %d Hz, and models expect 16000: more errors", name, stream.rate_hz)
        length = _Length(name, stream.rate_hz, max_secs)
        length.check(stream.duration_secs or 0.0)
        pieces = _pieces(length.measured(stream.blocks), stream.rate_hz, parts_folder, recognizer.settings)
        for piece in _hear_all(pieces, config, recognizer, num_processes):
            heard.append(piece)
            progress(piece.duration_secs)
    if not length.num_samples:
        raise InputError(f"{name}: holds no sound")
    if stream.damage:
        logging.warning("%s: %s", name, stream.damage)
    heard.sort(key=lambda piece: piece.start_secs)
    words = tuple(_shifted(word, piece.start_secs) for piece in heard for word in piece.words)
    if config.stop_pause_secs and not recognizer.punctuates:
        words = end_sentences_at_pauses(words, config.stop_pause_secs)
    return Transcript(words, round(length.num_samples / stream.rate_hz, 3), stream.damage)


class _Length:
    """Counts samples on their way, and refuses too many: what a file says of its length may be missing or wrong."""

    def __init__(self, name: str, rate_hz: int, max_secs: float | None) -> None:
        self.num_samples = 0
        self._name = name
        self._rate_hz = rate_hz
        self._max_secs = max_secs

    def check(self, secs: float) -> None:
        if self._max_secs is not None and secs > self._max_secs:
            raise InputError(f"{self._name}: longer than the {self._max_secs:g} s that are recognised here")

    def measured(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for block in blocks:
            self.num_samples += len(block)
            self.check(self.num_samples / self._rate_hz)
            yield block


def _pieces(blocks: Iterable[np.ndarray], rate_hz: int, parts_folder: str | None, settings: str) -> Iterator[_Piece]:
    for utterance in cutting.cut_at_pauses(blocks, rate_hz):
        silent = cutting.is_silent(utterance.samples, rate_hz)
        # Each piece is resampled for itself: it begins and ends where it is quiet.
        samples = audio.resample(utterance.samples, rate_hz)
        if silent:  # kept for its length alone: recognisers hear words in the faintest noise
            samples = np.zeros(0, np.int16)
        part = None
        if parts_folder is not None and not silent:
            identity = hashlib.blake2b(settings.encode() + b"\0" + samples.tobytes(), digest_size=12).hexdigest()
            # With its place: two processes must not write one file, and recordings repeat themselves.
            part = os.path.join(parts_folder, f"{round(1000 * utterance.start_secs):010d}-{identity}.json")
        yield _Piece(utterance.start_secs, len(utterance.samples) / rate_hz, samples, part)


def _hear_all(
    pieces: Iterator[_Piece], config: RecognizerConfig, recognizer: Recognizer, num_processes: int
) -> Iterator[_Heard]:
    first = list(itertools.islice(pieces, 2))
    pieces = itertools.chain(first, pieces)
    if len(first) < 2 or num_processes <= 1:
        return map(_hearing(recognizer), pieces)  # no process is worth starting for it
    return processes.each(functools.partial(_make_hearing, config), pieces, num_processes)


def _make_hearing(config: RecognizerConfig) -> Callable[[_Piece], _Heard]:
    return _hearing(load_recognizer(config))


def _hearing(recognizer: Recognizer) -> Callable[[_Piece], _Heard]:
    def hear(piece: _Piece) -> _Heard:
        words = None if piece.part is None else _read_part(piece.part)
        if words is None:
            words = tuple(recognizer.recognize(piece.samples))
            if piece.part is not None:
                atomic_files.write_text(piece.part, json.dumps(Transcript(words).to_json()))
        return _Heard(piece.start_secs, piece.duration_secs, words)

    return hear


def _read_part(path: str) -> tuple[Word, ...] | None:
    """What was heard before; None where that is not there or was cut off."""
    try:
        return from_json(files.read_json(path), path).words
    except ValueError:
        return None


def _shifted(word: Word, offset_secs: float) -> Word:
    return dataclasses.replace(word, start_secs=word.start_secs + offset_secs, end_secs=word.end_secs + offset_secs)


@contextlib.contextmanager
def _progress(name: str, duration_secs: float | None) -> Iterator[Callable[[float], None]]:
    """Something to call with seconds that are done: a bar where a person watches, else a line now and then."""
    if sys.stderr.isatty():
        total = None if duration_secs is None else round(duration_secs)
        with tqdm(total=total, desc=os.path.basename(name), unit="s", unit_scale=True) as bar:
            yield bar.update
        return
    done = 0.0

    def log(secs: float) -> None:
        nonlocal done
        done += secs
        if done // _LOG_EVERY_SECS > (done - secs) // _LOG_EVERY_SECS:
            logging.info("%s: %d minutes recognised", name, done // 60)

    yield log
