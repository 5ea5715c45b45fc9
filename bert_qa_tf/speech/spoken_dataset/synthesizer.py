"""Speaks sentences with programs of the system.

Sentences are plain words in lower case (see `text/verbalization.py`). `Flite` is CMU's flite; `CommandSynthesizer` is
any other program that writes an audio file.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from typing import Protocol

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.recordings import audio

# A sentence takes a fraction of a second.
_TIMEOUT_SECS = 300
_INSTALL_FLITE = "flite is not installed: apt install flite (Debian, Ubuntu) or brew install flite (macOS)"


class Synthesizer(Protocol):
    """Something that speaks."""

    @property
    def settings(self) -> str:
        """What its speech depends on, in a line: another line means other speech."""

    def speak(self, text: str) -> np.ndarray:
        """Says a sentence: `<int16>[num_samples]` at `audio.SAMPLE_RATE_HZ`."""


class CommandSynthesizer:
    """A program that is called once a sentence.

    Args:
      command: as typed in a shell, without pipes; `{text}` stands for the sentence and `{audio}` for the file to write.

    Raises:
      InputError: `command` lacks a placeholder, or its program is not on the path.
    """

    def __init__(self, command: str) -> None:
        self._arguments = shlex.split(command)
        for placeholder in ("{text}", "{audio}"):
            if not any(placeholder in argument for argument in self._arguments):
                raise InputError(f"speech command {command!r} has no {placeholder}")
        if shutil.which(self._arguments[0]) is None:
            raise InputError(f"speech command {command!r}: no program {self._arguments[0]!r} on the path")
        self.settings = command

    def speak(self, text: str) -> np.ndarray:
        """See `Synthesizer.speak`.

        Raises:
          InputError: the program fails or writes no audio.
        """
        with tempfile.TemporaryDirectory(prefix="bert_qa_tf_") as folder:
            path = os.path.join(folder, "speech.wav")
            arguments = [part.replace("{text}", text).replace("{audio}", path) for part in self._arguments]
            try:
                done = subprocess.run(
                    arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_SECS, check=False
                )
            except subprocess.TimeoutExpired as error:
                raise InputError(f"{arguments[0]}: took more than {_TIMEOUT_SECS} s to say {text!r}") from error
            if done.returncode or not os.path.exists(path):
                said = done.stderr.decode("utf-8", "replace").strip().splitlines()
                reason = said[-1] if said else f"status {done.returncode}, no audio"
                raise InputError(f"{arguments[0]}: cannot say {text!r} ({reason})")
            return audio.read_whole(path)


class Flite(CommandSynthesizer):
    """CMU Flite.

    Args:
      voice: one that `flite -lv` lists, or a voice's file.

    Raises:
      InputError: flite is not installed; the line has the command that installs it.
    """

    def __init__(self, voice: str = "slt") -> None:
        if shutil.which("flite") is None:
            raise InputError(_INSTALL_FLITE)
        super().__init__(f"flite -voice {shlex.quote(voice)} -t {{text}} -o {{audio}}")


def load_synthesizer(command: str | None, voice: str) -> Synthesizer:
    """The program that `command` names; flite with `voice` where it is None."""
    return CommandSynthesizer(command) if command else Flite(voice)
