"""Settings of synthesising and recognising speech and of reading transcripts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from bert_qa_tf.config.checks import require, require_finite, require_seed


@dataclasses.dataclass(frozen=True)
class CleaningConfig:
    """What is removed from a transcript before it is searched; see `speech/transcripts/cleaning.py`.

    By default all rules are on except the one that would also shorten names ("Duran Duran").

    Attributes:
      speaker_labels: "SPEAKER_00:", "John:", ">>", and a dash at the beginning of a line.
      time_stamps: "[00:12:31]", "(12:31)".
      sound_notes: "[Music]", "(laughter)".
      fillers: "um", "uh", "erm".
      repeats: words and short phrases said twice in a row, except for numbers and spelled letters.
      invisible: soft hyphens and zero-width characters.
    """

    speaker_labels: bool = True
    time_stamps: bool = True
    sound_notes: bool = True
    fillers: bool = True
    repeats: bool = False
    invisible: bool = True

    @classmethod
    def of(cls, names: Sequence[str]) -> CleaningConfig:
        """Turns on only the rules with these names; ("all",) or ("none",) for all or none of them.

        Raises:
          InputError: a rule is unknown.
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
        """The names of the rules that are on."""
        return tuple(name for name, is_on in vars(self).items() if is_on)


@dataclasses.dataclass(frozen=True)
class RecognizerConfig:
    """The settings of a speech recogniser.

    Attributes:
      name: the recogniser's name.
      search: how thoroughly pocketsphinx searches.
      whisper_model: the model of faster_whisper: a name or a folder.
      language: the language of the speech, for faster_whisper.
      stop_pause_secs: when a recording is transcribed by a recogniser that writes no full stops, one is inserted at
        each pause of at least this many seconds; 0 for no full stops.
    """

    name: Literal["pocketsphinx", "faster_whisper"] = "pocketsphinx"
    search: Literal["fast", "full"] = "full"
    whisper_model: str = "base.en"
    language: str = "en"
    stop_pause_secs: float = 0.25

    def __post_init__(self) -> None:
        require_finite(self)
        require(self.stop_pause_secs >= 0.0, f"stop_pause_secs must be at least 0, got {self.stop_pause_secs}")


@dataclasses.dataclass(frozen=True)
class TimedTextConfig:
    """The settings of making a text from a transcript or a recording.

    Attributes:
      file_format: the format of the transcript; None to detect it.
      recording: the recording to use, for a transcript that holds several.
      cleaning: what is removed from the text.
      recognizer: the recogniser for recordings.
      num_processes: the number of processes for recognition; 0 for as many as suit the recogniser.
      encoding: the encoding of the transcript; None for UTF-8, or UTF-16 by its mark.
    """

    file_format: str | None = None
    recording: str | None = None
    cleaning: CleaningConfig = CleaningConfig()
    recognizer: RecognizerConfig = RecognizerConfig()
    num_processes: int = 0
    encoding: str | None = None


@dataclasses.dataclass(frozen=True)
class SpeakingConfig:
    """The settings of reading a text aloud and recognising it.

    Attributes:
      voice: the voice of flite.
      speech_command: another program for speech synthesis (see `CommandSynthesizer`); None for flite.
      recognizer: see `RecognizerConfig`.
      seed: the seed of the white noise.
    """

    voice: str = "slt"
    speech_command: str | None = None
    recognizer: RecognizerConfig = RecognizerConfig(search="fast")
    seed: int = 0

    def __post_init__(self) -> None:
        require_seed(self.seed)


@dataclasses.dataclass(frozen=True)
class SpokenDatasetConfig:
    """The settings of making a spoken data set from a SQuAD-form file.

    Attributes:
      speaking: see `SpeakingConfig`.
      noise_volumes: volumes of the white noise, 0 to 1 of full scale; successive paragraphs take them in turn.
      unplaced: what to do with a question if none of its answers is found in the transcript: "drop" leaves it out, for
        training; "keep" keeps every question, with the answer as it was said, for scoring.
      min_confidence: an answer counts as lost if less than this share (0 to 1) of its letters is heard correctly.
      sentence_stops: whether each recognised sentence ends with a full stop, as in Spoken-SQuAD.
    """

    speaking: SpeakingConfig = SpeakingConfig()
    noise_volumes: tuple[float, ...] = (0.0,)
    unplaced: Literal["drop", "keep"] = "drop"
    min_confidence: float = 0.5
    sentence_stops: bool = True

    def __post_init__(self) -> None:
        require_finite(self)
        require(bool(self.noise_volumes), "noise_volumes is empty, expected at least one volume")
        for volume in self.noise_volumes:
            require(0.0 <= volume <= 1.0, f"noise_volume must be between 0 and 1, got {volume}")
        require(0.0 <= self.min_confidence <= 1.0, f"min_confidence must be between 0 and 1, got {self.min_confidence}")
