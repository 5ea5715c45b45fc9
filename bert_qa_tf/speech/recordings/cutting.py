"""Cuts a recording of any length into utterances, at its quietest places.

The pieces are some seconds long and leave nothing out. Quiet is measured against the surroundings, so that it works
with noise too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

# Recognisers see words in context, and their time and memory grow with the piece.
SHORTEST_SECS = 6.0
LONGEST_SECS = 24.0

_FRAMES_PER_SEC = 100
# Between words there are pauses of a tenth of a second; between phrases, of three.
_PAUSE_FRAMES = 30
# 60 dB below full scale, over a pause's length: no speech is that soft.
_SILENCE_RMS = 32.0


@dataclasses.dataclass(frozen=True)
class Utterance:
    """A piece of a recording.

    Attributes:
      start_secs: from the beginning of the recording.
      samples: `<int16>[num_samples]` at the recording's own rate.
    """

    start_secs: float
    samples: np.ndarray


def cut_at_pauses(blocks: Iterable[np.ndarray], rate_hz: int) -> Iterator[Utterance]:
    """Cuts a stream.

    Args:
      blocks: `<int16>[num_samples]` each.
      rate_hz: of the samples.

    Yields:
      Pieces between `SHORTEST_SECS` and `LONGEST_SECS`; the last may be shorter.
    """
    shortest, longest = int(SHORTEST_SECS * rate_hz), int(LONGEST_SECS * rate_hz)
    pending = np.zeros(0, np.int16)
    start = 0
    for block in blocks:
        pending = np.concatenate([pending, block])
        while len(pending) > longest:
            cut = shortest + _middle_of_pause(pending[shortest:longest], rate_hz)
            yield Utterance(start / rate_hz, pending[:cut])
            start, pending = start + cut, pending[cut:]
    if len(pending):
        yield Utterance(start / rate_hz, pending)


def is_silent(samples: np.ndarray, rate_hz: int) -> bool:
    """Whether nobody can be heard in `<int16>[num_samples]`."""
    energies = _pause_energies(samples, rate_hz)
    return not len(energies) or bool(np.sqrt(energies.max()) < _SILENCE_RMS)


def _middle_of_pause(samples: np.ndarray, rate_hz: int) -> int:
    """The middle of the quietest stretch, of several the last: pieces become long."""
    energies = _pause_energies(samples, rate_hz)
    quietest = len(energies) - 1 - int(np.argmin(energies[::-1]))
    return int((quietest + _PAUSE_FRAMES / 2) * rate_hz / _FRAMES_PER_SEC)


def _pause_energies(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """Mean square of each stretch of a pause's length: `<float64>[num_stretches]`, one from each frame on."""
    frame = max(1, rate_hz // _FRAMES_PER_SEC)
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame).astype(np.float64)
    totals = np.concatenate([[0.0], np.cumsum(np.mean(frames**2, axis=1))])
    length = min(_PAUSE_FRAMES, len(totals) - 1)
    return (totals[length:] - totals[: len(totals) - length]) / length if length else np.zeros(0)
