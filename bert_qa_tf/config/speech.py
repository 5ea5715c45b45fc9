"""How speech is made, recognised and read."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from bert_qa_tf.config.checks import require


@dataclasses.dataclass(frozen=True)
class CleaningConfig:
    """What is taken out of a transcript before it is asked; see `speech/transcripts/cleaning.py`.

    Only what shortens names as well ("Duran Duran") is left in by default.

    Attributes:
      speaker_labels: "SPEAKER_00:", "John:", ">>", and a dash where a line begins.
      time_stamps: "[00:12:31]", "(12:31)".
      sound_notes: "[Music]", "(laughter)".
      fillers: "um", "uh", "erm".
      repeats: words and short phrases said twice in a row, but for numbers and spelled letters.
      invisible: soft hyphens and characters of no width.
    """

    speaker_labels: bool = True
    time_stamps: bool = True
    sound_notes: bool = True
    fillers: bool = True
    repeats: bool = False
    invisible: bool = True

    @classmethod
    def of(cls, names: Sequence[str]) -> CleaningConfig:
        """The rules of these names alone; ("all",) or ("none",) for all or none of them.

        Raises:
          InputError: there is no such rule.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in names:
            require(
                name in known or (name in ("all", "none") and len(names) == 1),
                f"expected all, none or rules of {', '.join(known)} to clean a transcript, got {name!r}",
            )
        return cls(**{name: name in names or "all" in names for name in known})

    @property
    def names(self) -> tuple[str, ...]:
        """The rules that are on."""
        return tuple(name for name, is_on in vars(self).items() if is_on)


@dataclasses.dataclass(frozen=True)
class RecognizerConfig:
    """Which recogniser, and how.

    Attributes:
      name: of the recogniser.
      search: how thoroughly pocketsphinx searches.
      whisper_model: of faster_whisper: a name or a folder.
      language: that faster_whisper is to expect.
      stop_pause_secs: where a recogniser that writes no full stops hears a pause of so many seconds, one is put in when
        recordings are transcribed; 0 for none.
    """

    name: Literal["pocketsphinx", "faster_whisper"] = "pocketsphinx"
    search: Literal["fast", "full"] = "full"
    whisper_model: str = "base.en"
    language: str = "en"
    stop_pause_secs: float = 0.25

    def __post_init__(self) -> None:
        require(self.stop_pause_secs >= 0.0, f"stop_pause_secs must be at least 0, got {self.stop_pause_secs}")


@dataclasses.dataclass(frozen=True)
class TimedTextConfig:
    """How a transcript or a recording becomes a text to ask questions about.

    Attributes:
      file_format: of transcripts; None recognises it.
      recording: of transcripts that hold several.
      cleaning: what is taken out of the text.
      recognizer: of recordings.
      num_processes: that recognise; 0 for as many as suit the recogniser.
    """

    file_format: str | None = None
    recording: str | None = None
    cleaning: CleaningConfig = CleaningConfig()
    recognizer: RecognizerConfig = RecognizerConfig()
    num_processes: int = 0


@dataclasses.dataclass(frozen=True)
class SpeakingConfig:
    """How a text is read aloud and recognised.

    Attributes:
      voice: of flite.
      speech_command: another program to speak with (see `CommandSynthesizer`); None for flite.
      recognizer: see `RecognizerConfig`.
      seed: of the white noise.
    """

    voice: str = "slt"
    speech_command: str | None = None
    recognizer: RecognizerConfig = RecognizerConfig(search="fast")
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class SpokenDatasetConfig:
    """How a spoken data set is made of a SQuAD-form file.

    Attributes:
      speaking: see `SpeakingConfig`.
      noise_volumes: of the white noise, 0 to 1 of full scale; paragraphs take them in turn.
      unplaced: what becomes of a question none of whose answers was found in the transcript: "drop" leaves it out, for
        training; "keep" keeps every question, with the answer as it was said, for scoring.
      min_confidence: answers whose letters were heard less well than this, 0 to 1, count as lost.
      sentence_stops: whether a full stop ends what was heard of each sentence, as in Spoken-SQuAD.
    """

    speaking: SpeakingConfig = SpeakingConfig()
    noise_volumes: tuple[float, ...] = (0.0,)
    unplaced: Literal["drop", "keep"] = "drop"
    min_confidence: float = 0.5
    sentence_stops: bool = True

    def __post_init__(self) -> None:
        require(bool(self.noise_volumes), "noise_volumes is empty, expected at least one volume")
        for volume in self.noise_volumes:
            require(0.0 <= volume <= 1.0, f"noise_volume must be between 0 and 1, got {volume}")
        require(0.0 <= self.min_confidence <= 1.0, f"min_confidence must be between 0 and 1, got {self.min_confidence}")
