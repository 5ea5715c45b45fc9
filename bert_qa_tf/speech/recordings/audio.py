"""Reads audio files as samples, resamples them, and mixes in white noise.

Files may have any common format, rate and number of channels; samples are mono and come a block at a time. What
libsndfile cannot read goes through ffmpeg (see `ffmpeg.py`). Libraries are imported when the first file is read.

Files are untrusted: what a header states is held to limits before memory is taken for it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fractions
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.recordings import ffmpeg

# What acoustic models of speech are trained with.
SAMPLE_RATE_HZ = 16_000
# Below the lower rate there is no speech; the higher is beyond studio equipment.
RATES_HZ = (1_000, 384_000)
MAX_CHANNELS = 64
Recording = str | os.PathLike[str] | BinaryIO

_FULL_SCALE = 32767
_BLOCK_SECS = 10
# Of all channels together, so that a block has a bounded size: 8 MB.
_BLOCK_VALUES = 1 << 21
_LONGEST_WHOLE_SECS = 3600
# A file is cut off if it lacks so much of what it states, in seconds or as a share of the whole, whichever is more.
_SLACK_SECS, _SLACK = 0.5, 0.01
# Where libsndfile's log says that a part of the file is shorter than it states.
_SHORT_PART = re.compile(r": (\d{1,19}) \(should be (\d{1,19})\)")
# Programs that write to a pipe state a size near the largest of 32 bits.
_UNKNOWN_BYTES = 0x7FFFFF00


@dataclasses.dataclass
class AudioStream:
    """An open recording.

    Attributes:
      blocks: `<int16>[num_samples]` each, mono, one after the other; to be gone through once.
      rate_hz: of the samples.
      duration_secs: as the file says; None where it does not.
      damage: once all blocks were read: what shows that the file is cut off or damaged; None where nothing does.
      missing_secs: once all blocks were read: how much less there is than the file states, if libsndfile reads it.
    """

    blocks: Iterator[np.ndarray]
    rate_hz: int
    duration_secs: float | None
    damage: str | None = None
    missing_secs: float = 0.0


@contextlib.contextmanager
def open_audio(recording: Recording) -> Iterator[AudioStream]:
    """Opens a recording, to be read in blocks of some seconds.

    Args:
      recording: WAV, FLAC, Ogg, MP3 and what else libsndfile reads; where ffmpeg is installed, the formats of
        `ffmpeg.FORMATS` too. A path, or a regular file that is open for reading, of which neither name nor position
        matters.

    Raises:
      InputError: there is no such file, it is no audio or broken, possibly while it is being read, or its rate or its
        number of channels is beyond the limits above.
    """
    with _descriptor(recording) as (name, descriptor):
        soundfile = _soundfile()
        try:
            file = _open_forwards(descriptor)
        except soundfile.LibsndfileError as error:
            with _open_with_ffmpeg(name, descriptor, error.error_string) as stream:
                yield stream
            return
        with file:
            low, high = RATES_HZ
            if not low <= file.samplerate <= high or file.channels > MAX_CHANNELS:
                raise InputError(
                    f"{name}: states {file.samplerate:,} samples per second and {file.channels} channels, expected "
                    f"{low:,} to {high:,} and at most {MAX_CHANNELS}"
                )
            stream = AudioStream(iter(()), file.samplerate, file.frames / file.samplerate)
            stream.blocks = _blocks(name, file, stream)
            yield stream


def read_whole(recording: Recording, *, complete: bool = False) -> np.ndarray:
    """A short recording.

    Args:
      recording: see `open_audio`.
      complete: whether to refuse one that holds less than it states, by however little.

    Returns:
      `<int16>[num_samples]` at `SAMPLE_RATE_HZ`.

    Raises:
      InputError: it cannot be read as audio, is longer than an hour, or is not complete.
    """
    blocks, num_samples = [], 0
    with open_audio(recording) as stream:
        for block in stream.blocks:
            blocks.append(block)
            num_samples += len(block)
            if num_samples > _LONGEST_WHOLE_SECS * stream.rate_hz:
                raise InputError(
                    f"{name_of(recording)}: longer than {_LONGEST_WHOLE_SECS} s, expected a short recording"
                )
    if complete and stream.missing_secs > 0:
        raise InputError(f"{name_of(recording)}: cut off, {stream.missing_secs:.3f} s of what it states are missing")
    return resample(np.concatenate(blocks) if blocks else np.zeros(0, np.int16), stream.rate_hz)


def name_of(recording: Recording) -> str:
    """Returns the name by which messages call a recording."""
    if hasattr(recording, "fileno"):
        name = getattr(recording, "name", None)
        return name if isinstance(name, str) else "recording"  # an anonymous file has a number for a name
    return os.fspath(recording)


@contextlib.contextmanager
def _descriptor(recording: Recording) -> Iterator[tuple[str, int]]:
    """The name of a recording, and a descriptor of its file at the beginning, which is checked to be a regular one."""
    name = name_of(recording)
    if hasattr(recording, "fileno"):
        descriptor = os.dup(recording.fileno())
    else:
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO would wait for its writer
        except (FileNotFoundError, NotADirectoryError) as error:
            raise InputError(f"{name}: no such file") from error
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
            raise InputError(f"{name}: cannot read this file ({getattr(error, 'strerror', error)})") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InputError(f"{name}: no such file, expected a regular one")
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield name, descriptor
    finally:
        os.close(descriptor)


def _soundfile() -> Any:
    try:
        import soundfile
    except ImportError as error:
        raise InputError("soundfile is not installed: pip install -r requirements/speech.txt") from error
    return soundfile


def _open_forwards(descriptor: int) -> Any:
    soundfile = _soundfile()

    class Forwards(soundfile.SoundFile):
        def seekable(self) -> bool:
            # After each block that soundfile reads of a file that can be wound, it winds to where it is. The decoder of
            # MP3 has to start anew there, complains on standard error and may begin with a false frame.
            return False

    # By descriptor and not by name: of some formats libsndfile opens further files, named after the first.
    return Forwards(descriptor, closefd=False)


def _blocks(name: str, file: Any, stream: AudioStream) -> Iterator[np.ndarray]:
    soundfile = _soundfile()
    size = max(1, min(_BLOCK_SECS * file.samplerate, _BLOCK_VALUES // file.channels))
    num_samples = 0
    while True:
        try:
            # As floats: integers would be read from a file of floats without its scale.
            samples = file.read(size, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise InputError(f"{name}: broken audio at {file.tell() / file.samplerate:.1f} s ({error})") from error
        if not len(samples):
            break
        num_samples += len(samples)
        yield _as_int16(32768 * samples.mean(axis=1, dtype=np.float32))
    secs = num_samples / file.samplerate
    stated_secs = _stated_secs(file, secs)
    stream.damage = _cut_off(stated_secs, secs)
    stream.missing_secs = stated_secs - secs


def _stated_secs(file: Any, secs: float) -> float:
    """The duration that a file states, of which `secs` were found."""
    stated = file.frames / file.samplerate
    for match in _SHORT_PART.finditer(file.extra_info):
        said, found = int(match[1]), int(match[2])
        if found and said < _UNKNOWN_BYTES:
            stated = max(stated, secs * said / found)
    return stated


def _cut_off(stated_secs: float | None, secs: float) -> str | None:
    if stated_secs is None or stated_secs - secs <= max(_SLACK_SECS, _SLACK * stated_secs):
        return None
    return f"cut off: holds {secs:.1f} s of the {stated_secs:.1f} s that it states"


@contextlib.contextmanager
def _open_with_ffmpeg(name: str, descriptor: int, refusal: str) -> Iterator[AudioStream]:
    with ffmpeg.decoding(name, descriptor, SAMPLE_RATE_HZ, refusal) as decoding:
        stream = AudioStream(iter(()), SAMPLE_RATE_HZ, None)
        stream.blocks = _ffmpeg_blocks(decoding, stream)
        yield stream


def _ffmpeg_blocks(decoding: ffmpeg.Decoding, stream: AudioStream) -> Iterator[np.ndarray]:
    num_samples = 0
    for block in decoding.blocks(_BLOCK_SECS * SAMPLE_RATE_HZ):
        num_samples += len(block)
        yield block
    # A video may rightly be longer than its sound: what is missing counts only where ffmpeg complains too.
    if complaint := decoding.damage():
        stream.damage = _cut_off(decoding.stated_secs(), num_samples / SAMPLE_RATE_HZ) or complaint


def resample(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """`<int16>[num_samples]` at `rate_hz` as `<int16>[…]` at `SAMPLE_RATE_HZ`, by polyphase filtering."""
    if rate_hz == SAMPLE_RATE_HZ or not len(samples):
        return samples
    from scipy import signal

    # The filter is as long as these numbers are large. Usual rates keep their ratio; 383,999 Hz is taken for 384,000.
    ratio = fractions.Fraction(SAMPLE_RATE_HZ, rate_hz).limit_denominator(1000)
    return _as_int16(signal.resample_poly(samples.astype(np.float32), ratio.numerator, ratio.denominator))


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
