"""Cleans a transcript for questions, and leads back from any span of the cleaned text to what was said, and when."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

from bert_qa_tf import odd_items
from bert_qa_tf.config import CleaningConfig
from bert_qa_tf.speech.transcripts.cleaning import CleanedText, clean
from bert_qa_tf.speech.transcripts.reader import format_counts, read_transcript
from bert_qa_tf.speech.transcripts.transcript import Transcript
from bert_qa_tf.storage import files

# Questions about one recording mostly follow each other; a transcript of an hour is some megabytes of objects.
_MAX_KEPT_FILES = 16
_DEFAULT_CLEANING = CleaningConfig()


class Said(NamedTuple):
    """A `TimedSpan`: what was said, where it stands in the transcript, and when.

    Attributes:
      text: of the transcript, what cleaning took out of its middle included.
      start_char: into the transcript's text, in code points; of a plain text, into the file.
      end_char: exclusive.
      start_secs: None where no time is known.
      end_secs: likewise.
      times_estimated: whether one of the words has times that were not measured.
      speaker: who says all of its words; None where that is not known of each, or where several speak.
    """

    text: str
    start_char: int
    end_char: int
    start_secs: float | None
    end_secs: float | None
    times_estimated: bool
    speaker: str | None = None


@dataclasses.dataclass(frozen=True)
class CleanedTranscript:
    """A `TimedText`: a transcript and its cleaned text.

    Attributes:
      transcript: as it was recognised.
      cleaned: its text, cleaned.
    """

    transcript: Transcript
    cleaned: CleanedText

    @classmethod
    def of(cls, transcript: Transcript, cleaning: CleaningConfig, text: str | None = None) -> CleanedTranscript:
        """Cleans a transcript.

        Args:
          transcript: what was recognised.
          cleaning: which rules are on.
          text: instead of the transcript's own; only for one without times, whose places nothing hangs on.
        """
        return cls(transcript, clean(transcript.text if text is None else text, cleaning))

    @property
    def text(self) -> str:
        """What to ask questions about."""
        return self.cleaned.text

    def describe_cleaning(self) -> str:
        """`; cleaned of fillers (2)`, to end a line with; nothing where nothing was taken out."""
        counts = {name: count for name, count in self.cleaned.counts.items() if count}
        return f"; cleaned of {format_counts(counts)}" if counts else ""

    def said(self, start_char: int, end_char: int) -> Said:
        """What was said where `text` has this span.

        Args:
          start_char: first code point of the span.
          end_char: one past its last.
        """
        start, end = self.cleaned.original_span(start_char, end_char)
        time = self.transcript.time_of(start, end)
        words = self.transcript.words_between(start, end)
        estimated = time is not None and any(word.times_estimated for word in words)
        speakers = {word.speaker for word in words}
        speaker = speakers.pop() if len(speakers) == 1 else None
        return Said(self.cleaned.original[start:end], start, end, *(time or (None, None)), estimated, speaker)


class TranscriptReader:
    """Reads files of transcripts, each once as long as it is among the last ones asked for.

    Args:
      file_format: see `read_transcript`.
      recording: see `read_transcript`.
      cleaning: which rules clean them.
      report: gets a line for each file: what was read, and how often each rule took something out.
      encoding: see `read_transcript`.
    """

    def __init__(
        self,
        file_format: str | None = None,
        recording: str | None = None,
        cleaning: CleaningConfig = _DEFAULT_CLEANING,
        report: Callable[[str], None] | None = None,
        encoding: str | None = None,
    ) -> None:
        self._encoding = encoding
        self._file_format = file_format
        self._recording = recording
        self._cleaning = cleaning
        self._report = report
        self._told: set[str] = set()
        self._read = functools.lru_cache(_MAX_KEPT_FILES)(self._read_file)

    def __call__(self, path: str) -> CleanedTranscript:
        """The transcript in a file.

        Raises:
          InputError: see `read_transcript`.
        """
        return self._read(path)

    def look_at(self, path: str) -> None:
        """Looks whether there is such a file.

        Raises:
          InputError: there is none, or it cannot be opened.
        """
        files.check_inputs([path])

    def _read_file(self, path: str) -> CleanedTranscript:
        is_again = path in self._told
        # Of a file that was forgotten meanwhile, all was said the first time.
        with odd_items.collect() if is_again else contextlib.nullcontext():
            file = read_transcript(path, self._file_format, self._recording, self._encoding)
        cleaned = CleanedTranscript.of(file.transcript, self._cleaning, file.plain_text)
        self._told.add(path)
        if self._report is not None and not is_again:
            self._report(f"{path}: {file.describe()}{cleaned.describe_cleaning()}")
        return cleaned
