"""Writes transcripts of audio files, and counts word errors where the true texts are known: what `transcribe` does.

`transcribing.py` recognises each file.
"""

from __future__ import annotations

import functools
import os
import pathlib
import time
from collections.abc import Sequence

from absl import logging

from bert_qa_tf.config import RecognizerConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech import parts
from bert_qa_tf.speech.recordings import audio, word_errors
from bert_qa_tf.speech.recordings.recognizer import load_recognizer
from bert_qa_tf.speech.recordings.transcribing import suitable_processes, transcribe
from bert_qa_tf.speech.transcripts import writers
from bert_qa_tf.speech.transcripts.reader import read_transcript
from bert_qa_tf.speech.transcripts.transcript import Transcript
from bert_qa_tf.storage import outputs


def run(
    recordings: Sequence[str],
    config: RecognizerConfig,
    *,
    output_file: str | None,
    output_dir: str | None,
    output_format: str | None,
    reference_files: Sequence[str],
    num_processes: int,
    overwrite: bool = False,
) -> None:
    """Transcribes each recording.

    Args:
      recordings: audio files.
      config: the recogniser.
      output_file: for one recording; None prints the transcript where `output_dir` is None too.
      output_dir: for any number: a file each, named after the recording.
      output_format: one of `writers.OUTPUT_FORMATS`; None goes by the ending of `output_file`, else txt.
      reference_files: what was said in each recording, in the same order; none to count no errors.
      num_processes: 0 for as many as suit the recogniser.
      overwrite: whether to recognise recordings again whose transcript is there, and to replace it.

    Raises:
      InputError: the arguments do not fit each other; a recording cannot be read; or an output is an input, or is being
        written by another process, or all of them are there already.
    """
    targets = _targets(recordings, output_file, output_dir, output_format)
    _check_targets(targets, [*recordings, *reference_files])
    output_format = output_format or (_format_of(output_file) if output_file else "txt")
    references = _read_references(recordings, reference_files)
    there = [] if overwrite else _targets_that_are_there(targets, with_references=bool(references))
    for recording in recordings:  # all are looked at before the first is recognised
        with audio.open_audio(recording) as stream:
            next(stream.blocks, None)
    num_processes = num_processes or suitable_processes(config)
    recognizer = load_recognizer(config)
    total = word_errors.WordErrors(0, 0)
    num_damaged = 0
    for number, (recording, target) in enumerate(zip(recordings, targets, strict=True)):
        if target in there:
            print(f"{recording}: {target} is there already and stays as it is; --overwrite replaces it")
            continue
        began = time.perf_counter()
        hear = functools.partial(transcribe, recording, config, num_processes=num_processes, recognizer=recognizer)
        if target is None:
            transcript = hear()
            print(writers.format_transcript(transcript, output_format), end="")
        else:
            folder = f"{target}.parts"
            with parts.folder(folder, target):
                transcript = hear(parts_folder=folder)
                secs = time.perf_counter() - began
                writers.write_transcript(transcript, target, output_format)
            print(f"{recording}: {_summary(transcript, secs)}; wrote {target}")
        num_damaged += transcript.damage is not None
        if references:
            errors = word_errors.count_word_errors([references[number]], [word_errors.verbalized_text(transcript.text)])
            print(f"{recording}: word error rate {_percent(errors)}")
            total = word_errors.WordErrors(*(a + b for a, b in zip(total, errors, strict=True)))
    if len(references) > 1:
        print(f"all: word error rate {_percent(total)}")
    if num_damaged and len(recordings) > 1:
        logging.warning("%d of %d recordings are cut off or damaged; see above", num_damaged, len(recordings))


def _targets(
    recordings: Sequence[str], output_file: str | None, output_dir: str | None, output_format: str | None
) -> list[str | None]:
    if not recordings:
        raise InputError("--audio is missing, expected at least one recording")
    if output_file and output_dir:
        raise InputError("--output_file and --output_dir exclude each other")
    if output_file:
        if len(recordings) > 1:
            raise InputError(f"--output_file is for one recording, got {len(recordings)}; use --output_dir")
        return [output_file]
    if not output_dir:
        return [None] * len(recordings)
    ending = output_format or "txt"
    targets = [os.path.join(output_dir, f"{pathlib.Path(recording).stem}.{ending}") for recording in recordings]
    for number, target in enumerate(targets):
        if target in targets[:number]:
            first = recordings[targets.index(target)]
            raise InputError(f"{first} and {recordings[number]} would both be written to {target}")
    return targets


def _check_targets(targets: Sequence[str | None], inputs: Sequence[str]) -> None:
    for target in targets:
        if target is not None:
            outputs.check_file(target, inputs, overwrite=True)
            outputs.check_not_read(f"{target}.parts", inputs)


def _targets_that_are_there(targets: Sequence[str | None], with_references: bool) -> list[str]:
    """Returns the transcripts that stay as they are, so that the same command goes on where it was stopped."""
    there = [target for target in targets if target is not None and os.path.isfile(target) and os.path.getsize(target)]
    for target in there:
        parts.clear_finished(f"{target}.parts", target)
    if there and (len(there) == len(targets) or with_references):
        wanted = "counting its errors needs it made anew" if len(there) < len(targets) else "name another output"
        raise InputError(f"{there[0]}: is there already; {wanted}, or use --overwrite")
    return there


def _format_of(path: str) -> str:
    name = writers.format_of_name(path)
    if name is None:
        endings = ", ".join(f".{ending}" for ending in writers.OUTPUT_FORMATS)
        raise InputError(f"{path}: no format has this ending, expected one of {endings} (or --output_format)")
    return name


def _read_references(recordings: Sequence[str], reference_files: Sequence[str]) -> list[str]:
    """Each reference, verbalized."""
    if not reference_files:
        return []
    if len(reference_files) != len(recordings):
        raise InputError(
            f"{len(reference_files)} --reference_file for {len(recordings)} --audio, expected as many, in the same "
            "order"
        )
    word_errors.check_installed()
    references = []
    for path in reference_files:
        # Captions are references, too; their times and markup are no words.
        file = read_transcript(path)
        text = file.transcript.text if file.plain_text is None else file.plain_text
        references.append(word_errors.verbalized_text(text))
        if not references[-1]:
            raise InputError(f"{path}: holds no word, expected the text that was said")
    return references


def _summary(transcript: Transcript, secs: float) -> str:
    duration = transcript.duration_secs
    share = f", {secs / duration:.2f} of its time" if duration else ""  # of less than half a millisecond, 0
    damage = f" ({transcript.damage})" if transcript.damage else ""
    return f"{len(transcript.words):,} words in {duration:.1f} s of sound{share}{damage}"


def _percent(errors: word_errors.WordErrors) -> str:
    return f"{100 * errors.rate:.2f} % ({errors.num_errors:,} errors in {errors.num_words:,} words)"
