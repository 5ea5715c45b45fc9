"""Sound as samples: reading, resampling, noise.

What goes in: audio files. What comes out: mono samples at the rate that recognisers are trained for. Libraries are
imported when the first file is read.
"""

from __future__ import annotations

import hashlib
import os

import numpy as np

from bert_qa_tf.errors import InputError

# What acoustic models of speech are trained with.
SAMPLE_RATE_HZ = 16_000
_FULL_SCALE = 32767


def read_whole(path: str | os.PathLike[str]) -> np.ndarray:
    """A short file as mono samples at `SAMPLE_RATE_HZ`.

    Args:
      path: of any format that libsndfile reads.

    Returns:
      `<int16>[num_samples]`.

    Raises:
      InputError: it cannot be read as audio.
    """
    import soundfile

    try:
        samples, rate_hz = soundfile.read(path, dtype="int16", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"{os.fspath(path)}: cannot read this audio ({error})") from error
    return resample(to_mono(samples), rate_hz)


def to_mono(samples: np.ndarray) -> np.ndarray:
    """The mean of the channels: `<int16>[num_samples, num_channels]` → `<int16>[num_samples]`."""
    if samples.shape[1] == 1:
        return samples[:, 0]
    return np.rint(samples.mean(axis=1)).astype(np.int16)


def resample(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """`<int16>[num_samples]` at `rate_hz` as `<int16>[…]` at `SAMPLE_RATE_HZ`."""
    if rate_hz == SAMPLE_RATE_HZ:
        return samples
    from scipy import signal

    # resample_poly divides both by what they share.
    resampled = signal.resample_poly(samples.astype(np.float32), SAMPLE_RATE_HZ, rate_hz)
    return np.clip(np.rint(resampled), -_FULL_SCALE - 1, _FULL_SCALE).astype(np.int16)


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
    return np.clip(np.rint(samples + _FULL_SCALE * noise), -_FULL_SCALE - 1, _FULL_SCALE).astype(np.int16)
