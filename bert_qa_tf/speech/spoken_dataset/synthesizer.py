"""Speaks sentences with programs of the system.

Sentences are plain words in lower case (see `text/verbalization.py`). `Flite` is CMU's flite; `CommandSynthesizer` is
any other program that writes an audio file.
"""

from __future__ import annotations

import os
import shlex
import shutil
from typing import Protocol

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech import programs
from bert_qa_tf.speech.recordings import audio
from bert_qa_tf.storage import temporary_files

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

    _has_limits = False  # a neural synthesizer may need any memory

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
        with temporary_files.working_folder() as folder:
            path = os.path.join(folder, "speech.wav")
            arguments = [part.replace("{text}", text).replace("{audio}", path) for part in self._arguments]
            try:
                status, said = programs.run(arguments, _TIMEOUT_SECS, has_limits=self._has_limits)
            except TimeoutError as error:
                raise InputError(f"{arguments[0]}: took more than {_TIMEOUT_SECS} s to say {text!r}") from error
            if status or not os.path.exists(path):
                lines = said.strip().splitlines()
                reason = lines[-1] if lines else f"status {status}, no audio"
                raise InputError(f"{arguments[0]}: cannot say {text!r} ({reason})")
            # flite ends with status 0 even if the disk is full.
            return audio.read_whole(path, complete=True)


class Flite(CommandSynthesizer):
    """CMU Flite.

    Args:
      voice: one that `flite -lv` lists, or a voice's file.

    Raises:
      InputError: flite is not installed, and the line has the command that installs it; or it has no such voice.
    """

    _has_limits = True

    def __init__(self, voice: str = "slt") -> None:
        if shutil.which("flite") is None:
            raise InputError(_INSTALL_FLITE)
        _check_voice(voice)
        # With a slash, without which a file's name is taken for a voice's.
        path = os.path.join(".", voice) if os.path.isfile(voice) else voice
        super().__init__(f"flite -voice {shlex.quote(path)} -t {{text}} -o {{audio}}")


def _check_voice(voice: str) -> None:
    # In place of a voice that it does not find, flite takes another and ends with status 0.
    if os.path.isfile(voice):
        _, said = programs.run(["flite", "-voice", os.path.join(".", voice), "-t", "a", "-o", "none"], _TIMEOUT_SECS)
        if not said.strip():
            return
        raise InputError(f"{voice}: flite cannot load this voice ({said.strip().splitlines()[0]})")
    _, said = programs.run(["flite", "-lv"], _TIMEOUT_SECS, stream="stdout")
    known = said.partition(":")[2].split()
    if voice not in known:
        raise InputError(f"flite has no voice {voice!r}, expected one of: {', '.join(known)}; or a voice's file")


def load_synthesizer(command: str | None, voice: str) -> Synthesizer:
    """The program that `command` names; flite with `voice` where it is None."""
    return CommandSynthesizer(command) if command else Flite(voice)
