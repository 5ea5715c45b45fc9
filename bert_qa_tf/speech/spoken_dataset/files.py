"""Makes a spoken data set of a SQuAD-form file, as Spoken-SQuAD was made.

Contexts are read aloud, white noise is mixed in, and they are recognised; questions stay text. What was heard of each
paragraph is written to a folder beside the output as soon as it is there, so that the same command goes on where it was
stopped. The output is made of these parts, and is the same bytes either way.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from absl import logging
from tqdm import tqdm

import bert_qa_tf
from bert_qa_tf.config import SpeakingConfig, SpokenDatasetConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech import parts, processes
from bert_qa_tf.speech.spoken_dataset import report_file
from bert_qa_tf.speech.spoken_dataset.paragraphs import SpokenParagraph
from bert_qa_tf.speech.spoken_dataset.speak_and_recognize import Heard, Listener, check_installed
from bert_qa_tf.storage import atomic_files, files, json_text
from bert_qa_tf.tasks.question_answering.reading import squad_reader
from bert_qa_tf.text.verbalization import verbalize_sentences

# Changes when the same text would be heard or kept in another way.
_PARTS_FORMAT = 1
_LINES_OF_PROGRESS = 20


@dataclasses.dataclass(frozen=True)
class _Job:
    """A paragraph to be heard: its part's path, its text and the noise's volume."""

    part: str
    context: str
    noise_volume: float


def make_spoken(
    input_file: str,
    output_file: str,
    config: SpokenDatasetConfig,
    *,
    num_processes: int = 1,
    keep_parts: bool = False,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Writes `output_file` and `<output_file>.report.json`.

    Args:
      input_file: SQuAD-form JSON.
      output_file: where to write; the parts lie in `<output_file>.parts/` until it is whole.
      config: how.
      num_processes: on so many cores.
      keep_parts: leave the parts where they are: the same texts are not heard again with other settings of placing.
      overwrite: whether to replace files there that were made in another way.

    Returns:
      The report.

    Raises:
      InputError: the input is not fit, or what speaks or hears is not installed; the output is the input, must not be
        replaced, or is being written by another process.
    """
    if files.is_remote(output_file):
        raise InputError(f"{output_file}: expected a local file, since its parts are written beside it")
    report_file.check_outputs(input_file, output_file, overwrite)
    # Refuses what is no SQuAD-form file before hours are spent on it.
    version = squad_reader.load_squad(input_file).version
    settings = check_installed(config.speaking)
    folder = f"{output_file}.parts"
    with parts.folder(folder, output_file, keep=keep_parts):
        jobs = [
            _Job(_part_path(folder, settings, paragraph["context"], volume), paragraph["context"], volume)
            for _, paragraph, volume in _paragraphs(input_file, config)
        ]
        _hear_all(jobs, config.speaking, num_processes)
        report = _Report(input_file, config, settings)
        with atomic_files.replacing_together(report_file.path_of(output_file), output_file) as (beside, file):
            _write(file, version, input_file, config, jobs, report)
            result = report.to_json()
            beside.write(atomic_files.json_bytes(result))
    return result


def describe(report: Mapping[str, Any]) -> str:
    """The report for a person."""
    rate = "-" if report["word_error_rate"] is None else f"{100 * report['word_error_rate']:.2f} %"
    lines = [
        f"word error rate {rate} of {report['words']:,} words; {report['duration_secs'] / 3600:.2f} h of speech, "
        f"recognised in {report['recognition_real_time_factor']} of its time on a core"
    ]
    return "\n".join(lines + [f"  {name.replace('_', ' ')}: {count:,}" for name, count in report["counts"].items()])


def _paragraphs(input_file: str, config: SpokenDatasetConfig) -> Iterator[tuple[int, dict[str, Any], float]]:
    """The number of its article, each paragraph, and the noise it is heard with."""
    number = 0
    for index, article in enumerate(squad_reader.iter_articles(input_file, again=True)):
        for paragraph in article["paragraphs"]:
            yield index, paragraph, config.noise_volumes[number % len(config.noise_volumes)]
            number += 1


# === Hearing ===


