"""Reads audio files as samples, resamples them, and mixes in white noise.

Files may have any common format, rate and number of channels; samples are mono and come a block at a time. What
libsndfile cannot read goes through ffmpeg. Libraries are imported when the first file is read.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

import numpy as np

from bert_qa_tf.errors import InputError

# What acoustic models of speech are trained with.
SAMPLE_RATE_HZ = 16_000
_FULL_SCALE = 32767
_BLOCK_SECS = 10
_INSTALL_FFMPEG = "apt install ffmpeg (Debian, Ubuntu) or brew install ffmpeg (macOS)"


@dataclasses.dataclass(frozen=True)
class AudioStream:
    """An open recording.

    Attributes:
      blocks: `<int16>[num_samples]` each, mono, one after the other; to be gone through once.
      rate_hz: of the samples.
      duration_secs: as the file says; None where it does not.
    """

    blocks: Iterator[np.ndarray]
    rate_hz: int
    duration_secs: float | None


@contextlib.contextmanager
def open_audio(path: str | os.PathLike[str]) -> Iterator[AudioStream]:
    """Opens a recording, to be read in blocks of some seconds.

    Args:
      path: WAV, FLAC, Ogg, MP3 and what else libsndfile reads; anything that ffmpeg reads where it is installed.

    Raises:
      InputError: there is no such file, it is no audio or broken, possibly while it is being read.
    """
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise InputError(f"{name}: no such file")
    soundfile = _soundfile()
    try:
        file = _open_forwards(name)
    except soundfile.LibsndfileError as error:
        with _open_with_ffmpeg(name, error.error_string) as stream:
            yield stream
        return
    with file:
        yield AudioStream(_blocks(name, file), file.samplerate, file.frames / file.samplerate)


def read_whole(path: str | os.PathLike[str]) -> np.ndarray:
    """A short recording.

    Args:
      path: see `open_audio`.

    Returns:
      `<int16>[num_samples]` at `SAMPLE_RATE_HZ`.

    Raises:
      InputError: it cannot be read as audio.
    """
    with open_audio(path) as stream:
        blocks = list(stream.blocks)
        return resample(np.concatenate(blocks) if blocks else np.zeros(0, np.int16), stream.rate_hz)


def _soundfile() -> object:
    try:
        import soundfile
    except ImportError as error:
        raise InputError("soundfile is not installed: pip install -r requirements/speech.txt") from error
    return soundfile


def _open_forwards(name: str) -> object:
    soundfile = _soundfile()

    class Forwards(soundfile.SoundFile):
        def seekable(self) -> bool:
            # After each block that soundfile reads of a file that can be wound, it winds to where it is. The decoder of
            # MP3 has to start anew there, complains on standard error and may begin with a false frame.
            return False

    return Forwards(name)


def _blocks(name: str, file: object) -> Iterator[np.ndarray]:
    soundfile = _soundfile()
    while True:
        try:
            # As floats: integers would be read from a file of floats without its scale.
            samples = file.read(_BLOCK_SECS * file.samplerate, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise InputError(f"{name}: broken audio at {file.tell() / file.samplerate:.1f} s ({error})") from error
        if not len(samples):
            return
        yield _as_int16(32768 * samples.mean(axis=1, dtype=np.float32))


@contextlib.contextmanager
def _open_with_ffmpeg(name: str, refusal: str) -> Iterator[AudioStream]:
    if shutil.which("ffmpeg") is None:
        raise InputError(
            f"{name}: cannot read this as audio ({refusal.rstrip('.')}); formats such as M4A or WebM need ffmpeg: "
            f"{_INSTALL_FFMPEG}"
        )
    # Some formats name other files or addresses: nothing is fetched from a network because a recording says so.
    arguments = ["ffmpeg", "-nostdin", "-v", "error", "-protocol_whitelist", "file", "-i", f"file:{name}"]
    arguments += ["-map", "0:a:0", "-f", "s16le"]
    arguments += ["-ac", "1", "-ar", str(SAMPLE_RATE_HZ), "pipe:1"]
    # Its complaints go to a file: a pipe that nobody reads fills up and stops it.
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints) as process,
    ):
        try:
            yield AudioStream(_ffmpeg_blocks(name, process, complaints), SAMPLE_RATE_HZ, None)
        finally:
            process.kill()


def _ffmpeg_blocks(name: str, process: subprocess.Popen[bytes], complaints: object) -> Iterator[np.ndarray]:
    while block := process.stdout.read(2 * _BLOCK_SECS * SAMPLE_RATE_HZ):
        yield np.frombuffer(block, "<i2").astype(np.int16, copy=False)
    if process.wait():
        complaints.seek(0)
        lines = complaints.read().decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        reason = lines[-1].removeprefix(f"file:{name}: ")
        raise InputError(f"{name}: cannot read this as audio (ffmpeg: {reason})")


def resample(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """`<int16>[num_samples]` at `rate_hz` as `<int16>[…]` at `SAMPLE_RATE_HZ`, by polyphase filtering."""
    if rate_hz == SAMPLE_RATE_HZ or not len(samples):
        return samples
    from scipy import signal

    # resample_poly divides both by what they share.
    return _as_int16(signal.resample_poly(samples.astype(np.float32), SAMPLE_RATE_HZ, rate_hz))


def add_white_noise(samples: np.ndarray, volume: float, key: str) -> np.ndarray:
    """Mixes in white noise, uniform up to `volume` of full scale, as `sox synth whitenoise vol VOLUME` does.

    Args:
      samples: `<int16>[num_samples]`.
      volume: 0 to 1; 0 changes nothing.
      key: the same key gives the same noise.

    Returns:
      `<int16>[num_samples]`, clipped at full scale.
    """
    if not volume:
        return samples
    seed = int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
    noise = np.random.default_rng(seed).uniform(-volume, volume, len(samples))
    return _as_int16(samples + _FULL_SCALE * noise)


def _as_int16(samples: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(samples), -_FULL_SCALE - 1, _FULL_SCALE).astype(np.int16)
