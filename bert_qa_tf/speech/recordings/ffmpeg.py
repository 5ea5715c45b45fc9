"""Decodes recordings that libsndfile does not know, such as M4A and WebM, with the program ffmpeg.

A recording is untrusted. Some formats of ffmpeg are lists of other files or addresses, which it would open: playlists
(HLS, DASH, concat), references to images, subtitles. So it gets the recording through a pipe, may use no other protocol
(`-protocol_whitelist`), and knows only formats that hold the sound itself (`-format_whitelist`).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech import programs

_INSTALL = "apt install ffmpeg (Debian, Ubuntu) or brew install ffmpeg (macOS)"
# Containers and plain streams of sound, by the names of `ffmpeg -demuxers`.
FORMATS = (
    "aac",
    "ac3",
    "aiff",
    "amr",
    "ape",
    "asf",
    "au",
    "avi",
    "caf",
    "flac",
    "flv",
    "matroska",
    "mov",
    "mp3",
    "mpeg",
    "mpegts",
    "ogg",
    "tta",
    "w64",
    "wav",
    "wv",
)
# Files of these formats may have their index at the end, so ffmpeg must be able to wind: MP4 and its relatives, by the
# type of the first box, and CAF.
_WOUND = re.compile(rb"(?s)....(?:ftyp|moov|mdat|wide|free|skip|pnot)|caff")
# A block of some seconds takes milliseconds.
_BLOCK_TIMEOUT_SECS = 120
_MAX_ALLOCATION_BYTES = 512 * 2**20
_ERROR = re.compile(r"\[(?:error|fatal|panic)\] (.*)")
_DURATION = re.compile(r"(?m)^(?:\[info\] )? *Duration: (\d{1,6}):(\d\d):(\d\d\.\d+)")
_REFUSED = re.compile(r"(?m)^\[([\w,]+) @ \w+\] \[error\] Format not on whitelist")
_COMPLAINTS_BYTES = 1 << 20


class Decoding:
    """A recording on its way through ffmpeg.

    Args:
      name: of the recording, for messages.
      process: ffmpeg.
      complaints: what it writes to its standard error.
    """

    def __init__(self, name: str, process: subprocess.Popen[bytes], complaints: BinaryIO) -> None:
        self._name = name
        self._process = process
        self._complaints = complaints

    def blocks(self, num_samples: int) -> Iterator[np.ndarray]:
        """The sound, `<int16>[num_samples]` each but the last.

        Raises:
          InputError: ffmpeg cannot read it, or takes too long.
        """
        try:
            while block := programs.read(self._process, 2 * num_samples, _BLOCK_TIMEOUT_SECS):
                yield np.frombuffer(block[: len(block) // 2 * 2], "<i2").astype(np.int16, copy=False)
        except TimeoutError as error:
            raise InputError(f"{self._name}: ffmpeg gave no sound for {_BLOCK_TIMEOUT_SECS} s") from error
        if self._process.wait():
            refused = _REFUSED.search(self._text())
            if refused:
                raise InputError(
                    f"{self._name}: cannot read this as audio ({refused[1]} is not accepted as a recording)"
                )
            reason = (self._errors() or ["no reason given"])[-1]
            raise InputError(f"{self._name}: cannot read this as audio (ffmpeg: {reason})")

    def damage(self) -> str | None:
        """Returns what ffmpeg found wrong with the sound, or None. Call this after the last block."""
        errors = self._errors()
        return f"ffmpeg: {errors[-1]}" if errors else None

    def stated_secs(self) -> float | None:
        """The duration that the recording states; None if it states none. To be asked after the last block."""
        found = _DURATION.search(self._text())
        return None if found is None else 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3])

    def _errors(self) -> list[str]:
        lines = (_ERROR.search(line) for line in self._text().splitlines())
        found = (re.sub(r"^(?:cache:)?pipe:0: ", "", line[1]) for line in lines if line)
        return [line for line in found if not line.startswith("Inner protocol failed")]  # what `cache:` says of a pipe

    def _text(self) -> str:
        self._complaints.seek(0)
        return self._complaints.read(_COMPLAINTS_BYTES).decode("utf-8", "replace")


@contextlib.contextmanager
def decoding(name: str, recording: int, rate_hz: int, refusal: str) -> Iterator[Decoding]:
    """Starts ffmpeg on a recording.

    Args:
      name: of the recording, for messages.
      recording: descriptor of a regular file, which is read from its beginning.
      rate_hz: what to resample to.
      refusal: why libsndfile does not read it.

    Raises:
      InputError: ffmpeg is not installed or cannot be started.
    """
    if shutil.which("ffmpeg") is None:
        raise InputError(
            f"{name}: cannot read this as audio ({refusal.rstrip('.')}); formats such as M4A or WebM need ffmpeg: "
            f"{_INSTALL}"
        )
    head = os.pread(recording, 8, 0)
    os.lseek(recording, 0, os.SEEK_SET)
    # `cache:` keeps what has come through the pipe in a file without a name.
    source = ["-read_ahead_limit", "-1", "-i", "cache:pipe:0"] if _WOUND.match(head) else ["-i", "pipe:0"]
    arguments = ["ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-v", "level+info"]
    arguments += ["-max_alloc", str(_MAX_ALLOCATION_BYTES)]
    arguments += ["-protocol_whitelist", "pipe,cache" if len(source) > 2 else "pipe"]
    arguments += ["-format_whitelist", ",".join(FORMATS), "-vn", "-sn", "-dn", *source]
    arguments += ["-map", "0:a:0", "-map_metadata", "-1", "-f", "s16le", "-ac", "1", "-ar", str(rate_hz), "pipe:1"]
    # Its complaints go to a file: a pipe that nobody reads fills up and stops it.
    with (
        tempfile.TemporaryFile() as complaints,
        programs.running(arguments, stdin=recording, stdout=subprocess.PIPE, stderr=complaints) as process,
    ):
        yield Decoding(name, process, complaints)