def _part_path(folder: str, settings: str, context: str, noise_volume: float) -> str:
    # What is said and not what is written: parts outlive a change in how something else is spelled out.
    said = [sentence.to_say for sentence in verbalize_sentences(context)]
    identity = json.dumps([_PARTS_FORMAT, settings, noise_volume, said])
    return os.path.join(folder, hashlib.blake2b(identity.encode("utf-8"), digest_size=12).hexdigest() + ".json")


def _hear_all(jobs: Sequence[_Job], config: SpeakingConfig, num_processes: int) -> None:
    todo = {job.part: job for job in jobs if _read_part(job.part) is None}
    if len(todo) < len(jobs):
        logging.info("%d of %d paragraphs were heard before", len(jobs) - len(todo), len(jobs))
    make_worker = functools.partial(_make_listening, config)
    done = processes.each(make_worker, todo.values(), min(num_processes, len(todo)))
    if sys.stderr.isatty():
        for _ in tqdm(done, total=len(todo), unit="paragraph"):
            pass
        return
    step = max(1, len(todo) // _LINES_OF_PROGRESS)
    for number, _ in enumerate(done, start=1):
        if number % step == 0:
            logging.info("heard %d of %d paragraphs", number, len(todo))


def _make_listening(config: SpeakingConfig) -> Callable[[_Job], None]:
    listener = Listener(config)

    def listen(job: _Job) -> None:
        heard = listener.hear(job.context, job.noise_volume)
        atomic_files.write_text(job.part, json.dumps(heard.to_json()))

    return listen


def _read_part(path: str) -> Heard | None:
    """What was heard before; None where that is not there or was cut off."""
    try:
        return Heard.from_json(files.read_json(path), path)
    except InputError:
        return None


# === Writing ===


class _Report:
    """Adds up what paragraphs count."""

    def __init__(self, input_file: str, config: SpokenDatasetConfig, settings: str) -> None:
        self._head = {
            "input_file": input_file,
            "bert_qa_tf": bert_qa_tf.__version__,
            "hearing": settings,
            "noise_volumes": list(config.noise_volumes),
            "unplaced": config.unplaced,
            "min_confidence": config.min_confidence,
        }
        self._counts: Counter[str] = Counter()
        self._errors: dict[float, Counter[str]] = {volume: Counter() for volume in config.noise_volumes}
        self._secs: Counter[str] = Counter()

    def add(self, paragraph: SpokenParagraph, heard: Heard, noise_volume: float) -> None:
        self._counts.update(paragraph.counts)
        self._errors[noise_volume].update(errors=paragraph.errors.num_errors, words=paragraph.errors.num_words)
        self._secs.update(duration=heard.duration_secs, recognition=heard.recognition_secs)

    def to_json(self) -> dict[str, Any]:
        errors = sum(self._errors.values(), Counter())
        duration = self._secs["duration"]
        return {
            **self._head,
            "word_error_rate": _rate(errors),
            "word_error_rate_by_noise_volume": {str(v): _rate(e) for v, e in self._errors.items()},
            "words": errors["words"],
            "duration_secs": round(duration, 3),
            "recognition_real_time_factor": round(self._secs["recognition"] / duration, 3) if duration else None,
            "counts": {name: count for name, count in sorted(self._counts.items()) if count},
        }


def _rate(errors: Mapping[str, int]) -> float | None:
    return round(errors["errors"] / errors["words"], 4) if errors["words"] else None


def _write(
    file: BinaryIO, version: str, input_file: str, config: SpokenDatasetConfig, jobs: Sequence[_Job], report: _Report
) -> None:
    """The output, an article at a time."""
    file.write(f'{{"version": {json.dumps(version)}, "data": ['.encode())
    num_written = 0
    remaining = iter(jobs)
    for article in squad_reader.iter_articles(input_file, again=True):
        paragraphs = []
        for paragraph in article["paragraphs"]:
            job = next(remaining)
            heard = _read_part(job.part)
            if heard is None:
                raise InputError(f"{job.part}: this part is gone or broken; the same command makes it again")
            spoken = SpokenParagraph(paragraph, heard, config)
            made = spoken.to_json(job.noise_volume)
            report.add(spoken, heard, job.noise_volume)
            if made is not None:
                paragraphs.append(made)
        if paragraphs:
            separator = ",\n" if num_written else "\n"
            text = json_text.write({**article, "paragraphs": paragraphs})
            file.write((separator + text).encode("utf-8"))
            num_written += 1
    file.write(b"\n]}\n")
