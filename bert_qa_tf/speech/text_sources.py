"""Reads transcripts, and recognises recordings, as texts to ask questions about.

Each reader remembers what it read: questions come in any order, and recognising takes longer than answering them.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

from bert_qa_tf.config import CleaningConfig, RecognizerConfig, TimedTextConfig
from bert_qa_tf.speech.recordings import audio
from bert_qa_tf.speech.recordings.recognizer import Recognizer, load_recognizer
from bert_qa_tf.speech.recordings.transcribing import suitable_processes, transcribe
from bert_qa_tf.speech.transcripts.cleaned_transcript import CleanedTranscript, TranscriptReader
from bert_qa_tf.speech.transcripts.transcript import from_json
from bert_qa_tf.storage import json_text

# With the way back from the cleaned text, an hour is some megabytes of objects; as JSON it is about one.
_MAX_KEPT_TEXTS = 16
_DEFAULT_RECOGNIZER = RecognizerConfig()
_DEFAULT_CLEANING = CleaningConfig()

Report = Callable[[str], None]


def readers(
    transcript_file: str | None, recording: str | None, config: TimedTextConfig, report: Report | None = None
) -> dict[str, tuple[str | None, Callable[[str], CleanedTranscript]]]:
    """The files that flags name, with what reads them, as `tasks.base.Task.request` takes them.

    Args:
      transcript_file: of --transcript_file; None where it is not given.
      recording: of --audio; None where it is not given.
      config: how files are read.
      report: gets a line on each file.

    Returns:
      Flag → the file it names, and a reader of such files.
    """
    read = TranscriptReader(config.file_format, config.recording, config.cleaning, report, config.encoding)
    recognise = RecordingReader(config.recognizer, config.cleaning, config.num_processes, report)
    return {"transcript_file": (transcript_file, read), "audio": (recording, recognise)}


class RecordingReader:
    """Recognises recordings, each of them once.

    Args:
      config: which recogniser; it is loaded when the first recording is asked for.
      cleaning: which rules clean what was heard.
      num_processes: on so many cores; 0 for as many as suit the recogniser.
      report: gets a line when a recording is begun, and one when it is done.
    """

    def __init__(
        self,
        config: RecognizerConfig = _DEFAULT_RECOGNIZER,
        cleaning: CleaningConfig = _DEFAULT_CLEANING,
        num_processes: int = 0,
        report: Report | None = None,
    ) -> None:
        self._config = config
        self._cleaning = cleaning
        self._num_processes = num_processes or suitable_processes(config)
        self._report = report or (lambda line: None)
        self._heard: dict[str, str] = {}
        self._texts = functools.lru_cache(_MAX_KEPT_TEXTS)(self._text_of)

    def __call__(self, path: str) -> CleanedTranscript:
        """What is said in a recording; an empty text where nothing is.

        Raises:
          InputError: see `transcribe`.
        """
        return self._texts(path)

    def look_at(self, path: str) -> None:
        """Looks whether a recording can be read, without recognising it.

        Raises:
          InputError: it is missing or no audio.
        """
        if path not in self._heard:
            with audio.open_audio(path) as stream:
                next(stream.blocks, None)

    def _text_of(self, path: str) -> CleanedTranscript:
        if path not in self._heard:
            self._heard[path] = self._recognise(path)
        return CleanedTranscript.of(from_json(json_text.parse(self._heard[path]), path), self._cleaning)

    def _recognise(self, path: str) -> str:
        with audio.open_audio(path):
            pass  # what is no audio is told before a model is loaded
        recognizer = self._recognizer
        self._report(f"{path}: recognising with {recognizer.settings} …")
        began = time.perf_counter()
        transcript = transcribe(path, self._config, num_processes=self._num_processes, recognizer=recognizer)
        secs = time.perf_counter() - began
        heard = f"{len(transcript.words):,} words in {transcript.duration_secs:.1f} s of sound"
        cleaned = CleanedTranscript.of(transcript, self._cleaning).describe_cleaning()
        damage = f"; {transcript.damage}" if transcript.damage else ""
        self._report(f"{path}: heard {heard}, which took {secs:.1f} s{cleaned}{damage}")
        return json_text.write(transcript.to_json())

    @functools.cached_property
    def _recognizer(self) -> Recognizer:
        return load_recognizer(self._config)
